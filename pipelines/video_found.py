"""What was found in the frames of a video: kept on the disk, read again, found where it lacks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import __version__
from ..models.zoo import sha256_of
from ..poses.errors import BadInput
from .detections_file import (
    Damage,
    DetectionsFile,
    FoundFrame,
    FrameCodec,
    Segment,
    SegmentWriter,
    VideoEnd,
)
from .parts import code_file
from .pipeline import Pipeline
from .sources import Mark, Source
from .stream_find import StageClock, batch_frames, find_people
from .stream_overlap import overlap
from .stream_settings import StreamSettings
from .video_output import VideoItem, VideoOutput
from .video_writers import writing


class FoundVideo:
    """What was found in each frame of a video: read where it was kept, else found now, and kept.

    Attributes:
        end: the end of the video, once all frames were given.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: Source,
        item: VideoItem,
        settings: StreamSettings,
        output: VideoOutput,
        clock: StageClock,
    ) -> None:
        self._pipeline, self._source, self._settings = pipeline, source, settings
        self._clock = clock
        self.codec = FrameCodec(pipeline.detector.skeleton, pipeline.lifter.skeleton)
        self.batch = batch_frames(source)
        self.end = VideoEnd(0)
        self._damage: Damage | None = None  # wherever in the video it was found
        key = _key(pipeline, source, settings, output, self.batch)
        base = output.folder / item.name
        self.file = DetectionsFile(base, key, self.batch, self.codec)

    def __iter__(self) -> Iterator[FoundFrame]:
        """Yield the frames in order from the first one."""
        at, last = 0, None
        while True:
            segments = [segment for segment in self.file.segments() if segment.start >= at]
            grown = segments.pop(0) if segments and segments[0].start == at else None
            if grown is not None and self._fits(grown, last):
                yield from self.file.frames(grown)
                at, last = at + grown.count, grown.last or last
                self._damage = grown.damage or self._damage
                if grown.end is not None:
                    self._set_end(grown.end)
                    return
            elif (
                grown is not None
            ):  # the chunks do not join: the file's packets told a wrong number
                for segment in (grown, *segments):
                    segment.path.unlink()
                grown, segments = None, []
            if segments and segments[0].start == at:
                continue
            until = segments[0].start if segments else None
            for frame in self._find(at, last, until, grown):
                at, last = frame.ordinal + 1, frame
                yield frame
            if until is None or at < until:
                return

    def prefetch(self, start: int, until: int | None) -> int:
        """Find and keep the frames from `start` up to `until`; return how many are new."""
        grown = self.file.segment(start)
        if grown is not None and (grown.end or (until and start + grown.count >= until)):
            return 0
        if grown is not None and grown.last is not None:
            last: Mark | None = grown.last
        elif start == 0:
            last = None
        else:
            last = self._source.mark_before(start, self._settings.selection)  # type: ignore[attr-defined]
            if last is None:
                return 0
        return sum(1 for _ in self._find(start, last, until, grown))

    def _find(
        self, start: int, after: Mark | None, until: int | None, grown: Segment | None
    ) -> Iterator[FoundFrame]:
        selection, clock = self._settings.selection, self._clock
        found = find_people(
            self._pipeline, self._source, selection, self.codec, clock, after, until
        )
        batches = overlap(found, ahead=2, stop=self._source.end)
        writer = self._writer(start, grown) if self._source.rereads else None
        try:
            for batch in batches:
                if writer is not None:
                    with writing(writer.path):
                        writer.append(batch)
                for record in map(self.codec.decode, batch):
                    if isinstance(record, Damage):
                        self._damage = record
                    elif isinstance(record, VideoEnd):
                        self._set_end(record)
                    else:
                        yield record
        finally:
            batches.close()
            if writer is not None:
                with writing(writer.path):  # what a full disk did not take is tried again here
                    writer.close()

    def _writer(self, start: int, grown: Segment | None) -> SegmentWriter:
        path = self.file.path(start)
        with writing(path):
            return self.file.writer(start, grown)

    def _set_end(self, end: VideoEnd) -> None:
        """Take the end of the video, with what was broken before its last part was read."""
        before = None if self._damage is None else self._damage.problem
        self.end = VideoEnd(end.n_frames, end.problem or before)

    def _fits(self, segment: Segment, last: Mark | None) -> bool:
        """Say whether a segment begins with the frame that comes behind `last`."""
        first = next(iter(self.file.frames(segment)), None)
        if last is None or first is None:
            return True
        step = self._settings.selection.stride
        return first.index == last.index + step and first.pts > last.pts


def _key(
    pipeline: Pipeline, source: Source, settings: StreamSettings, output: VideoOutput, batch: int
) -> dict[str, Any]:
    """Return all that the detections of a video depend on."""
    parts, chosen = output.parts, settings.to_dict()
    return {
        "lift3d_version": __version__,
        "source": source.name,
        "fingerprint": fingerprint(source.name) if source.rereads else None,
        "selection": {k: chosen[k] for k in ("stride", "start_s", "end_s", "max_frames", "fps")},
        "batch": batch,
        "detector": parts.detector,
        "lifter": parts.lifter,
        "code_sha256": {
            name: sha256_of(file)
            for name in (parts.detector, parts.lifter)
            if (file := code_file(name)) is not None
        },
        "weights_sha256": dict(parts.weights_sha256),
        "own_weights_sha256": {
            str(file): sha256_of(file)
            for part in (pipeline.detector, pipeline.lifter)
            for file in _weights_files(part)
        },
        "threshold": pipeline.threshold,
        "height_mm": pipeline.height_mm,
        "device": str(getattr(pipeline.detector, "device", "")),
    }


def _weights_files(part: Any) -> list[Path]:
    """Return the files that a part names in a tuple or list `weights`, whatever else it holds."""
    named = getattr(part, "weights", ())
    paths = named if isinstance(named, tuple | list) else ()
    return [Path(path) for path in paths if isinstance(path, str | Path) and Path(path).is_file()]


def fingerprint(path: str) -> str | None:
    """Return a digest of names, sizes and times of a file, or of the images of a sequence.

    None where there is neither.
    """
    from .sources_images import find_numbered

    try:
        files = [Path(path)] if os.path.isfile(path) else find_numbered(path)
        told = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except (OSError, BadInput):
        return None
    return hashlib.sha256(repr(told).encode()).hexdigest()
