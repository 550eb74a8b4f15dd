"""Videos as sources of frames: files, read again and gone on with anywhere, and stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ..poses.errors import BadInput, DecodeError
from .decoded_frames import Timing, pick, seconds, upright
from .images import MIN_SIDE_PX
from .sources import Mark, Picker, Selection, SourceFrame
from .video_decoder import Decoder

STEPS_BACK_S = (0, 2, 10, 60)  # where a seek lands behind the frame, seek further back


class VideoFile:
    """A video file: the first video stream in it.

    Times are the file's own presentation times, so that a variable frame rate keeps its timing.
    Frames are turned upright by the rotation in the file. A frame whose size differs from the first
    one's is scaled to it, grey at the sides where the shape differs.

    Args:
        path: of the file.

    Raises:
        BadInput: no such file, a folder, an image, or frames below 16 px.
        DecodeError: the file cannot be read as video.
    """

    rereads = True
    live = False

    def __init__(self, path: str | Path) -> None:
        self.name = os.path.abspath(path)
        self.problem: str | None = None
        _check_file(Path(path))
        decoder = self._open()
        try:
            first = next(decoder.frames(), None)
            if first is None:
                raise DecodeError(
                    f"{self.name}: not one frame in it can be decoded; export it again"
                )
            image = upright(first, VideoReformatter(), decoder.aspect)
            self.size_px = (image.shape[1], image.shape[0])
            self.rate: float | None = decoder.rate
            self.n_frames: int | None = decoder.n_frames
            self._by_dts = decoder.by_dts
            self._origin: int | None = first.dts if self._by_dts else first.pts
            self._table: np.ndarray | None = None
            self._table_read = self._by_dts  # which names no frame
        finally:
            decoder.close()
        if min(self.size_px) < MIN_SIDE_PX:
            size = f"{self.size_px[0]} x {self.size_px[1]} px"
            raise BadInput(f"{self.name}: too small ({size}); need {MIN_SIDE_PX} px on each side")

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames, those behind `after` where it is given."""
        decoder = self._open()
        try:
            index, decoded = 0, None
            if after is not None:
                index, decoded = after.index + 1, self._behind(decoder, after)
            elif selection.start_s > 0:
                index, decoded = self._from_time(decoder, selection.start_s)
            if decoded is None:
                index, decoded = 0, decoder.frames()
            picker, timing = Picker(selection, after), self._time(decoder)
            yield from pick(decoded, index, picker, self.size_px, timing, decoder.aspect)
            self.problem = decoder.problem or decoder.missing(self._origin)
        finally:
            decoder.close()

    def mark_before(self, ordinal: int, selection: Selection) -> Mark | None:
        """Return the mark behind which the frame with this ordinal comes; None: there is none.

        The packets are counted without decoding them.
        """
        if self._origin is None or ordinal == 0:
            return None
        decoder = self._open()
        try:
            table = self._time_stamps(decoder)
            if table is None:
                return None
            first = int(np.searchsorted(table, self._origin))
            begin = self._number_at(table, decoder, selection.start_s)
            row = begin + (ordinal - 1) * selection.stride
            if not first <= row < len(table):
                return None
            return Mark(ordinal - 1, row - first, int(table[row]))
        finally:
            decoder.close()

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""

    def _open(self) -> Decoder:
        return Decoder(self.name, self.name)

    def _time(self, decoder: Decoder) -> Timing:
        return Timing(self._origin, decoder.time_base, self.rate, self._by_dts)

    def _time_stamps(self, decoder: Decoder) -> np.ndarray | None:
        """Return the time stamps by which frames are found; None where they are not."""
        if self._origin is not None and not self._table_read:
            self._table, self._table_read = decoder.time_stamps(), True
            decoder.reopen()
        return self._table

    def _number_at(self, table: np.ndarray, decoder: Decoder, start_s: float) -> int:
        """Return the row of the first time stamp that lies at a time or later."""
        assert self._origin is not None
        origin, row = self._origin, 0
        if start_s > 0:
            row = max(0, int(np.searchsorted(table, origin + start_s / decoder.time_base)) - 1)
        while row < len(table) and seconds(int(table[row]), origin, decoder.time_base) < start_s:
            row += 1
        return row

    def _from_time(
        self, decoder: Decoder, start_s: float
    ) -> tuple[int, Iterator[av.VideoFrame] | None]:
        """Return the frames from a time on, and the number of the first of them.

        None where they are not found by seeking.
        """
        table = self._time_stamps(decoder)
        if table is None:
            return 0, None
        assert self._origin is not None
        first = int(np.searchsorted(table, self._origin))
        at = self._number_at(table, decoder, start_s)
        if at - first < 2 or at >= len(table):
            return 0, None
        mark = Mark(-1, at - first - 1, int(table[at - 1]))
        return at - first, self._behind(decoder, mark)

    def _behind(self, decoder: Decoder, mark: Mark) -> Iterator[av.VideoFrame] | None:
        """Return the frames behind a mark, by seeking where that leads there for certain.

        None where the time stamps do not name frames, so that they must be counted.
        """
        if self._time_stamps(decoder) is None:
            return None
        assert self._origin is not None
        for step_s in STEPS_BACK_S:
            target = mark.pts - int(step_s / decoder.time_base)
            if target <= self._origin:
                break
            decoded = decoder.frames_from(target)
            frame = next(decoded, None)
            if frame is None or frame.pts is None:
                break
            sound = frame.pts <= mark.pts
            while sound and frame is not None and (frame.pts or 0) < mark.pts:
                frame = next(decoded, None)
                sound = frame is not None and frame.pts is not None and not frame.is_corrupt
            if sound and frame is not None and frame.pts == mark.pts:
                return decoded
        decoder.reopen()
        decoded = decoder.frames()
        for frame in decoded:
            if frame.pts == mark.pts:
                break
        return decoded


class VideoPipe:
    """A video whose bytes come on stdin: it is read once, as it comes.

    Args:
        file: to read from; None: stdin.

    Raises:
        DecodeError: what comes is no video that can be read without going back in it.
    """

    name = "-"
    rereads = False
    live = False

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self.problem: str | None = None
        self._decoder = Decoder(file or sys.stdin.buffer, "-")
        decoded = self._decoder.frames()
        first = next(decoded, None)
        if first is None:
            raise DecodeError(
                "-: no frame in what came on stdin can be decoded; pipe a whole video, MP4 "
                "only with its index in front (faststart), or give the file"
            )
        image = upright(first, VideoReformatter(), self._decoder.aspect)
        self.size_px = (image.shape[1], image.shape[0])
        self.rate: float | None = self._decoder.rate
        self.n_frames: int | None = None
        by_dts = self._decoder.by_dts
        origin = first.dts if by_dts else first.pts
        self._timing = Timing(origin, self._decoder.time_base, self.rate, by_dts)
        self._decoded = chain([first], decoded)

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames; they cannot be asked for twice."""
        if after is not None:
            raise BadInput("stdin cannot be gone on with; give the file's name")
        picker, aspect = Picker(selection), self._decoder.aspect
        yield from pick(self._decoded, 0, picker, self.size_px, self._timing, aspect)
        self.problem = self._decoder.problem

    def close(self) -> None:
        """Close the decoder."""
        self._decoder.close()


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise BadInput(f"{path}: a folder, expected a video; give --fps to read its images as one")
    if not path.exists():
        raise BadInput(f"{path}: no such file; check the spelling and the folder")
    if path.is_file() and path.stat().st_size == 0:
        raise DecodeError(f"{path}: the file is empty; copy or download it again")
