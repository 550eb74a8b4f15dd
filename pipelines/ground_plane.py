"""The floor: a plane through the standing feet of a clip, and feet set on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..poses.checks import float_array
from ..poses.errors import BadInput
from ..poses.pose import Pose3D
from .frame import Frame

Array = NDArray[np.floating]

SLOW_MM_S = 350.0  # a foot that stands moves slower than this, in the camera's axes
DEPTH_PART = 0.04  # standard deviation of a depth, as a part of it
FOOT_MM = 30.0  # standard deviation of a foot's place beside that
CELL_MM = 600.0  # side of a patch of the floor
TILT_DEG = 8.0  # how far bodies lean from the upright, one standard deviation
LEAST_CONTACTS = 10
MOST_CONTACTS = 4000
NEAR_MM = 200.0  # a slow foot so near above the floor stands on it
SETTLE_S = 0.4  # time constant in which a person is set on the floor
_ANKLES = ("left_ankle", "right_ankle")
_ROUNDS = 10


@dataclass(frozen=True, eq=False)
class GroundPlane:
    """Hold the plane in which the ankles of standing feet lie, in the camera's axes.

    Attributes:
        up: (3,) unit vector away from the floor.
        height_mm: of the camera above the plane, so that up . x + height_mm is a point's height.
        contacts: how many standing feet it rests on.
        spread_mm: median distance of these from the plane.

    >>> plane = GroundPlane(np.array([0.0, -1, 0]), 1500.0, 10, 0.0)
    >>> plane.above_mm(np.array([0.0, 1500, 4000]))
    array(0.)
    """

    up: Array
    height_mm: float
    contacts: int
    spread_mm: float

    def above_mm(self, points_mm: Array) -> Array:
        """Return how far points (..., 3) in the camera's axes lie above the plane (...)."""
        return np.asarray(points_mm @ self.up + self.height_mm)


class GroundPlaneEstimator:
    """Collect standing feet from the frames of a clip and fit the plane they stand on.

    The camera must not move, and poses need `root_mm`. A foot stands where its ankle is slow and
    the lower one. At most `MOST_CONTACTS` are kept, evenly over the clip: when there are more,
    every second is dropped and from then on every second one taken.

    Args:
        up: (3,) the direction that bodies are upright in where the clip does not tell; None: the
            camera is level.

    >>> GroundPlaneEstimator().plane() is None
    True
    """

    def __init__(self, up: Array | None = None) -> None:
        given = np.array([0.0, -1.0, 0.0]) if up is None else float_array("up", up)
        if given.shape != (3,) or not np.isfinite(given).all() or not given.any():
            raise BadInput(f"up must be a direction x, y, z in camera axes, got {up}")
        self._prior_up = _unit(given)
        self._contacts: list[Array] = []
        self._bodies = np.zeros(3)
        self._every, self._count = 1, 0
        self._last: dict[int, tuple[float, Array]] = {}

    def add(self, frame: Frame) -> None:
        """Take the standing feet of a frame's people."""
        now = dict(_feet(frame))
        for identity, (feet, body) in now.items():
            if np.isfinite(body).all():
                self._bodies = self._bodies + body
            before = self._last.get(identity)
            if before is None or frame.time_s <= before[0]:
                continue
            speed = np.linalg.norm(feet - before[1], axis=-1) / (frame.time_s - before[0])
            self._take(feet, speed)
        self._last = {identity: (frame.time_s, feet) for identity, (feet, _) in now.items()}

    def _take(self, feet: Array, speed: Array) -> None:
        height = np.where(np.isfinite(speed), feet @ self._up(), np.inf)
        lower = int(np.argmin(height))
        if not speed[lower] < SLOW_MM_S:
            return
        self._count += 1
        if self._count % self._every == 0:
            self._contacts.append(feet[lower])
        if len(self._contacts) > MOST_CONTACTS:
            self._contacts = self._contacts[::2]
            self._every *= 2

    def _up(self) -> Array:
        """Return the mean direction of upright bodies (3,), or the one that was given."""
        length = np.linalg.norm(self._bodies)
        return self._bodies / length if length >= LEAST_CONTACTS else self._prior_up

    def plane(self) -> GroundPlane | None:
        """Return the plane through the feet so far; None with fewer than `LEAST_CONTACTS`.

        The feet of each patch of the floor are taken together, for their depths err alike. The
        normal starts from the bodies' upright and is improved by Gauss-Newton steps on the heights
        of the patches, each relative to its noise across the plane (mostly that of its depth),
        with Cauchy's weights against feet that do not stand, and the upright as a prior: feet in
        one spot or on one line do not tell the tilt.
        """
        if len(self._contacts) < LEAST_CONTACTS:
            return None
        prior = self._up()
        side = _unit(np.cross(prior, [0.0, 0.0, 1.0] if abs(prior[2]) < 0.9 else [1.0, 0.0, 0.0]))
        tangents = np.stack([side, np.cross(prior, side)])  # (2, 3)
        points = _cell_medians(np.stack(self._contacts), tangents)
        tilt, height = np.zeros(2), float(-np.median(points @ prior))
        for _ in range(_ROUNDS):
            up = _unit(prior + tilt @ tangents)
            sigma = np.hypot(FOOT_MM, DEPTH_PART * (points @ up))
            gap = (points @ up + height) / sigma
            weight = 1 / (sigma * np.sqrt(1 + gap**2))
            slopes = np.column_stack([points @ tangents.T, np.ones(len(points))])
            A = np.vstack([slopes * weight[:, None], np.eye(2, 3) / np.tan(np.radians(TILT_DEG))])
            b = np.concatenate([-gap * sigma * weight, -tilt / np.tan(np.radians(TILT_DEG))])
            step = np.linalg.lstsq(A, b, rcond=None)[0]
            tilt, height = tilt + step[:2], height + float(step[2])
        up = _unit(prior + tilt @ tangents)
        spread = float(np.median(abs(np.stack(self._contacts) @ up + height)))
        return GroundPlane(up, height, len(self._contacts), spread)


class FeetOnGround:
    """Set people on a plane as the frames come: standing feet on it, no foot below it.

    The root moves, the pose does not: mostly along the ray to the camera, since depth is what one
    camera knows least. What a standing foot asks for is taken up in `SETTLE_S` and kept while
    both feet are in the air.

    >>> plane = GroundPlane(np.array([0.0, -1, 0]), 1500.0, 10, 0.0)
    >>> FeetOnGround(plane).update(Frame(0, 0.0, [])).people
    []
    """

    def __init__(self, plane: GroundPlane) -> None:
        self.plane = plane
        self._shift: dict[int, tuple[float, float]] = {}  # time, share of the depth
        self._last: dict[int, tuple[float, Array]] = {}

    def update(self, frame: Frame) -> Frame:
        """Return the frame with its people set on the plane; those without `root_mm` stay."""
        now = dict(_feet(frame))
        people = [
            self._set(pose, frame.time_s, now[k][0]) if (k := _identity(pose)) in now else pose
            for pose in frame.people
        ]
        self._last = {identity: (frame.time_s, feet) for identity, (feet, _) in now.items()}
        kept = {identity: self._shift[identity] for identity in now if identity in self._shift}
        self._shift = kept
        return replace(frame, people=people)

    def _set(self, pose: Pose3D, time_s: float, feet: Array) -> Pose3D:
        identity = _identity(pose)
        assert identity is not None
        assert pose.root_mm is not None
        heights = self.plane.above_mm(feet)  # (2,)
        lowest = float(np.nanmin(heights))
        since_s, shift = self._shift.get(identity, (time_s, lowest))
        if self._stands(identity, time_s, feet, heights - shift):
            shift += (1 - np.exp(-(time_s - since_s) / SETTLE_S)) * (lowest - shift)
        self._shift[identity] = (time_s, shift)
        below = min(0.0, lowest - shift)
        ray = _unit(pose.root_mm)
        up, depth = self.plane.up, DEPTH_PART * np.linalg.norm(pose.root_mm)
        spread = FOOT_MM**2 * up + depth**2 * (ray @ up) * ray  # covariance of the root times up
        root_mm = pose.root_mm - shift * spread / (spread @ up) - below * up
        return replace(pose, root_mm=root_mm)

    def _stands(self, identity: int, time_s: float, feet: Array, heights: Array) -> bool:
        """Return whether one of the feet is slow and, once set on the floor, near it."""
        before = self._last.get(identity)
        if before is None or time_s <= before[0]:
            return False
        speed = np.linalg.norm(feet - before[1], axis=-1) / (time_s - before[0])
        return bool(((speed < SLOW_MM_S) & (heights < NEAR_MM)).any())


def _feet(frame: Frame) -> Iterator[tuple[int, tuple[Array, Array]]]:
    """Yield (identity, (ankles (2, 3), upright (3,))) in camera axes of the people with a place."""
    for pose in frame.people:
        identity = _identity(pose)
        if identity is None or pose.root_mm is None or "thorax" not in pose.skeleton.joints:
            continue
        ankles = pose.joints_mm[[pose.skeleton.index(ankle) for ankle in _ANKLES]]
        if np.isfinite(ankles).all(-1).any():
            upright = pose.joints_mm[pose.skeleton.index("thorax")] - ankles.mean(0)
            yield identity, (ankles + pose.root_mm, _unit(upright))


def _cell_medians(points: Array, tangents: Array) -> Array:
    """Return the median point (C, 3) of each patch of the floor that has points (N, 3)."""
    cells = np.floor(points @ tangents.T / CELL_MM).astype(int)
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    return np.stack([np.median(points[cell.ravel() == k], 0) for k in range(cell.max() + 1)])


def _unit(vector: Array) -> Array:
    return vector / np.maximum(np.linalg.norm(vector), 1e-12)


def _identity(pose: Pose3D) -> int | None:
    return None if pose.pose2d is None else pose.pose2d.person_id
