"""What the files say of a video: a header, and one record a frame as plain lists and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import __version__
from ..poses.pose import Pose3D
from ..poses.skeleton import Skeleton
from .frame import Frame
from .ground_plane import GroundPlane
from .stream_settings import PinholeGuess
from .writers import FRAME, UNITS

VIDEO_SCHEMA_VERSION = 1


def header_record(
    *,
    source: str,
    size_px: tuple[int, int],
    rate: float | None,
    skeleton_2d: Skeleton,
    skeleton_3d: Skeleton,
    detector: str,
    lifter: str,
    weights_sha256: Mapping[str, str],
    camera: PinholeGuess,
    floor: GroundPlane | None = None,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what is the same for all frames of a video; docs/output.md states each field.

    Args:
        source: path or name of the video.
        size_px: (width, height) of its frames.
        rate: frames a second, None where it is not known.
        skeleton_2d: of the detector.
        skeleton_3d: of the lifter.
        detector: its name.
        lifter: its name.
        weights_sha256: name of a weights file -> its SHA-256.
        camera: focal length and centre that `root_mm` is for.
        floor: that people were set on; None: they were not.
        settings: what was chosen, as plain values.
    """
    return {
        "schema_version": VIDEO_SCHEMA_VERSION,
        "record": "header",
        "lift3d_version": __version__,
        "source": source,
        "image_size_px": [int(side) for side in size_px],
        "rate_fps": None if rate is None else round(rate, 6),
        "units": {**UNITS, "root_mm": "mm", "time_s": "s"},
        "frame": FRAME,
        "skeleton_2d": _skeleton(skeleton_2d),
        "skeleton_3d": _skeleton(skeleton_3d),
        "detector": detector,
        "lifter": lifter,
        "weights_sha256": dict(weights_sha256),
        "camera": camera_record(camera),
        "floor": None
        if floor is None
        else {
            "up": plain(floor.up, 6),
            "height_mm": plain(floor.height_mm, 1),
            "contacts": floor.contacts,
            "spread_mm": plain(floor.spread_mm, 1),
        },
        "settings": dict(settings),
    }


def camera_record(camera: PinholeGuess) -> dict[str, Any]:
    """Return a camera as plain numbers and text."""
    return {
        "focal_px": round(camera.focal_px, 3),
        "centre_px": [float(x) for x in camera.centre_px],
        "focal_from": camera.origin,
    }


def frame_record(frame: Frame) -> dict[str, Any]:
    """Return a frame as plain lists and numbers; what is not known is None.

    Pixels are rounded to 0.01, millimetres to 0.1, confidences to 0.0001, seconds to a millionth.
    """
    raw = [None] * len(frame.people) if frame.raw is None else frame.raw
    smoothed = frame.raw is not None
    return {
        "record": "frame",
        "frame": int(frame.index),
        "time_s": round(float(frame.time_s), 6),
        "people": [
            person_record(person, before, smoothed)
            for person, before in zip(frame.people, raw, strict=True)
        ],
    }


def person_record(person: Pose3D, raw: Pose3D | None, smoothed: bool) -> dict[str, Any]:
    """Return one person of a frame as plain lists and numbers.

    Args:
        person: the pose.
        raw: the pose before smoothing; None where nothing was smoothed, or a gap was filled.
        smoothed: the video was smoothed, so that `raw` None means a filled gap.
    """
    pose2d, camera = person.pose2d, person.camera
    return {
        "person_id": None if pose2d is None else pose2d.person_id,
        "score": None if pose2d is None else plain(pose2d.score, 4),
        "box_xyxy_px": None if pose2d is None else plain(pose2d.box_xyxy_px, 2),
        "joints_px": None if pose2d is None else plain(pose2d.joints_px, 2),
        "confidence_2d": None if pose2d is None else plain(pose2d.confidence, 4),
        "joints_mm": plain(person.joints_mm, 1),
        "confidence": plain(person.confidence, 4),
        "sigma_mm": plain(person.sigma_mm, 1),
        "root_mm": plain(person.root_mm, 1),
        "camera": None
        if camera is None
        else {
            "scale_px_per_mm": float(f"{camera.scale_px_per_mm:.6g}"),
            "offset_px": plain(camera.offset_px, 2),
        },
        "filled": smoothed and raw is None,
        "raw_joints_mm": None if raw is None else plain(raw.joints_mm, 1),
        "raw_root_mm": None if raw is None else plain(raw.root_mm, 1),
    }


def plain(values: Any, digits: int) -> Any:
    """Return a number or an array as rounded floats and nested lists, None for what is not finite.

    >>> plain([[1.26, np.nan], [-0.01, 2]], 1)
    [[1.3, None], [0.0, 2.0]]
    """
    if values is None:
        return None
    rounded = np.round(np.asarray(values, np.float64), digits) + 0.0  # + 0.0: no minus zero
    if np.isfinite(rounded).all():
        return rounded.tolist()
    nulled = rounded.astype(object)
    nulled[~np.isfinite(rounded)] = None
    return nulled.tolist() if nulled.ndim else None


def _skeleton(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "parents": list(skeleton.parents),
    }
