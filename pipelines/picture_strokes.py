"""The look that all pictures share: colours of the sides, strokes and text."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ..poses.errors import BadInput
from ..poses.skeleton import Skeleton

Colour = tuple[int, int, int]

# Orange and blue of Okabe and Ito (2008): told apart with every kind of colour blindness.
RIGHT: Colour = (230, 159, 0)
LEFT: Colour = (0, 114, 178)
MIDDLE: Colour = (96, 96, 96)
WHITE: Colour = (255, 255, 255)

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SHIFT = 4  # OpenCV takes coordinates in 1/16 px
_FAR_PX = 1e6  # beyond this, OpenCV's fixed-point coordinates overflow
_SMALL_PX = 6.0  # OpenCV draws circles up to this radius with corners
_RING_PX = 2.2  # the least radius at which a ring shows its hole


def side_colours(skeleton: Skeleton) -> list[Colour]:
    """Return the colour of each joint: `RIGHT` (orange), `LEFT` (blue) or `MIDDLE` (grey).

    A bone takes the colour of its child.

    >>> from lift3d.poses import get_skeleton
    >>> side_colours(get_skeleton("h36m17"))[:2]
    [(96, 96, 96), (230, 159, 0)]
    """
    colours = [MIDDLE] * skeleton.n_joints
    for left, right in skeleton.pairs:
        colours[left], colours[right] = LEFT, RIGHT
    return colours


def check_rgb(image: np.ndarray) -> None:
    """Raise BadInput where an image is not RGB uint8 of shape (H, W, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise BadInput(
            f"image must be RGB of shape (H, W, 3) and type uint8, got {image.shape} {image.dtype}"
            "; read it with read_image"
        )


def draw_body(
    canvas: np.ndarray,
    joints_px: np.ndarray,
    confidence: np.ndarray,
    skeleton: Skeleton,
    *,
    width_px: float,
    min_confidence: float,
    depth: np.ndarray | None = None,
) -> None:
    """Draw bones and joints (J, 2) of one person into an RGB canvas (H, W, 3), in place.

    Joints below `min_confidence` are rings, and bones that touch them are faint. NaN is left out.
    With `depth` (J,) the far bones are drawn first, and each near one cuts a white edge into them.
    """
    colours = side_colours(skeleton)
    found = np.isfinite(joints_px).all(axis=-1)
    sure = found & (confidence >= min_confidence)
    bones = [(a, b) for a, b in skeleton.bones if found[a] and found[b]]
    joints = list(np.flatnonzero(found))
    if depth is not None:
        bones.sort(key=lambda bone: -(depth[bone[0]] + depth[bone[1]]))
        joints.sort(key=lambda joint: -depth[joint])

    faint = [bone for bone in bones if not (sure[bone[0]] and sure[bone[1]])]
    if faint:
        _draw_faint(canvas, joints_px, faint, colours, 0.6 * width_px)

    edge_px = max(0.5, 0.25 * width_px)
    solid = [bone for bone in bones if bone not in faint]
    if depth is None:
        for a, b in solid:
            draw_line(canvas, joints_px[a], joints_px[b], WHITE, width_px + 2 * edge_px)
    for a, b in solid:
        if depth is not None:
            draw_line(canvas, joints_px[a], joints_px[b], WHITE, width_px + 2 * edge_px)
        draw_line(canvas, joints_px[a], joints_px[b], colours[b], width_px)
    for joint in joints:
        radius_px = max(0.5 * width_px + edge_px, 0.0 if sure[joint] else _RING_PX)
        draw_disc(canvas, joints_px[joint], radius_px + edge_px, WHITE)
        draw_disc(canvas, joints_px[joint], radius_px, colours[joint])
        if not sure[joint]:
            draw_disc(canvas, joints_px[joint], radius_px - max(1.0, edge_px), WHITE)


def _draw_faint(
    canvas: np.ndarray,
    joints_px: np.ndarray,
    bones: Sequence[tuple[int, int]],
    colours: Sequence[Colour],
    width_px: float,
) -> None:
    """Draw bones half transparent, in place; where they cross they do not get darker."""
    near_px = np.clip(joints_px, -_FAR_PX, _FAR_PX)  # before the shift: the same lines as without
    ends_px = near_px[np.unique(bones)]
    low_px, high_px = ends_px.min(axis=0) - width_px - 2, ends_px.max(axis=0) + width_px + 2
    left, right = _within(low_px[0], high_px[0], canvas.shape[1])
    top, bottom = _within(low_px[1], high_px[1], canvas.shape[0])
    part = canvas[top:bottom, left:right]
    if part.size == 0:
        return
    layer = part.copy()
    for a, b in bones:
        start_px, end_px = near_px[a] - (left, top), near_px[b] - (left, top)
        draw_line(layer, start_px, end_px, colours[b], width_px)
    part[:] = cv2.addWeighted(layer, 0.5, part, 0.5, 0)


def draw_line(
    canvas: np.ndarray, start_px: np.ndarray, end_px: np.ndarray, colour: Colour, width_px: float
) -> None:
    """Draw an anti-aliased line with round ends, in place."""
    width = max(1, round(width_px))
    cv2.line(canvas, _fixed(start_px), _fixed(end_px), colour, width, cv2.LINE_AA, _SHIFT)


def draw_disc(canvas: np.ndarray, centre_px: np.ndarray, radius_px: float, colour: Colour) -> None:
    """Draw an anti-aliased filled circle, in place."""
    if radius_px <= _SMALL_PX:
        _draw_small_disc(canvas, centre_px, radius_px, colour)
        return
    radius = round(radius_px * 2**_SHIFT)
    cv2.circle(canvas, _fixed(centre_px), radius, colour, -1, cv2.LINE_AA, _SHIFT)


def _draw_small_disc(
    canvas: np.ndarray, centre_px: np.ndarray, radius_px: float, colour: Colour
) -> None:
    """Draw a filled circle by how much of each pixel it covers, in place."""
    x, y = centre_px
    reach_px = radius_px + 0.5
    left, right = _within(x - reach_px, x + reach_px, canvas.shape[1])
    top, bottom = _within(y - reach_px, y + reach_px, canvas.shape[0])
    part = canvas[top:bottom, left:right]
    if part.size == 0:
        return
    distance = np.hypot(np.arange(left, right) - x, (np.arange(top, bottom) - y)[:, None])
    cover = (reach_px - distance).clip(0, 1)[..., None]
    part[:] = np.rint(part + cover * (np.array(colour) - part.astype(float)))


def _within(low_px: float, high_px: float, size: int) -> tuple[int, int]:
    """Return begin and end of the pixels, of `size` in a row, from `low_px` to `high_px`."""
    return min(max(math.floor(low_px), 0), size), min(max(math.ceil(high_px) + 1, 0), size)


def draw_text(
    canvas: np.ndarray,
    text: str,
    at_px: tuple[float, float],
    height_px: float,
    colour: Colour,
    *,
    align: float = 0.0,
    bold: bool = False,
) -> None:
    """Draw ASCII text with capitals `height_px` high, in place.

    `at_px` is on the base line: its left end with `align` 0, the middle with 0.5, the right with 1.
    """
    x = at_px[0] - align * text_width_px(text, height_px, bold=bold)
    scale, width = _text_stroke(height_px, bold)
    origin = (round(x), round(at_px[1]))
    cv2.putText(canvas, text, origin, _FONT, scale, colour, width, cv2.LINE_AA)


def text_width_px(text: str, height_px: float, *, bold: bool = False) -> float:
    """Return the width of a text that `draw_text` draws with this height."""
    return cv2.getTextSize(text, _FONT, *_text_stroke(height_px, bold))[0][0]


def _text_stroke(height_px: float, bold: bool) -> tuple[float, int]:
    """Return OpenCV's scale and line width; this font's capitals are 21 px high at scale 1."""
    return height_px / 21, max(1, round(height_px * (0.2 if bold else 0.11)))


def _fixed(point_px: np.ndarray) -> tuple[int, int]:
    """Return a point in OpenCV's fixed-point coordinates; what is far outside is moved nearer."""
    x, y = np.rint(np.clip(point_px, -_FAR_PX, _FAR_PX) * 2**_SHIFT)
    return int(x), int(y)
