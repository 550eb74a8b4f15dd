"""What was found in each frame, kept exactly while a video is worked on.

The file holds one line of JSON (the key: what it was made from and how), then records: length and
CRC-32 of the payload (two little-endian uint32), then the payload. A payload is a frame (its head
and one fixed-size record a person, numbers as float32), what is broken, or the end of the video.
Records are appended and flushed in batches; a reader takes the whole ones and drops what a kill
left half-written. Each number is rounded to float32 once, before anything uses it, so that a run
that goes on from the file sees what an undisturbed one sees.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..poses.camera import WeakPerspective
from ..poses.errors import BadInput
from ..poses.pose import Pose2D, Pose3D
from ..poses.skeleton import Skeleton
from .sources import Mark

_RECORD = struct.Struct("<II")
_FRAME = struct.Struct("<cqqqdI")  # kind, ordinal, index, time stamp, seconds, people
_END = struct.Struct("<cq")  # kind, number of frames taken
_PARTS = ("box_xyxy_px", "camera", "root_mm", "sigma_mm", "pose2d")


@dataclass(frozen=True, eq=False)
class FoundFrame(Mark):
    """The people found in one frame, before anything looks at other frames.

    Attributes:
        time_s: seconds from the source's first frame.
        people: lifted poses with their `pose2d`, best first.
    """

    time_s: float
    people: list[Pose3D]


@dataclass(frozen=True)
class VideoEnd:
    """The video ends here: how many frames were taken, and what was broken in it."""

    n_frames: int
    problem: str | None = None


@dataclass(frozen=True)
class Damage:
    """Something in the video was broken before here or a few frames on."""

    problem: str


class FrameCodec:
    """Turn frames into bytes and back; `decode(encode(x))` is what the rest of lift3d works on.

    Args:
        skeleton_2d: of the detector.
        skeleton_3d: of the lifter.
    """

    def __init__(self, skeleton_2d: Skeleton, skeleton_3d: Skeleton) -> None:
        self.skeleton_2d, self.skeleton_3d = skeleton_2d, skeleton_3d
        J2, J3 = skeleton_2d.n_joints, skeleton_3d.n_joints
        shapes = {
            "score": (),
            "box_xyxy_px": (4,),
            "joints_px": (J2, 2),
            "confidence_2d": (J2,),
            "joints_mm": (J3, 3),
            "confidence": (J3,),
            "camera": (3,),
            "root_mm": (3,),
            "sigma_mm": (J3,),
        }
        fields = [(name, "<f4", shape) for name, shape in shapes.items()]
        self._person = np.dtype([("has", "u1", (len(_PARTS),)), *fields])

    def encode(self, frame: FoundFrame) -> bytes:
        """Return a frame as bytes.

        Raises BadInput where a person has other skeletons than the codec.
        """
        head = _FRAME.pack(
            b"F", frame.ordinal, frame.index, frame.pts, frame.time_s, len(frame.people)
        )
        people = np.zeros(len(frame.people), self._person)
        for row, pose in zip(people, frame.people, strict=True):
            self._fill(row, pose)
        return head + people.tobytes()

    def _fill(self, row: Any, pose: Pose3D) -> None:
        pose2d, camera = pose.pose2d, pose.camera
        self._check(pose.skeleton, self.skeleton_3d)
        row["joints_mm"], row["confidence"] = pose.joints_mm, pose.confidence
        parts: dict[str, Any] = {"root_mm": pose.root_mm, "sigma_mm": pose.sigma_mm}
        if camera is not None:
            parts["camera"] = (camera.scale_px_per_mm, *camera.offset_px)
        if pose2d is not None:
            self._check(pose2d.skeleton, self.skeleton_2d)
            row["score"], row["confidence_2d"] = pose2d.score, pose2d.confidence
            row["joints_px"] = pose2d.joints_px
            parts["box_xyxy_px"] = pose2d.box_xyxy_px
        for name, value in parts.items():
            if value is not None:
                row[name] = value
        row["has"] = [
            pose2d is not None if n == "pose2d" else parts.get(n) is not None for n in _PARTS
        ]

    def _check(self, skeleton: Skeleton, wanted: Skeleton) -> None:
        if skeleton != wanted:
            raise BadInput(
                f"poses of one video must have the skeleton {wanted.name!r}, got {skeleton.name!r}"
            )

    def decode(self, data: bytes) -> FoundFrame | Damage | VideoEnd:
        """Return what the bytes of `encode`, `encode_damage` or `encode_end` stand for."""
        if data[:1] == b"D":
            return Damage(json.loads(data[1:]))
        if data[:1] == b"E":
            n_frames = _END.unpack_from(data)[1]
            return VideoEnd(n_frames, json.loads(data[_END.size :]))
        _, ordinal, index, pts, time_s, count = _FRAME.unpack_from(data)
        rows = np.frombuffer(data, self._person, count, _FRAME.size)
        return FoundFrame(ordinal, index, pts, time_s, [self._pose(row) for row in rows])

    def _pose(self, row: Any) -> Pose3D:
        has = dict(zip(_PARTS, row["has"], strict=True))
        wide = {name: row[name].astype(np.float64) for name in row.dtype.names if name != "has"}
        part = {name: wide.get(name) if has[name] else None for name in _PARTS}
        camera = part["camera"]
        pose2d = None
        if has["pose2d"]:
            pose2d = Pose2D(
                wide["joints_px"],
                wide["confidence_2d"],
                self.skeleton_2d,
                part["box_xyxy_px"],
                float(wide["score"]),
            )
        return Pose3D(
            wide["joints_mm"],
            wide["confidence"],
            self.skeleton_3d,
            camera=None if camera is None else WeakPerspective(float(camera[0]), camera[1:]),
            root_mm=part["root_mm"],
            pose2d=pose2d,
            sigma_mm=part["sigma_mm"],
        )


def encode_end(end: VideoEnd) -> bytes:
    """Return the end of a video as bytes."""
    return _END.pack(b"E", end.n_frames) + json.dumps(end.problem).encode()


def encode_damage(damage: Damage) -> bytes:
    """Return what was broken in a video as bytes."""
    return b"D" + json.dumps(damage.problem).encode()


class DetectionsFile:
    """The detections of one video, in one or several segments beside its results.

    A segment `NAME.detections.00000480.part` holds the frames from ordinal 480 on. Several workers
    write a segment each; a run that was stopped leaves what it has, and the next one fills in.
    Segments whose key is another one are deleted.

    Args:
        base: path of the results without suffix.
        key: what the detections depend on, as plain values.
        batch: frames that are found together; segments are whole batches.
        codec: of the poses.
    """

    def __init__(self, base: Path, key: Mapping[str, Any], batch: int, codec: FrameCodec) -> None:
        self._base, self._batch, self._codec = base, batch, codec
        self._key = (json.dumps(key, sort_keys=True) + "\n").encode()

    def segments(self) -> list[Segment]:
        """Return the segments that are there, in order, each cut to whole batches."""
        found = []
        for path in self._paths():
            segment = self._read(path)
            if segment is None:
                path.unlink(missing_ok=True)
            else:
                found.append(segment)
        return sorted(found, key=lambda segment: segment.start)

    def segment(self, start: int) -> Segment | None:
        """Return the segment that begins at a frame, cut to whole batches, or None.

        Those that other workers are writing are left alone.
        """
        path = self.path(start)
        return self._read(path) if os.path.exists(path) else None

    def frames(self, segment: Segment) -> Iterator[FoundFrame]:
        """Yield the frames of a segment."""
        with segment.path.open("rb") as file:
            file.readline()
            for _, payload in _records(file, segment.size):
                record = self._codec.decode(payload)
                if isinstance(record, FoundFrame):
                    yield record

    def writer(self, start: int, segment: Segment | None = None) -> SegmentWriter:
        """Return a writer of a new segment, or one that goes on with a segment."""
        path = segment.path if segment else self.path(start)
        return SegmentWriter(path, self._key, segment.size if segment else 0)

    def delete(self) -> None:
        """Delete all segments: the results are there."""
        for path in self._paths():
            path.unlink(missing_ok=True)

    def path(self, start: int) -> Path:
        """Return where the segment that begins at a frame is kept."""
        return self._base.with_name(f"{self._base.name}.detections.{start:08d}.part")

    def _paths(self) -> list[Path]:
        head = f"{self._base.name}.detections."
        folder = self._base.parent
        names = os.listdir(folder) if folder.is_dir() else []
        starts = {name: name[len(head) : -len(".part")] for name in names if name.startswith(head)}
        return [
            folder / name
            for name, start in sorted(starts.items())
            if name.endswith(".part") and start.isdecimal()
        ]

    def _read(self, path: Path) -> Segment | None:
        """Return what a segment holds; None where it is another run's or not one whole batch."""
        start = int(path.name.split(".")[-2])
        with path.open("rb") as file:
            if file.readline() != self._key:
                return None
            count = 0
            damage: Damage | None = None
            last: Mark | None = None
            end: VideoEnd | None = None
            whole: tuple[int, int, Mark | None, Damage | None] | None = None
            for position, payload in _records(file):
                record = self._codec.decode(payload)
                if isinstance(record, VideoEnd):
                    whole, end = (position, count, last, damage), record
                    break
                if isinstance(record, Damage):
                    damage = record
                    continue
                count, last = count + 1, Mark(record.ordinal, record.index, record.pts)
                if (start + count) % self._batch == 0:
                    whole = (position, count, last, damage)
        if whole is None:
            return None
        size, count, last, damage = whole
        return Segment(path, start, count, last, end, size, damage)


@dataclass(frozen=True)
class Segment:
    """A run of frames in a file.

    Attributes:
        path: of the file.
        start: ordinal of the first frame.
        count: of the whole frames.
        last: mark of the last one, None where there is none.
        end: the end of the video, where the segment reaches it.
        size: bytes of the file up to the last whole batch.
        damage: what was found broken in the video while its frames were read.
    """

    path: Path
    start: int
    count: int
    last: Mark | None
    end: VideoEnd | None
    size: int
    damage: Damage | None = None


class SegmentWriter:
    """Append frames to a segment's file, a batch at a time.

    Args:
        path: of the file.
        key: its first line.
        size: bytes that are kept of what is there; 0: begin anew.
    """

    def __init__(self, path: Path, key: bytes, size: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("r+b" if size else "wb")
        if size:
            self._file.truncate(size)
            self._file.seek(size)
        else:
            self._file.write(key)

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write the records of one batch and hand them to the system."""
        self._file.write(b"".join(_record(payload) for payload in payloads))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _record(payload: bytes) -> bytes:
    return _RECORD.pack(len(payload), zlib.crc32(payload)) + payload


def _records(file: IO[bytes], size: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (position behind it, payload) of the whole records, up to a position in the file."""
    while size is None or file.tell() < size:
        head = file.read(_RECORD.size)
        if len(head) < _RECORD.size:
            return
        length, checksum = _RECORD.unpack(head)
        payload = file.read(length)
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield file.tell(), payload
