"""Ctrl-C and SIGTERM on a source whose frames come but once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .sources import Source


@contextmanager
def ending_on_interrupt(source: Source) -> Iterator[None]:
    """Let the first Ctrl-C end a camera, so that what it gave is written; the second one stops.

    So does SIGTERM, by which systemd and `docker stop` end what they started. Other sources are
    stopped at once, as elsewhere.
    """
    if not source.live or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def as_before() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def first(number: int, frame: FrameType | None) -> None:
        as_before()
        source.end()

    for number in before:
        signal.signal(number, first)
    try:
        yield
    finally:
        as_before()
