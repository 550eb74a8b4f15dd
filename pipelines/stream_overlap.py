"""Run an iterator in a thread of its own, a few items ahead."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")
_END = object()
_WAIT_S = 0.1


def overlap(
    items: Iterable[Item], ahead: int, stop: Callable[[], None] | None = None
) -> Generator[Item, None, None]:
    """Yield the items, which a thread makes ahead of time, at most `ahead` waiting.

    An error of the thread is raised here, in its place. Closing the generator ends the thread
    after the item it is at; `stop` is called first, so that it does not wait for one.

    >>> list(overlap(range(3), ahead=1))
    [0, 1, 2]
    """
    ready: queue.Queue = queue.Queue(ahead)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, stopped), daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        if stop is not None:
            stop()
        while thread.is_alive():  # make room for what the thread wants to put
            _discard(ready)
            thread.join(_WAIT_S)


def _fill(items: Iterable, ready: queue.Queue, stopped: threading.Event) -> None:
    iterator = iter(items)
    try:
        for item in iterator:
            ready.put((item, None))
            if stopped.is_set():
                return
        ready.put((_END, None))
    except BaseException as error:  # raised again where the items are asked for
        ready.put((None, error))
    finally:
        if hasattr(iterator, "close"):
            iterator.close()


def _discard(ready: queue.Queue) -> None:
    while True:
        try:
            ready.get_nowait()
        except queue.Empty:
            return
