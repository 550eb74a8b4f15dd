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
from .pipe_reader import PipeReader
from .sources import Mark, Picker, Selection, SourceFrame
from .video_decoder import Decoder, Readable

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
            self._by_dts, self._time_base = decoder.by_dts, decoder.time_base
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
            numbered = self._numbered(decoder, decoded, index)
            for frame in pick(numbered, picker, self.size_px, timing, decoder.aspect):
                self.problem = decoder.problem
                yield frame
            self.problem = decoder.problem or decoder.missing(self._origin)
        finally:
            decoder.close()

    def mark_before(self, ordinal: int, selection: Selection) -> Mark | None:
        """Return the mark behind which the frame with this ordinal comes; None: there is none.

        The packets are counted without decoding them.
        """
        if self._origin is None or ordinal == 0:
            return None
        table = self._time_stamps()
        if table is None:
            return None
        first = self._first_row(table)
        begin = self._number_at(table, selection.start_s)
        row = begin + (ordinal - 1) * selection.stride
        if not first <= row < len(table):
            return None
        return Mark(ordinal - 1, row - first, int(table[row]))

    def end(self) -> None:
        """Do nothing: a file keeps nobody waiting."""

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""

    def _open(self) -> Decoder:
        return Decoder(self.name, self.name)

    def _time(self, decoder: Decoder) -> Timing:
        return Timing(self._origin, decoder.time_base, self.rate, self._by_dts)

    def _time_stamps(self) -> np.ndarray | None:
        """Return the time stamps by which frames are found; None where they are not."""
        if self._origin is not None and not self._table_read:
            decoder = self._open()
            try:
                self._table, self._table_read = decoder.time_stamps(), True
            finally:
                decoder.close()
        return self._table

    def _numbered(
        self, decoder: Decoder, decoded: Iterator[av.VideoFrame], index: int
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield the frames with their numbers; those that cannot be decoded have numbers too."""
        for frame in decoded:
            if decoder.n_bad and frame.pts is not None:
                index = self._number_of(frame.pts, index)
            yield index, frame
            index += 1

    def _number_of(self, pts: int, counted: int) -> int:
        """Return a frame's number by its time stamp, or as it was counted where that fails."""
        table = self._time_stamps()
        if table is None:
            return counted
        row = int(np.searchsorted(table, pts))
        known = row < len(table) and table[row] == pts
        return row - self._first_row(table) if known else counted

    def _first_row(self, table: np.ndarray) -> int:
        assert self._origin is not None
        return int(np.searchsorted(table, self._origin))

    def _number_at(self, table: np.ndarray, start_s: float) -> int:
        """Return the row of the first time stamp that lies at a time or later."""
        assert self._origin is not None
        origin, row = self._origin, 0
        if start_s > 0:
            row = max(0, int(np.searchsorted(table, origin + start_s / self._time_base)) - 1)
        while row < len(table) and seconds(int(table[row]), origin, self._time_base) < start_s:
            row += 1
        return row

    def _from_time(
        self, decoder: Decoder, start_s: float
    ) -> tuple[int, Iterator[av.VideoFrame] | None]:
        """Return the frames from a time on, and the number of the first of them.

        None where they are not found by seeking.
        """
        table = self._time_stamps()
        if table is None:
            return 0, None
        first = self._first_row(table)
        at = min(self._number_at(table, start_s), len(table) - 1)
        if at - first < 2:
            return 0, None
        mark = Mark(-1, at - first - 1, int(table[at - 1]))
        return at - first, self._behind(decoder, mark)

    def _behind(self, decoder: Decoder, mark: Mark) -> Iterator[av.VideoFrame] | None:
        """Return the frames behind a mark, by seeking where that leads there for certain.

        None where the time stamps do not name frames, so that they must be counted.
        """
        if self._time_stamps() is None:
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
                decoder.pass_over()
                return decoded
        decoder.reopen()
        return self._count_to(decoder, mark)

    def _count_to(self, decoder: Decoder, mark: Mark) -> Iterator[av.VideoFrame]:
        """Return the frames behind a mark, which itself may be one that cannot be decoded."""
        decoded = decoder.frames()
        for frame in decoded:
            if frame.pts is not None and frame.pts > mark.pts:
                return chain([frame], decoded)
            decoder.pass_over()
            if frame.pts == mark.pts:
                break
        return decoded


class VideoPipe:
    """A video whose bytes come on stdin: it is read once, as it comes.

    Args:
        file: to read from; None: stdin.

    Raises:
        BadInput: stdin is closed.
        DecodeError: what comes is no video that can be read without going back in it.
    """

    name = "-"
    rereads = False
    live = False

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self.problem: str | None = None
        if file is None and sys.stdin is None:
            raise BadInput("-: stdin is closed; pipe a video in, or give the file")
        file = file or sys.stdin.buffer
        self._pipe = PipeReader.of(file)
        try:
            self._begin(self._pipe or file)
        finally:
            self._heed_interrupt()

    def _begin(self, file: Readable) -> None:
        self._decoder = Decoder(file, "-")
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
        yield from pick(enumerate(self._decoded), picker, self.size_px, self._timing, aspect)
        self._heed_interrupt()
        self.problem = self._decoder.problem

    def _heed_interrupt(self) -> None:
        if self._pipe is not None and self._pipe.interrupted:
            raise KeyboardInterrupt

    def end(self) -> None:
        """Let the video end here: a thread that waits for more of it waits no longer."""
        if self._pipe is not None:
            self._pipe.end()

    def close(self) -> None:
        """Close the decoder."""
        self._decoder.close()


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise BadInput(f"{path}: a folder, expected a video; give --fps to read its images as one")
    if not path.exists():
        raise BadInput(f"{path}: no such file; check the spelling and the folder")
    if not path.is_file():
        raise BadInput(
            f"{path}: a pipe or device, expected a file; pipe it in: lift3d run - < {path}"
        )
    if path.stat().st_size == 0:
        raise DecodeError(f"{path}: the file is empty; copy or download it again")
