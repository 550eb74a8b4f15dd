"""Make samples in several processes, in order, with a bounded number waiting."""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

import cv2

from ...poses.child_processes import interrupts_held
from ...poses.errors import BadInput, Lift3dError

if TYPE_CHECKING:
    from .people import SyntheticPeople
    from .sample import Sample

WAITING = 8  # samples that a worker may be ahead
LOOK_S = 2.0  # how often a silent worker is looked after


def in_order(people: SyntheticPeople, indices: Sequence[int], workers: int) -> Iterator[Sample]:
    """Yield the samples of some indices in their order.

    Args:
        people: makes them.
        indices: such as range(1000); any sequence that can be sliced.
        workers: processes, which import the calling script: its own work must stand below
            `if __name__ == "__main__":`. 0 for this one alone.

    Raises:
        BadInput: a number of workers below 0.
        Lift3dError: a worker died, or could not make a sample.
    """
    if workers < 0:
        raise BadInput(f"workers must be 0 or more, got {workers}")
    if not workers:
        yield from map(people.sample, indices)
        return
    context = multiprocessing.get_context("spawn")  # forking is unsafe beside torch's threads
    lanes = []
    try:
        for number in range(workers):
            made = context.Queue(WAITING)
            own = indices[number::workers]
            process = context.Process(target=_work, args=(people, own, made), daemon=True)
            with interrupts_held():
                process.start()
            lanes.append((process, made))
        for k in range(len(indices)):
            yield _next(*lanes[k % workers])
    finally:
        for process, _ in lanes:
            process.terminate()
        for process, made in lanes:
            process.join()
            made.close()


def _work(people: SyntheticPeople, indices: Sequence[int], made: multiprocessing.Queue) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    cv2.setNumThreads(1)
    for index in indices:
        try:
            found: Sample | str = people.sample(index)
        except Exception as error:
            found = f"sample {index}: {error}"
        if not _put(made, found) or isinstance(found, str):
            return


def _put(made: multiprocessing.Queue, found: Sample | str) -> bool:
    """Hand a sample over as soon as there is room; False: the parent was killed."""
    parent = multiprocessing.parent_process()
    while parent is None or parent.is_alive():
        try:
            made.put(found, timeout=LOOK_S)
            return True
        except queue.Full:
            continue
    made.cancel_join_thread()  # nobody reads what waits
    return False


def _next(process: SpawnProcess, made: multiprocessing.Queue) -> Sample:
    while True:
        try:
            found = made.get(timeout=LOOK_S)
        except queue.Empty:
            if not process.is_alive() and made.empty():
                raise Lift3dError(
                    f"a process that makes people ended with code {process.exitcode}; "
                    "run again with fewer workers if memory is short"
                ) from None
            continue
        if isinstance(found, str):
            raise Lift3dError(found)
        return found
