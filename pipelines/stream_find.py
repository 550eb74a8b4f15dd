"""Find and lift the people in a source's frames, in batches across frames and people.

This is the expensive stage of a video, and it looks at each frame alone, so that it can be stopped,
gone on with and spread over workers. Batches end at whole multiples of their size, counted in
frames taken: wherever a run begins, a frame shares its batch with the same neighbours, and comes
out the same to the last bit.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from ..poses.errors import Lift3dError
from ..poses.pose import Pose3D
from .detections_file import (
    Damage,
    FoundFrame,
    FrameCodec,
    VideoEnd,
    encode_damage,
    encode_end,
)
from .pipeline import Pipeline
from .sources import Mark, Selection, Source, SourceFrame
from .stream_overlap import overlap
from .stream_workers import map_in_order

BATCH_FRAMES = 16
BATCH_PIXELS = 16_000_000


class StageClock:
    """Add up the seconds that each stage works, waiting left out; those of all its threads.

    >>> clock = StageClock()
    >>> with clock("decode"):
    ...     pass
    >>> list(clock.seconds)
    ['decode']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[stage] += time.perf_counter() - begin


def batch_frames(source: Source) -> int:
    """Return how many frames of a source run together: few where they are large, one if live."""
    if source.live:
        return 1
    width, height = source.size_px
    return max(1, min(BATCH_FRAMES, BATCH_PIXELS // (width * height)))


def find_people(
    pipeline: Pipeline,
    source: Source,
    selection: Selection,
    codec: FrameCodec,
    clock: StageClock,
    after: Mark | None = None,
    until: int | None = None,
) -> Iterator[list[bytes]]:
    """Yield the records of each batch, behind that of what was found broken until then.

    The last list ends with the end of the video.

    The frames are decoded in a thread of their own, a batch ahead. Batches are worked on in as many
    threads as may call the detector; the lifter is called by one of them at a time.

    Args:
        pipeline: detector and lifter.
        source: to read from.
        selection: of the frames; the same one in each run over a video.
        codec: makes the records.
        clock: gets the seconds of "decode", "detect" and "lift".
        after: go on behind this frame; None: from the first one.
        until: stop before this ordinal, without an end; None: at the end.

    Raises:
        Lift3dError: a part fails on a frame, or the source cannot be read.
    """
    frames = source.frames(selection, after)
    taken = 0 if after is None else after.ordinal + 1
    size = batch_frames(source)
    batches = overlap(_batches(_timed(frames, clock), size, until), ahead=1, stop=source.end)

    lifts = threading.Lock()

    def find(batch: list[SourceFrame]) -> list[bytes]:
        found = _find(pipeline, batch, clock, source.name, lifts)
        return [codec.encode(frame) for frame in found]

    threads = 1 if source.live else pipeline.frame_threads()
    with closing(batches), closing(map_in_order(find, batches, threads)) as found:
        for records in found:
            taken += len(records)
            noted = [] if source.problem is None else [encode_damage(Damage(source.problem))]
            yield noted + records  # in front: what a stop leaves of a batch begins with its start
    if until is None or taken < until:
        yield [encode_end(VideoEnd(taken, source.problem))]


def _timed(frames: Iterator[SourceFrame], clock: StageClock) -> Iterator[SourceFrame]:
    while True:
        with clock("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def _batches(
    frames: Iterable[SourceFrame], size: int, until: int | None
) -> Iterator[list[SourceFrame]]:
    """Group frames so that each batch but the last ends at a multiple of `size`."""
    batch: list[SourceFrame] = []
    for frame in frames:
        batch.append(frame)
        over = until is not None and frame.ordinal + 1 >= until
        if (frame.ordinal + 1) % size == 0 or over:
            yield batch
            batch = []
        if over:
            return
    if batch:
        yield batch


def _find(
    pipeline: Pipeline,
    batch: list[SourceFrame],
    clock: StageClock,
    name: str,
    lifts: threading.Lock,
) -> list[FoundFrame]:
    images = [frame.image for frame in batch]
    try:
        with clock("detect"):
            poses = pipeline.detect_frames(images, [frame.time_s for frame in batch])
        with lifts, clock("lift"):
            people = pipeline.lift_batch(poses)
    except Exception as error:
        text = " ".join(str(error).split())
        what = text if isinstance(error, Lift3dError) else f"{type(error).__name__}: {text}"
        first, last = batch[0], batch[-1]
        raise Lift3dError(
            f"{name}: frames {first.index} to {last.index} ({first.time_s:.2f} s): {what}"
        ) from error
    return [
        FoundFrame(frame.ordinal, frame.index, frame.pts, frame.time_s, [_slim(p) for p in found])
        for frame, found in zip(batch, people, strict=True)
    ]


def _slim(pose: Pose3D) -> Pose3D:
    """Drop the pixels that only the lifter needed."""
    pose2d = pose.pose2d
    if pose2d is None or pose2d.crop is None:
        return pose
    return replace(pose, pose2d=replace(pose2d, crop=None))
