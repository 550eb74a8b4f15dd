"""Workers of a batch on this machine: this process itself, or others that it starts."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from ..poses.child_processes import interrupts_held
from ..poses.errors import Lift3dError
from .batch import WorkerDied
from .batch_tasks import BatchTask, TaskRunner, WorkerSpec
from .video_run import Progress, VideoOutcome

PROGRESS_EVERY_S = 1.0
END_WAIT_S = 5.0


class OwnProcess:
    """A pool of one worker: this process, which does a task when it is waited for.

    Args:
        spec: what the worker needs to know.
        progress: called with the frames of a video written and their estimated total.
    """

    size = 1

    def __init__(self, spec: WorkerSpec, progress: Progress | None = None) -> None:
        self._runner = TaskRunner(spec)
        self._progress = progress
        self._task: BatchTask | None = None

    @property
    def idle(self) -> int:
        """How many tasks could be started now."""
        return int(self._task is None)

    def start(self, task: BatchTask) -> None:
        """Take a task."""
        self._task = task

    def wait(self, timeout_s: float) -> list[tuple[BatchTask, VideoOutcome | int | Exception]]:
        """Do the task and return it with its result, however long it takes."""
        task, self._task = self._task, None
        return [] if task is None else [(task, self._runner.run(task, self._progress))]

    def progress(self) -> float:
        """Return 0: nothing runs while this is asked."""
        return 0.0

    def close(self) -> None:
        """Do nothing."""


class ProcessPool:
    """Processes that load the parts once each; one that dies is replaced.

    The processes end when this one does, even if it is killed. Where they cannot load the parts,
    `wait` raises the Lift3dError that says why.

    Args:
        spec: what the workers need to know.
        size: how many of them.
    """

    def __init__(self, spec: WorkerSpec, size: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._spec = spec
        self._workers = [self._new() for _ in range(size)]

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    @property
    def idle(self) -> int:
        """How many tasks could be started now."""
        return sum(worker.task is None for worker in self._workers)

    def start(self, task: BatchTask) -> None:
        """Give a task to an idle worker."""
        worker = next(worker for worker in self._workers if worker.task is None)
        worker.task, worker.share = task, 0.0
        try:
            worker.pipe.send(task)
        except OSError:
            return  # it died while idle: `wait` sees its pipe closed

    def wait(self, timeout_s: float) -> list[tuple[BatchTask, VideoOutcome | int | Exception]]:
        """Return the tasks that have ended, with the results or errors."""
        ended = []
        for pipe in wait([worker.pipe for worker in self._workers], timeout_s):
            worker = next(worker for worker in self._workers if worker.pipe is pipe)
            message = self._receive(worker)
            if isinstance(message, _StartFailed):
                raise message.error
            if isinstance(message, float):
                worker.share = message
            elif message is not None and worker.task is not None:
                ended.append((worker.task, message))
                worker.task, worker.share = None, 0.0
            if isinstance(message, WorkerDied):
                self._workers[self._workers.index(worker)] = self._new()
        return ended

    def progress(self) -> float:
        """Return how much of the running videos is done, 1 for each whole one."""
        return sum(worker.share for worker in self._workers)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(END_WAIT_S)

    def _new(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._spec), daemon=True)
        with interrupts_held():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _receive(self, worker: _Worker) -> Any:
        try:
            return worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(END_WAIT_S)
            code = worker.process.exitcode
            how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            return WorkerDied(
                f"its worker process died ({how}); was there enough memory? try fewer --workers"
            )


@dataclass(frozen=True)
class _StartFailed:
    error: Lift3dError


@dataclass(eq=False)
class _Worker:
    process: Any
    pipe: Connection
    task: BatchTask | None = None
    share: float = field(default=0.0)


def _work(pipe: Connection, spec: WorkerSpec) -> None:
    """Do what comes through the pipe; runs in the worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        runner = TaskRunner(spec)
    except Lift3dError as error:
        pipe.send(_StartFailed(error))
        return
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            result: Any = runner.run(task, _reporter(pipe))
        except Lift3dError as error:
            result = error
        except Exception as error:
            result = Lift3dError(f"{type(error).__name__}: {error}")
        pipe.send(result)


def _reporter(pipe: Connection) -> Any:
    said = time.monotonic()

    def report(done: int, total: int | None) -> None:
        nonlocal said
        if total and time.monotonic() - said > PROGRESS_EVERY_S:
            said = time.monotonic()
            pipe.send(min(0.99, done / total))

    return report


def _die_with_parent() -> None:
    """Wait for the parent's end: two runs must never write the same files."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
