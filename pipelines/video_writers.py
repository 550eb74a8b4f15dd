"""Write the frames of a video as they come: to `*.part` first, under its own name when whole."""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ..poses.errors import BadInput, Lift3dError
from .writers import NOT_OURS

VIDEO_FORMATS = ("jsonl", "npz", "csv", "parquet")


class NotWritten(Lift3dError):
    """A file of results could not be written; once there is room, the same run may do it."""


class VideoWriter(Protocol):
    """What writes the frames of one video to one file."""

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the record of the next frame."""

    def finish(self) -> None:
        """Give the file its own name: it is whole."""

    def abandon(self) -> None:
        """Delete what was written."""


class PartFile:
    """A file that has its own name only once it is whole.

    Attributes:
        path: its own name.
        part: the name while it is written, `path` + ".part".
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)

    def commit(self) -> None:
        """Give the file its own name."""
        with writing(self.path):
            os.replace(self.part, self.path)

    def discard(self) -> None:
        """Delete the unfinished file."""
        self.part.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError inside into a NotWritten that names the file and says what to do."""
    try:
        yield
    except OSError as error:
        raise NotWritten(
            f"{path}: cannot be written: {error.strerror or error}; {_remedy(error)}, then run the "
            "same command again"
        ) from error


def _remedy(error: OSError) -> str:
    if error.errno == errno.ENAMETOOLONG:
        return "give the video a shorter name"
    room = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return ("make room or " if error.errno in room else "") + "choose another output folder"


class JsonLinesWriter:
    """Write JSON lines: the header, then one record a frame.

    Args:
        path: of the file.
        header: of `header_record`.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._file = PartFile(path)
        with writing(path):
            self._stream = self._file.part.open("w", encoding="utf-8", newline="\n")
        self.write(header)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a record as one line; raise BadInput where it holds NaN, which JSON has not."""
        try:
            line = json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        except ValueError as error:
            path = self._file.path
            raise BadInput(f"{path}: a record must hold no NaN or infinity") from error
        with writing(self._file.path):
            self._stream.write(line + "\n")

    def finish(self) -> None:
        """Give the file its own name."""
        with writing(self._file.path):
            self._stream.close()
        self._file.commit()

    def abandon(self) -> None:
        """Delete what was written."""
        close_quietly(self._stream)
        self._file.discard()


def close_quietly(stream: Any) -> None:
    """Close a file whose content is not wanted any more, whether or not its disk is full."""
    try:
        stream.close()
    except OSError:
        return


def check_formats(formats: tuple[str, ...]) -> None:
    """Raise where a data format is unknown, or what it needs is not installed.

    >>> check_formats(("jsonl", "csv"))
    """
    for name in formats:
        if name not in VIDEO_FORMATS:
            raise BadInput(f"a video's formats are {', '.join(VIDEO_FORMATS)}, got {name!r}")
    if "parquet" in formats:
        from .video_writers_table import require_pyarrow

        require_pyarrow()


def open_writer(name: str, path: Path, header: Mapping[str, Any]) -> VideoWriter:
    """Return the writer of a data format, its file begun."""
    from .video_writers_arrays import ArraysWriter
    from .video_writers_table import CsvWriter, ParquetWriter

    makers: dict[str, Callable[[Path, Mapping[str, Any]], VideoWriter]] = {
        "jsonl": JsonLinesWriter,
        "npz": ArraysWriter,
        "csv": CsvWriter,
        "parquet": ParquetWriter,
    }
    return makers[name](path, header)


def read_header(path: Path) -> dict[str, Any] | None:
    """Return the header of a video's results in any format; None where it cannot be read."""
    from .video_writers_arrays import arrays_header
    from .video_writers_table import csv_header, parquet_header

    readers: dict[str, Callable[[Path], Any]] = {
        ".npz": arrays_header,
        ".csv": csv_header,
        ".parquet": parquet_header,
    }
    try:
        header = readers.get(path.suffix, _json_header)(path)
    except (OSError, zlib.error, Lift3dError, *NOT_OURS):
        return None
    return header if isinstance(header, dict) else None


def _json_header(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        return json.loads(file.readline())
