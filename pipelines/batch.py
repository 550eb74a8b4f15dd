"""Many videos over many workers: who does what, and what happens when a worker dies."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from ..poses.errors import Lift3dError
from .batch_tasks import BatchTask, split_video
from .stream_settings import StreamSettings
from .video_output import VideoItem
from .video_run import VideoOutcome

TRIES = 3
WAIT_S = 0.5


class WorkerDied(Lift3dError):
    """The worker that had a task is gone; another one may do it."""


class WorkerPool(Protocol):
    """Workers that do tasks, in processes of this machine or on a cluster."""

    @property
    def idle(self) -> int:
        """How many tasks could be started now."""

    @property
    def size(self) -> int:
        """How many workers there are."""

    def start(self, task: BatchTask) -> None:
        """Give a task to an idle worker."""

    def wait(self, timeout_s: float) -> list[tuple[BatchTask, VideoOutcome | int | Exception]]:
        """Return the tasks that have ended, with the results or errors, after a while at most."""

    def progress(self) -> float:
        """Return how much of the running videos is done, 1 for each whole one."""

    def close(self) -> None:
        """End the workers."""


def run_batch(
    pool: WorkerPool, items: Sequence[VideoItem], settings: StreamSettings
) -> Iterator[VideoOutcome | None]:
    """Yield the outcome of each video as it ends, and None now and then in between.

    No more tasks are out than there are workers. Where there are fewer videos than workers each
    video is split: its parts are looked through by different workers, then one of them joins what
    they found. A task whose worker died is given to another one, twice.

    Args:
        pool: the workers; it is not closed.
        items: the videos.
        settings: of the videos.
    """
    waiting, parts = _plan(items, settings, pool.size)
    tries: Counter[BatchTask] = Counter()
    out = 0
    while waiting or out:
        while waiting and pool.idle:
            pool.start(waiting.popleft())
            out += 1
        for task, result in pool.wait(WAIT_S):
            out -= 1
            tries[task] += 1
            if isinstance(result, WorkerDied) and tries[task] < TRIES:
                waiting.appendleft(task)
            elif task.chunk is None:
                yield _outcome(task, result)
            else:  # a part that failed is done, and its error told, by the whole
                parts[task.item] -= 1
                if not parts[task.item]:
                    waiting.appendleft(BatchTask(task.item))
        yield None


def _plan(
    items: Sequence[VideoItem], settings: StreamSettings, workers: int
) -> tuple[deque[BatchTask], Counter[VideoItem]]:
    """Return the first tasks, and how many parts each split video has."""
    tasks: deque[BatchTask] = deque()
    parts: Counter[VideoItem] = Counter()
    n_chunks = -(-workers // len(items)) if items else 1
    for item in items:
        chunks = split_video(item, settings, n_chunks) if n_chunks > 1 else []
        tasks.extend(BatchTask(item, chunk) for chunk in chunks)
        parts[item] = len(chunks)
        if not chunks:
            tasks.append(BatchTask(item))
    return tasks, parts


def _outcome(task: BatchTask, result: VideoOutcome | int | Exception) -> VideoOutcome:
    if isinstance(result, VideoOutcome):
        return result
    text = " ".join(str(result).split())
    return VideoOutcome(task.item, "failed", problem=f"{task.item.source}: {text}")
