"""What both smoothers do with frames: whose pose is it, is it their turn, are settings in range."""

from __future__ import annotations

import math
from dataclasses import replace

from ..poses.errors import BadInput
from ..poses.pose import Pose3D
from .frame import Frame


def identity_of(pose: Pose3D) -> int | None:
    """Return the person's number, None where the pose has none."""
    return None if pose.pose2d is None else pose.pose2d.person_id


def with_people(frame: Frame, people: list[tuple[Pose3D, Pose3D | None]]) -> Frame:
    """Return the frame with pairs of smoothed and raw poses in it."""
    return replace(frame, people=[pose for pose, _ in people], raw=[raw for _, raw in people])


def check_time(frame: Frame, last_s: float | None) -> None:
    """Raise BadInput unless the frame's time goes on from the last one's."""
    if not math.isfinite(frame.time_s) or (last_s is not None and frame.time_s < last_s):
        raise BadInput(
            f"time_s of frame {frame.index} must be finite and not before the last frame's "
            f"{last_s}, got {frame.time_s}; give one smoother the frames of one video in order"
        )


def check_positive(**settings: float) -> None:
    """Raise BadInput unless all settings are above 0."""
    for name, value in settings.items():
        if not (math.isfinite(value) and value > 0):
            raise BadInput(f"{name} must be above 0, got {value}")


def check_not_negative(**settings: float) -> None:
    """Raise BadInput unless all settings are 0 or more."""
    for name, value in settings.items():
        if not (math.isfinite(value) and value >= 0):
            raise BadInput(f"{name} must be 0 or more, got {value}")
