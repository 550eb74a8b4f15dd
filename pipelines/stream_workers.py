"""Do something to every item in several threads at once, results in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Generator[Result, None, None]:
    """Yield the function's result for each item, in order; one item more than threads is in work.

    Each thread lets torch use one thread within: networks run side by side rather than each on all
    cores, and nobody waits for the slowest core after every layer. With one thread the function is
    called where the results are asked for, and torch left alone. An error of the function is raised
    in its item's place.

    >>> list(map_in_order(abs, [-1, 2, -3], threads=2))
    [1, 2, 3]
    """
    if threads == 1:
        yield from map(function, items)
        return
    pool = _pool(threads)
    waiting: deque[Future[Result]] = deque()
    iterator = iter(items)
    try:
        for item in islice(iterator, threads + 1):
            waiting.append(pool.submit(function, item))
        while waiting:
            yield waiting.popleft().result()
            for item in islice(iterator, 1):
                waiting.append(pool.submit(function, item))
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(threads: int) -> ThreadPoolExecutor:
    """Return a pool whose threads have all begun, with one thread of torch each.

    torch keeps the number for each thread, but begins new threads with the number that was set last
    in any: so it is set again here, once all of the pool's have set theirs.
    """
    import torch

    n_torch = torch.get_num_threads()
    begun = threading.Barrier(threads + 1)

    def begin() -> None:
        torch.get_num_threads()  # what a thread asks first would undo the next line later
        torch.set_num_threads(1)
        begun.wait()

    pool = ThreadPoolExecutor(threads, "lift3d-find", initializer=begin)
    for _ in range(threads):
        pool.submit(lambda: None)
    begun.wait()
    torch.set_num_threads(n_torch)
    return pool
