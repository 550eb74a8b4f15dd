"""Ctrl-C on a source whose frames come but once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .sources import Source


@contextmanager
def ending_on_interrupt(source: Source) -> Iterator[None]:
    """Let the first Ctrl-C end a camera, so that what it gave is written; the second one stops.

    Other sources, which a stopped run goes on with, are stopped at once, as elsewhere.
    """
    end = getattr(source, "end", None)
    if end is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        end()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
