"""The overlay: what the detector found, drawn on the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..poses.pose import Pose2D
from .picture_strokes import WHITE, Colour, check_rgb, draw_body, draw_text, text_width_px

# Boxes of neighbouring people differ; none is the orange or the blue of a body's sides.
BOX_COLOURS: tuple[Colour, ...] = ((0, 128, 94), (176, 78, 132), (110, 28, 70), (128, 92, 30))


def draw_overlay(
    image: np.ndarray, people: Sequence[Pose2D], *, min_confidence: float = 0.3
) -> np.ndarray:
    """Return a copy of an RGB uint8 photo (H, W, 3) with everybody's skeleton on it.

    Right limbs are orange, left ones blue, the middle grey; lines grow with the person. Joints
    below `min_confidence` are rings with faint bones, joints not found are left out. A thin box
    carries the person's number (`person_id`, else the place in the list) and score. Small people
    are drawn first. Without people the copy is the photo.

    Raises BadInput where the image is not RGB uint8.

    >>> draw_overlay(np.zeros((20, 30, 3), np.uint8), []).shape
    (20, 30, 3)
    """
    check_rgb(image)
    canvas = np.ascontiguousarray(image).copy()
    drawn = [
        (n if pose.person_id is None else pose.person_id, pose, box)
        for n, pose in enumerate(people)
        if (box := _box(pose)) is not None
    ]
    drawn.sort(key=lambda person: _size_px(person[2]))
    for number, _, box in drawn:
        _draw_box(canvas, box, BOX_COLOURS[number % len(BOX_COLOURS)])
    for _, pose, box in drawn:
        draw_body(
            canvas,
            pose.joints_px,
            pose.confidence,
            pose.skeleton,
            width_px=max(1.0, min(_size_px(box), math.hypot(*image.shape[:2])) / 90),
            min_confidence=min_confidence,
        )
    for number, pose, box in drawn:
        colour = BOX_COLOURS[number % len(BOX_COLOURS)]
        _draw_tag(canvas, f"{number}  {pose.score:.2f}", box, colour)
    return canvas


def _box(pose: Pose2D) -> np.ndarray | None:
    """Return the person's box (x0, y0, x1, y1), else the one round its joints; None without any."""
    if pose.box_xyxy_px is not None and np.isfinite(pose.box_xyxy_px).all():
        return pose.box_xyxy_px
    found = pose.joints_px[np.isfinite(pose.joints_px).all(axis=-1)]
    return np.concatenate([found.min(axis=0), found.max(axis=0)]) if len(found) else None


def _size_px(box_xyxy_px: np.ndarray) -> float:
    return float(np.hypot(*(box_xyxy_px[2:] - box_xyxy_px[:2])))


def _line_px(canvas: np.ndarray) -> int:
    return max(1, round(max(canvas.shape[:2]) / 600))


def _draw_box(canvas: np.ndarray, box_xyxy_px: np.ndarray, colour: Colour) -> None:
    limits = np.array([canvas.shape[1], canvas.shape[0]] * 2) - 1
    x0, y0, x1, y1 = (int(v) for v in np.rint(np.clip(box_xyxy_px, 0, limits)))
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, _line_px(canvas), cv2.LINE_AA)


def _draw_tag(canvas: np.ndarray, text: str, box_xyxy_px: np.ndarray, colour: Colour) -> None:
    """Draw a small filled label at the upper left corner of a box, inside the image."""
    H, W = canvas.shape[:2]
    height_px = max(8.0, max(H, W) / 70)
    pad_px = round(0.5 * height_px)
    width_px = text_width_px(text, height_px) + 2 * pad_px
    x0 = round(float(np.clip(box_xyxy_px[0], 0, max(0, W - width_px))))
    y1 = round(float(np.clip(box_xyxy_px[1], height_px + 2 * pad_px, H)))
    corner = (round(x0 + width_px), y1)
    cv2.rectangle(canvas, (x0, round(y1 - height_px - 2 * pad_px)), corner, colour, -1)
    draw_text(canvas, text, (x0 + pad_px, y1 - pad_px), height_px, WHITE)
