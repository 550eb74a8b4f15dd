"""Bytes from a pipe, read so that waiting for them can be ended."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import IO

_WAIT_S = 0.2


class PipeReader:
    """Read a pipe, a socket or a terminal, and look now and then whether to go on waiting.

    FFmpeg, which calls `read`, loses what is raised there: Ctrl-C ends the bytes and is kept.

    Args:
        file: open, with a number of the system's.

    Attributes:
        interrupted: Ctrl-C came while it was read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._ended = False
        self.interrupted = False

    @classmethod
    def of(cls, file: IO[bytes]) -> PipeReader | None:
        """Return a reader for a file that may keep one waiting; None for another.

        On Windows, where pipes cannot be waited for, that is any.
        """
        try:
            waits = not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        except (OSError, ValueError):  # bytes in memory
            return None
        return cls(file) if waits and sys.platform != "win32" else None

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, as soon as there are any; none at the end."""
        try:
            while not self._ended:
                if select.select([self._file], [], [], _WAIT_S)[0]:
                    return os.read(self._file.fileno(), size)
        except KeyboardInterrupt:
            self.interrupted = True
            self.end()
        return b""

    def end(self) -> None:
        """Let the bytes end here."""
        self._ended = True
