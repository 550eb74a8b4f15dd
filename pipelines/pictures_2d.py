"""The overlay: what the detector found, drawn on the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..poses.pose import Pose2D
from .picture_strokes import WHITE, Colour, check_rgb, draw_body, draw_text, text_width_px

# Far from each other and from the colours of a body's sides, with every kind of colour blindness;
# dark and bright take turns. People whose numbers differ by a multiple of four share one.
BOX_COLOURS: tuple[Colour, ...] = ((112, 8, 48), (104, 230, 100), (72, 32, 200), (240, 176, 236))
_BLACK: Colour = (0, 0, 0)
_PADDING = 0.05  # of the diagonal: joints lie inside the body

_Rectangle = tuple[int, int, int, int]  # x0, y0, x1, y1; the last two are outside


def draw_overlay(
    image: np.ndarray, people: Sequence[Pose2D], *, min_confidence: float = 0.3
) -> np.ndarray:
    """Return a copy of an RGB uint8 photo (H, W, 3) with everybody's skeleton on it.

    Right limbs are orange, left ones blue, the middle grey; lines grow with the person. Joints
    below `min_confidence` are rings with faint bones, joints not found are left out. A thin box
    carries the person's number (`person_id`, else the place in the list) and score, in a label
    that moves where it would cover another. Small people are drawn first, those wholly outside the
    photo not at all. Without people the copy is the photo.

    Raises BadInput where the image is not RGB uint8.

    >>> draw_overlay(np.zeros((20, 30, 3), np.uint8), []).shape
    (20, 30, 3)
    """
    check_rgb(image)
    canvas = np.ascontiguousarray(image).copy()
    drawn = [
        (n if pose.person_id is None else pose.person_id, pose, box)
        for n, pose in enumerate(people)
        if (box := _box(pose, image.shape[:2])) is not None
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
            width_px=max(1.0, _size_px(box) / 90),
            min_confidence=min_confidence,
        )
    taken: list[_Rectangle] = []
    for number, pose, box in sorted(drawn, key=lambda person: person[0]):  # steady in a video
        colour = BOX_COLOURS[number % len(BOX_COLOURS)]
        taken.append(_draw_tag(canvas, f"{number}  {pose.score:.2f}", box, colour, taken))
    return canvas


def _box(pose: Pose2D, size: tuple[int, int]) -> np.ndarray | None:
    """Return the person's box (x0, y0, x1, y1) inside a picture (H, W); None where it is outside.

    Without a box, or with one that is outside, it is the one round the joints.
    """
    limits = np.array([size[1], size[0]]) - 1
    box, pad = pose.box_xyxy_px, 0.0
    if box is None or not np.isfinite(box).all() or _outside(box, limits):
        near = (np.abs(pose.joints_px - limits / 2) <= 1.5 * limits + 1).all(axis=-1)
        found = pose.joints_px[near]  # one wild joint must not make the person a giant
        if not len(found):
            return None
        box = np.concatenate([found.min(axis=0), found.max(axis=0)])
        pad = _PADDING * _size_px(box)
    if _outside(box, limits):
        return None
    return np.clip(box + pad * np.array([-1, -1, 1, 1]), 0, np.tile(limits, 2))


def _outside(box_xyxy_px: np.ndarray, limits: np.ndarray) -> bool:
    return bool((box_xyxy_px[2:] < 0).any() or (box_xyxy_px[:2] > limits).any())


def _size_px(box_xyxy_px: np.ndarray) -> float:
    return float(np.hypot(*(box_xyxy_px[2:] - box_xyxy_px[:2])))


def _side_px(canvas: np.ndarray) -> float:
    """Return the side of a square picture as large: a panorama's people are not larger for it."""
    return math.sqrt(canvas.shape[0] * canvas.shape[1])


def _draw_box(canvas: np.ndarray, box_xyxy_px: np.ndarray, colour: Colour) -> None:
    x0, y0, x1, y1 = (int(v) for v in np.rint(box_xyxy_px))
    width = max(1, round(_side_px(canvas) / 550))
    cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, width, cv2.LINE_AA)


def _draw_tag(
    canvas: np.ndarray,
    text: str,
    box_xyxy_px: np.ndarray,
    colour: Colour,
    taken: Sequence[_Rectangle],
) -> _Rectangle:
    """Draw a small filled label at a box, beside those that are drawn; return where it is."""
    height_px = max(7.0, min(_side_px(canvas) / 64, canvas.shape[0] / 4))
    pad_px = round(0.5 * height_px)
    width = math.ceil(text_width_px(text, height_px)) + 2 * pad_px
    height = round(height_px) + 2 * pad_px
    x0, y0 = _tag_place(canvas, width, height, box_xyxy_px, taken)
    x1, y1 = x0 + width, y0 + height
    cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), colour, -1)
    dark = np.dot(colour, (0.299, 0.587, 0.114)) < 128
    ink = WHITE if dark else _BLACK
    draw_text(canvas, text, (x0 + pad_px, y1 - pad_px), height_px, ink)
    return x0, y0, x1, y1


def _tag_place(
    canvas: np.ndarray,
    width: int,
    height: int,
    box_xyxy_px: np.ndarray,
    taken: Sequence[_Rectangle],
) -> tuple[int, int]:
    """Return the upper left corner (x, y) of a label: in the picture and, if any is, free.

    Above the box, else below it, else in its lower and upper edge, at its left or its right side;
    else down or up from there.
    """
    x0, y0, x1, y1 = (round(float(v)) for v in box_xyxy_px)
    right, bottom = max(0, canvas.shape[1] - width), max(0, canvas.shape[0] - height)
    columns = [min(max(x, 0), right) for x in (x0, x1 + 1 - width)]
    rows = (y0 - height, y1 + 1, y1 + 1 - height, y0)
    places = [(x, y) for y in rows for x in columns if 0 <= y <= bottom]
    places += [(columns[0], y) for y in (*range(y0, bottom, height), *range(y0, 0, -height))]
    places.append((columns[0], bottom))

    def is_free(place: tuple[int, int]) -> bool:
        x, y = place
        return not any(
            x < other[2] and other[0] < x + width and y < other[3] and other[1] < y + height
            for other in taken
        )

    return next(filter(is_free, places), places[0])
