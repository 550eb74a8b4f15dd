"""The 3D figure: each person from the front and from the side, on axes in millimetres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..poses.errors import BadInput
from ..poses.pose import Pose3D
from .picture_strokes import (
    LEFT,
    MIDDLE,
    RIGHT,
    WHITE,
    Colour,
    draw_body,
    draw_disc,
    draw_line,
    draw_text,
    text_width_px,
)

_GRID: Colour = (228, 228, 228)
_ZERO: Colour = (176, 176, 176)
_TEXT: Colour = (70, 70, 70)
_TITLE: Colour = (20, 20, 20)
_FINER = 2  # drawn twice as large and averaged down: crisp text
_MIN_HEIGHT_PX = 320
_MIN_SPAN_MM = 400.0
_REACH_MM = 1500.0  # no limb ends further from the root; what does is cut off at the frame
_FAR_MM = 10**5  # joints further away than that are none
_TICKS_MM = (50, 100, 200, 250, 500, 1000, 2000)
_FRONT, _SIDE = (0, 1, 2), (2, 1, 0)  # the axes to the right, down, and away from the viewer


@dataclass(frozen=True)
class _Layout:
    """Hold the sizes of one view in pixels, and what part of space it shows in millimetres."""

    unit: float  # height of a capital letter
    width: int
    height: int
    px_per_mm: float
    centre_mm: tuple[float, float, float]  # x, y, z in the middle of the views

    @property
    def plot(self) -> tuple[float, float, float, float]:
        """Return x0, y0, x1, y1 of the plot: room for title, tick labels and axis names."""
        u = self.unit
        return 6.5 * u, 3.6 * u, self.width - 1.6 * u, self.height - 5.0 * u


def draw_figure_3d(
    people: Sequence[Pose3D], *, height_px: int = 480, min_confidence: float = 0.3
) -> np.ndarray:
    """Return a picture, RGB uint8 (H, W, 3), of everybody from the front and from the side.

    Front: x to the right, y down, as the camera sees it. Side: z (away from the camera) to the
    right, y down. Orthographic, relative to each person's root, millimetres, one scale for all
    views. Right limbs are orange, left ones blue; near bones cover far ones. Joints below
    `min_confidence` are rings with faint bones; NaN is left out. `height_px` is the height of one
    person's views; several people stand in rows. The number is the pose's `person_id`, else the
    place in the list. Without people the picture says so.

    What is more than 1.5 m from the root along an axis is cut off, so that one wild joint does not
    make everybody small. Raises BadInput where `height_px` is below 320.

    >>> draw_figure_3d([], height_px=320).shape[0]
    320
    """
    if height_px < _MIN_HEIGHT_PX:
        raise BadInput(
            f"height_px must be at least {_MIN_HEIGHT_PX}, got {height_px}; the text needs the room"
        )
    people = [replace(person, joints_mm=_near(person.joints_mm)) for person in people]
    layout = _layout(people, height_px * _FINER)
    if not people:
        return _empty(layout, "no person found")
    n_columns = max(1, round(math.sqrt(len(people) / 1.5)))
    cells = [_person(layout, person, n, min_confidence) for n, person in enumerate(people)]
    cells += [_empty(layout, "")] * (-len(people) % n_columns)
    rows = [
        np.concatenate(cells[first : first + n_columns], axis=1)
        for first in range(0, len(cells), n_columns)
    ]
    return np.concatenate([_header(layout, n_columns), *rows], axis=0)


def _near(joints_mm: np.ndarray) -> np.ndarray:
    return np.where(np.abs(joints_mm) < _FAR_MM, joints_mm, np.nan)


def _layout(people: Sequence[Pose3D], height: int) -> _Layout:
    """Return the layout whose one scale lets every person fit into both views."""
    points = np.concatenate([np.zeros((1, 3)), *(person.joints_mm for person in people)])
    points = points[np.isfinite(points).all(axis=-1)].astype(np.float64)
    points = points.clip(-_REACH_MM, _REACH_MM)
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(1.12 * (high - low), _MIN_SPAN_MM)
    across, down = max(span[0], span[2]), span[1]
    unit = max(9.0 * _FINER, height / 44)
    plot_height = height - 8.6 * unit
    plot_width = plot_height * float(np.clip(across / down, 0.75, 1.5))
    px_per_mm = min(plot_height / down, plot_width / across)
    x, y, z = (low + high) / 2
    width = _FINER * round((plot_width + 8.1 * unit) / _FINER)
    return _Layout(unit, width, height, px_per_mm, (x, y, z))


def _header(layout: _Layout, n_columns: int) -> np.ndarray:
    """Draw the strip on top: what the colours mean."""
    u = layout.unit
    canvas = _blank(_FINER * round(3.2 * u / _FINER), 2 * layout.width * n_columns)
    x, y = layout.plot[0], 1.6 * u
    for colour, name in ((RIGHT, "right"), (LEFT, "left"), (MIDDLE, "middle")):
        draw_line(canvas, np.array([x, y]), np.array([x + 2 * u, y]), colour, 0.5 * u)
        draw_disc(canvas, np.array([x + u, y]), 0.55 * u, colour)
        draw_text(canvas, name, (x + 3 * u, y + 0.5 * u), u, _TEXT)
        x += 5 * u + text_width_px(name, u)
    return _shrink(canvas)


def _empty(layout: _Layout, text: str) -> np.ndarray:
    canvas = _blank(layout.height, 2 * layout.width)
    draw_text(canvas, text, (layout.width, layout.height / 2), 2 * layout.unit, _TEXT, align=0.5)
    return _shrink(canvas)


def _person(layout: _Layout, pose: Pose3D, place: int, min_confidence: float) -> np.ndarray:
    """Draw one person's front and side view next to each other."""
    person_id = pose.pose2d.person_id if pose.pose2d is not None else None
    number = place if person_id is None else person_id
    views = []
    for axes, view in ((_FRONT, "front"), (_SIDE, "side")):
        canvas = _blank(layout.height, layout.width)
        _draw_axes(canvas, layout, axes)
        _draw_title(canvas, layout, f"person {number}", view)
        x0, y0, x1, y1 = (round(v) for v in layout.plot)
        right, down, away = axes
        joints_px = _to_px(layout, axes, pose.joints_mm[:, [right, down]]) - (x0, y0)
        # Seen along +z from the front; the side view's observer stands at +x and looks along -x.
        depth = pose.joints_mm[:, away] * (1 if axes == _FRONT else -1)
        draw_body(
            canvas[y0:y1, x0:x1],
            joints_px,
            pose.confidence,
            pose.skeleton,
            width_px=layout.height / 110,
            min_confidence=min_confidence,
            depth=depth,
        )
        if not np.isfinite(pose.joints_mm).all(axis=-1).any():
            _draw_note(canvas, layout, "no joint found")
        views.append(_shrink(canvas))
    return np.concatenate(views, axis=1)


def _to_px(layout: _Layout, axes: tuple[int, int, int], points_mm: np.ndarray) -> np.ndarray:
    """Return view pixels (..., 2) of millimetres (..., 2) along the view's two axes."""
    x0, y0, x1, y1 = layout.plot
    centre_mm = np.array([layout.centre_mm[axes[0]], layout.centre_mm[axes[1]]])
    return (points_mm - centre_mm) * layout.px_per_mm + ((x0 + x1) / 2, (y0 + y1) / 2)


def _draw_title(canvas: np.ndarray, layout: _Layout, name: str, view: str) -> None:
    u, (x0, y0, x1, _) = layout.unit, layout.plot
    draw_text(canvas, name, (x0, y0 - 1.2 * u), 1.25 * u, _TITLE, bold=True)
    draw_text(canvas, view, (x1, y0 - 1.2 * u), 1.25 * u, _TEXT, align=1.0)


def _draw_note(canvas: np.ndarray, layout: _Layout, text: str) -> None:
    """Write into the middle of a view, on white."""
    u, (x0, y0, x1, y1) = layout.unit, layout.plot
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    half_px = text_width_px(text, 1.25 * u) / 2 + 0.5 * u
    corners = (round(x - half_px), round(y - 1.2 * u)), (round(x + half_px), round(y + 1.2 * u))
    cv2.rectangle(canvas, *corners, WHITE, -1)
    draw_text(canvas, text, (x, y + 0.6 * u), 1.25 * u, _TEXT, align=0.5)


def _draw_axes(canvas: np.ndarray, layout: _Layout, axes: tuple[int, int, int]) -> None:
    """Draw grid, frame, tick labels and the names of the axes of one view."""
    u, (x0, y0, x1, y1) = layout.unit, layout.plot
    origin = _to_px(layout, axes, np.zeros(2))
    step_mm = _tick_step_mm(layout)
    for x, mm in _ticks(origin[0], x0, x1, layout.px_per_mm, step_mm):
        draw_line(canvas, np.array([x, y0]), np.array([x, y1]), _ZERO if mm == 0 else _GRID, 2)
        draw_text(canvas, f"{mm}", (x, y1 + 1.9 * u), u, _TEXT, align=0.5)
    for y, mm in _ticks(origin[1], y0, y1, layout.px_per_mm, step_mm):
        draw_line(canvas, np.array([x0, y]), np.array([x1, y]), _ZERO if mm == 0 else _GRID, 2)
        draw_text(canvas, f"{mm}", (x0 - 0.6 * u, y + 0.5 * u), u, _TEXT, align=1.0)
    corners = (round(x0), round(y0)), (round(x1), round(y1))
    cv2.rectangle(canvas, *corners, _ZERO, 2)
    name = "x (mm)" if axes == _FRONT else "z (mm), away from the camera"
    x = min((x0 + x1) / 2, layout.width - 0.5 * u - text_width_px(name, u) / 2)
    draw_text(canvas, name, (x, y1 + 4.0 * u), u, _TEXT, align=0.5)
    _draw_upwards(canvas, "y (mm), down", round(0.6 * u), (y0 + y1) / 2, u)


def _draw_upwards(canvas: np.ndarray, text: str, x: int, y_middle: float, unit: float) -> None:
    """Draw text turned by 90 degrees, its left side at `x`."""
    patch = _blank(round(1.8 * unit), round(text_width_px(text, unit)))
    draw_text(patch, text, (0, 1.4 * unit), unit, _TEXT)
    patch = np.rot90(patch)
    top = round(y_middle - patch.shape[0] / 2)
    canvas[top : top + patch.shape[0], x : x + patch.shape[1]] = patch


def _tick_step_mm(layout: _Layout) -> int:
    """Return the smallest usual step that gives each label room enough."""
    roomy = (step for step in _TICKS_MM if step * layout.px_per_mm >= 5 * layout.unit)
    return next(roomy, _TICKS_MM[-1])


def _ticks(
    origin_px: float, low_px: float, high_px: float, px_per_mm: float, step_mm: int
) -> list[tuple[float, int]]:
    """Return (pixel, millimetres) of the ticks between two pixels."""
    step_px = step_mm * px_per_mm
    first = math.ceil((low_px - origin_px) / step_px)
    last = math.floor((high_px - origin_px) / step_px)
    return [(origin_px + n * step_px, n * step_mm) for n in range(first, last + 1)]


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), WHITE, np.uint8)


def _shrink(canvas: np.ndarray) -> np.ndarray:
    H, W = canvas.shape[:2]
    return cv2.resize(canvas, (W // _FINER, H // _FINER), interpolation=cv2.INTER_AREA)
