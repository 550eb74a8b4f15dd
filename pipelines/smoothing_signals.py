"""A pose as signals to be filtered, and filtered signals as a pose.

S = J + 4 signals of 3 channels: the J joints in mm; the root's place as the ray (x / z, y / z) and
as the logarithm of its depth; the camera's offset and the logarithm of its scale. So the precise
place in the picture does not suffer from the imprecise depth. The last four are multiplied to count
about as millimetres do at 4 m before a camera of 1000 px focal length; channels not used are 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..poses.camera import WeakPerspective
from ..poses.pose import Pose2D, Pose3D

Array = NDArray[np.floating]

RAY, DEPTH, OFFSET, SCALE = range(4)  # the signals after the joints
EXTRA = 4
_MM = 4000.0  # of a ray, of the logarithm of depth or scale
_MM_PER_PX = 4.0


def to_signals(pose: Pose3D) -> tuple[Array, Array]:
    """Return values (J + 4, 3) and weights (J + 4,) of a pose; NaN, 0 for what it lacks."""
    J = pose.skeleton.n_joints
    values, weights = np.zeros((J + EXTRA, 3)), np.zeros(J + EXTRA)
    values[:J], weights[:J] = pose.joints_mm, pose.confidence
    values[J:] = np.nan
    trust = float(pose.confidence.mean())
    if pose.root_mm is not None and np.isfinite(pose.root_mm).all() and pose.root_mm[2] > 0:
        x, y, z = pose.root_mm
        values[J + RAY] = [_MM * x / z, _MM * y / z, 0]
        values[J + DEPTH] = [_MM * np.log(z), 0, 0]
        weights[[J + RAY, J + DEPTH]] = trust
    if pose.camera is not None:
        values[J + OFFSET] = [*(_MM_PER_PX * pose.camera.offset_px), 0]
        values[J + SCALE] = [_MM * np.log(pose.camera.scale_px_per_mm), 0, 0]
        weights[[J + OFFSET, J + SCALE]] = trust
    return values, weights


def from_signals(pose: Pose3D, values: Array, confidence: Array) -> Pose3D:
    """Return a pose with the filtered signals (J + 4, 3) and confidences (J + 4,) in it."""
    J = pose.skeleton.n_joints
    extra = values[J:, :2]
    known = np.asarray(np.isfinite(extra).all(-1))
    root_mm, camera = None, None
    if known[RAY] and known[DEPTH]:
        x, y = extra[RAY] / _MM
        root_mm = np.exp(extra[DEPTH, 0] / _MM) * np.array([x, y, 1.0])
    if known[OFFSET] and known[SCALE]:
        scale = float(np.exp(extra[SCALE, 0] / _MM))
        camera = WeakPerspective(scale, extra[OFFSET] / _MM_PER_PX)
    return replace(
        pose, joints_mm=values[:J], confidence=confidence[:J], root_mm=root_mm, camera=camera
    )


def between(before: Pose3D, after: Pose3D, part: float) -> Pose3D:
    """Return a stand-in for a pose that was missed, a part of the way from one to another.

    Only what filtering does not give is filled in here: the 2D pose, its box and score, sigma.
    """

    pose2d = before.pose2d
    if pose2d is not None and after.pose2d is not None:
        other = after.pose2d
        pose2d = Pose2D(
            _mix(pose2d.joints_px, other.joints_px, part),
            _mix(pose2d.confidence, other.confidence, part),
            pose2d.skeleton,
            _mix_known(pose2d.box_xyxy_px, other.box_xyxy_px, part),
            (1 - part) * pose2d.score + part * other.score,
            pose2d.person_id,
        )
    sigma_mm = _mix_known(before.sigma_mm, after.sigma_mm, part)
    return replace(before, pose2d=pose2d, sigma_mm=sigma_mm)


def _mix(a: Array, b: Array, part: float) -> Array:
    return (1 - part) * a + part * b


def _mix_known(a: Array | None, b: Array | None, part: float) -> Array | None:
    return None if a is None or b is None else _mix(a, b, part)
