"""What a worker of a batch does: one video, or a part of one, with parts that it loads once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from .pipeline import Pipeline
from .sources import open_source
from .stream_find import batch_frames
from .stream_settings import StreamSettings
from .video_output import VideoItem, VideoOutput
from .video_run import Progress, VideoOutcome, expected_frames, find_chunk, run_video


@dataclass(frozen=True)
class WorkerSpec:
    """All that a worker needs to know; it travels to other processes and machines.

    Attributes:
        settings: of the videos.
        output: where results go, the same path for all workers.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        threshold: least score of a person.
        height_mm: the people's body height.
        threads: that a worker's networks use on the CPU; 0: as many as they like.
    """

    settings: StreamSettings
    output: VideoOutput
    device: str = "auto"
    threshold: float | None = None
    height_mm: float | None = None
    threads: int = 0


@dataclass(frozen=True)
class BatchTask:
    """One thing to do for a worker.

    Attributes:
        item: the video.
        chunk: (first ordinal, ordinal before which to stop or None) to find people in only; None:
            the whole video, down to its files.
    """

    item: VideoItem
    chunk: tuple[int, int | None] | None = None


class TaskRunner:
    """Do tasks one after the other with one pipeline."""

    def __init__(self, spec: WorkerSpec) -> None:
        if spec.threads:
            import cv2
            import torch

            torch.set_num_threads(spec.threads)
            cv2.setNumThreads(spec.threads)
        parts = spec.output.parts
        self._spec = spec
        self._pipeline = Pipeline(
            parts.detector,
            parts.lifter,
            spec.device,
            spec.threshold,
            height_mm=spec.height_mm,
        )

    def run(self, task: BatchTask, progress: Progress | None = None) -> VideoOutcome | int:
        """Return the outcome of a video, or the number of frames found in a part of one."""
        settings, output = self._spec.settings, self._spec.output
        if task.chunk is not None:
            return find_chunk(self._pipeline, task.item, settings, output, *task.chunk)
        return run_video(self._pipeline, task.item, settings, output, progress)


def split_video(
    item: VideoItem, settings: StreamSettings, n_chunks: int
) -> Sequence[tuple[int, int | None]]:
    """Return the parts (first ordinal, end or None) of a video for several workers.

    Parts are whole batches, so that they come out as in one piece. A video that cannot be split,
    or not be opened, gives none.
    """
    try:
        source = open_source(item.source, settings.fps)
    except Exception:  # the worker that gets the video says what is wrong
        return []
    total, batch = expected_frames(source, settings), batch_frames(source)
    splits = source.rereads
    source.close()
    if not splits or not total:
        return []
    size = -(-total // (n_chunks * batch)) * batch  # rounded up to whole batches
    starts = list(range(0, total, size))
    if len(starts) < 2:
        return []
    return list(zip(starts, [*starts[1:], None], strict=True))


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
