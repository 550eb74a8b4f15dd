"""Show how far a video is, where stderr is a terminal."""

import sys
import time
from types import TracebackType

import click

EVERY_S = 0.5


class VideoProgress:
    """A line on the terminal that follows a video; nothing where stderr is no terminal.

    Args:
        name: of the video.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._shows = sys.stderr.isatty()
        self._begin = self._said = time.monotonic()

    def __enter__(self) -> "VideoProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shows:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, done: int, total: int | None) -> None:
        """Show how many frames are written."""
        now = time.monotonic()
        if not self._shows or now - self._said < EVERY_S:
            return
        self._said = now
        rate = done / max(now - self._begin, 1e-9)
        text = f"{self._name}: {done}{f' of {total}' if total else ''} frames, {rate:.1f} frames/s"
        if total and rate > 0:
            text += f", {clock_time((total - done) / rate)} left"
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def clock_time(seconds: float) -> str:
    """Return seconds as minutes and seconds, or hours and minutes.

    >>> clock_time(75), clock_time(7260)
    ('1:15 min', '2:01 h')
    """
    whole = max(0, round(seconds))
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
    return f"{whole // 60}:{whole % 60:02d} min"
