"""Writers: the record of one photo as JSON or npz, and pictures, each whole or not at all."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import __version__
from ..poses.camera import WeakPerspective
from ..poses.errors import BadInput, Lift3dError
from ..poses.pose import Pose2D, Pose3D
from ..poses.skeleton import Skeleton
from ..poses.whole_files import whole_file

SCHEMA_VERSION = 1
FRAME = "camera axes: x right, y down, z forward; joints_mm relative to the skeleton's root"
UNITS = {"joints_px": "px", "joints_mm": "mm", "scale_px_per_mm": "px/mm"}

NOT_OURS = (EOFError, ValueError, KeyError, TypeError, AttributeError)  # by what a file holds
_PLAIN_FIELDS = (
    "schema_version",
    "lift3d_version",
    "source",
    "image_size_px",
    "frame",
    "detector",
    "lifter",
)


def pose_record(
    people: Sequence[Pose3D],
    *,
    source: str,
    image_size_px: tuple[int, int],
    skeleton_2d: Skeleton,
    skeleton_3d: Skeleton,
    detector: str,
    lifter: str,
    weights_sha256: Mapping[str, str],
) -> dict[str, Any]:
    """Return what is known of the people in one photo as plain lists and numbers, for `write_json`.

    `image_size_px` is (width, height). What was not found or is not known is None; pixels are
    rounded to 0.01, millimetres to 0.1, confidences to 0.0001. docs/output.md states each field.

    Raises BadInput where a person has other skeletons than the record.

    >>> from lift3d.poses import get_skeleton
    >>> record = pose_record([], source="a.jpg", image_size_px=(640, 480), detector="hourglass",
    ...     lifter="ppca", weights_sha256={}, skeleton_2d=get_skeleton("mpii16"),
    ...     skeleton_3d=get_skeleton("h36m17"))
    >>> record["people"], record["skeleton_3d"]["name"]
    ([], 'h36m17')
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "lift3d_version": __version__,
        "source": source,
        "image_size_px": [int(side) for side in image_size_px],
        "units": dict(UNITS),
        "frame": FRAME,
        "skeleton_2d": _skeleton_record(skeleton_2d),
        "skeleton_3d": _skeleton_record(skeleton_3d),
        "detector": detector,
        "lifter": lifter,
        "weights_sha256": dict(weights_sha256),
        "people": [_person_record(person, skeleton_2d, skeleton_3d) for person in people],
    }


def write_json(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON, UTF-8, arrays of numbers on one line.

    Makes the folder. Raises BadInput where the record holds NaN or infinity, which JSON has not,
    and Lift3dError where the file cannot be written.
    """
    try:
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise BadInput(f"{path}: record must hold no NaN or infinity; put None there") from error
    # A line break never stands inside a JSON string, so this joins lists of numbers only.
    text = re.sub(r"\[\n[^\[\]{}\"]*\]", lambda numbers: _one_line(numbers[0]), text)
    _write_whole(path, (text + "\n").encode(errors="backslashreplace"))


def write_npz(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record of `pose_record` as npz: one array per field, people first, NaN for None.

    Holds no pickled object: `numpy.load(path)` reads it. Makes the folder. Raises Lift3dError
    where the file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **_record_arrays(record))
    _write_whole(path, buffer.getvalue())


def read_source(path: str | Path) -> str | None:
    """Return the photo that a JSON or npz file of ours was made from; None where it says none."""
    try:
        if Path(path).suffix == ".npz":
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return str(arrays["source"])
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        return record["source"] if isinstance(record["source"], str) else None
    except (OSError, zipfile.BadZipFile, zlib.error, *NOT_OURS):
        return None


def write_png(path: str | Path, rgb: np.ndarray) -> None:
    """Write an RGB uint8 picture (H, W, 3) as PNG.

    Makes the folder. Raises BadInput where `rgb` is no such array, and Lift3dError where the file
    cannot be written.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise BadInput(
            f"rgb must have shape (H, W, 3) and type uint8, got {rgb.shape} {rgb.dtype}; "
            "repeat a grey picture three times"
        )
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    _write_whole(path, data.tobytes())


def _write_whole(path: str | Path, data: bytes) -> None:
    """Write through `path` + '.part', so that a stop leaves the old file or none, never half."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise Lift3dError(
            f"{path}: cannot be written: {error.strerror}; choose another output folder"
        ) from error


def _person_record(person: Pose3D, skeleton_2d: Skeleton, skeleton_3d: Skeleton) -> dict[str, Any]:
    pose2d = person.pose2d
    _check_skeleton(person, skeleton_3d)
    if pose2d is not None:
        _check_skeleton(pose2d, skeleton_2d)
    return {
        "person_id": None if pose2d is None else pose2d.person_id,
        "score": None if pose2d is None else _rounded(pose2d.score, 4),
        "box_xyxy_px": None if pose2d is None else _rounded(pose2d.box_xyxy_px, 2),
        "joints_px": None if pose2d is None else _rounded(pose2d.joints_px, 2),
        "confidence_2d": None if pose2d is None else _rounded(pose2d.confidence, 4),
        "joints_mm": _rounded(person.joints_mm, 1),
        "confidence": _rounded(person.confidence, 4),
        "sigma_mm": _rounded(person.sigma_mm, 1),
        "root_mm": _rounded(person.root_mm, 1),
        "camera": _camera_record(person.camera),
    }


def _check_skeleton(pose: Pose2D | Pose3D, skeleton: Skeleton) -> None:
    if pose.skeleton != skeleton:
        raise BadInput(
            f"people must be {type(pose).__name__} of skeleton {skeleton.name!r}, "
            f"got {pose.skeleton.name!r}; convert them or name the other skeleton"
        )


def _skeleton_record(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "name": skeleton.name,
        "joints": list(skeleton.joints),
        "parents": list(skeleton.parents),
    }


def _camera_record(camera: WeakPerspective | None) -> dict[str, Any] | None:
    if camera is None:
        return None
    scale = float(f"{camera.scale_px_per_mm:.6g}")  # relative: it multiplies a thousand mm
    return {"scale_px_per_mm": scale, "offset_px": _rounded(camera.offset_px, 2)}


def _rounded(values: Any, digits: int) -> Any:
    """Return numbers or nested arrays of them as rounded floats; None for all not finite."""
    if values is None:
        return None
    if np.ndim(values) > 0:
        return [_rounded(value, digits) for value in values]
    value = float(values)
    return round(value, digits) + 0.0 if math.isfinite(value) else None  # + 0.0: no minus zero


def _one_line(numbers: str) -> str:
    return "[" + " ".join(numbers[1:-1].split()) + "]"


def _record_arrays(record: Mapping[str, Any]) -> dict[str, Any]:
    J2, J3 = (len(record[name]["joints"]) for name in ("skeleton_2d", "skeleton_3d"))
    people = record["people"]
    cameras = [person["camera"] or {} for person in people]
    ids = [-1 if person["person_id"] is None else person["person_id"] for person in people]
    arrays: dict[str, Any] = {
        name: _stacked([person[name] for person in people], shape)
        for name, shape in {
            "score": (),
            "box_xyxy_px": (4,),
            "joints_px": (J2, 2),
            "confidence_2d": (J2,),
            "joints_mm": (J3, 3),
            "confidence": (J3,),
            "sigma_mm": (J3,),
            "root_mm": (3,),
        }.items()
    }
    arrays["person_id"] = np.array(ids, np.int64)
    arrays["scale_px_per_mm"] = _stacked([c.get("scale_px_per_mm") for c in cameras], ())
    arrays["offset_px"] = _stacked([c.get("offset_px") for c in cameras], (2,))
    for name in ("skeleton_2d", "skeleton_3d"):
        arrays[name] = np.array(record[name]["name"])
        arrays[f"{name}_joints"] = np.array(record[name]["joints"])
        arrays[f"{name}_parents"] = np.array(record[name]["parents"], np.int64)
    for name in ("weights_sha256", "units"):
        arrays[f"{name}_names"] = np.array(list(record[name]), dtype=np.str_)
        arrays[name] = np.array(list(record[name].values()), dtype=np.str_)
    for name in _PLAIN_FIELDS:
        arrays[name] = np.array(record[name])
    return arrays


def _stacked(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return one array (P, *shape) of float64 over the people; None becomes NaN."""
    stack = np.full((len(values), *shape), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            stack[row] = np.array(value, dtype=np.float64)  # None inside becomes NaN
    return stack
