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
from .decoded_frames import Timing, pick, upright
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
            image = upright(first, VideoReformatter())
            self.size_px = (image.shape[1], image.shape[0])
            self.rate: float | None = decoder.rate
            self.n_frames: int | None = decoder.n_frames
            self._origin: int | None = first.pts
        finally:
            decoder.close()
        if min(self.size_px) < MIN_SIDE_PX:
            size = f"{self.size_px[0]} x {self.size_px[1]} px"
            raise BadInput(f"{self.name}: too small ({size}); need {MIN_SIDE_PX} px on each side")

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames, those behind `after` where it is given."""
        decoder = self._open()
        try:
            index, decoded = 0, decoder.frames()
            if after is not None:
                index, decoded = after.index + 1, self._behind(decoder, after)
            elif selection.start_s > 0:
                index, decoded = self._from_time(decoder, selection.start_s)
            picked = pick(
                decoded, index, Picker(selection, after), self.size_px, self._time(decoder)
            )
            yield from picked
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
            table = decoder.time_stamps()
            first = np.searchsorted(table, self._origin)
            begin = self._origin + selection.start_s / decoder.time_base
            index = int(np.searchsorted(table, begin) - first) + (ordinal - 1) * selection.stride
            if not 0 <= index + first < len(table):
                return None
            return Mark(ordinal - 1, index, int(table[index + first]))
        finally:
            decoder.close()

    def close(self) -> None:
        """Do nothing: files are open only while they are read."""

    def _open(self) -> Decoder:
        return Decoder(self.name, self.name)

    def _time(self, decoder: Decoder) -> Timing:
        return Timing(self._origin, decoder.time_base, self.rate)

    def _from_time(self, decoder: Decoder, start_s: float) -> tuple[int, Iterator[av.VideoFrame]]:
        """Return the frames from a time on, and the number of the first of them."""
        if self._origin is None:
            return 0, decoder.frames()
        table = decoder.time_stamps()
        decoder.reopen()
        first = int(np.searchsorted(table, self._origin))
        at = int(np.searchsorted(table, self._origin + start_s / decoder.time_base))
        if at - first < 2 or at >= len(table):
            return 0, decoder.frames()
        mark = Mark(-1, at - first - 1, int(table[at - 1]))
        return at - first, self._behind(decoder, mark)

    def _behind(self, decoder: Decoder, mark: Mark) -> Iterator[av.VideoFrame]:
        """Return the frames behind a mark, by seeking where that leads there for certain."""
        for step_s in STEPS_BACK_S:
            target = mark.pts - int(step_s / decoder.time_base)
            if self._origin is None or target <= self._origin:
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
        for index, frame in enumerate(decoded):
            if frame.pts == mark.pts or (self._origin is None and index == mark.index):
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
        image = upright(first, VideoReformatter())
        self.size_px = (image.shape[1], image.shape[0])
        self.rate: float | None = self._decoder.rate
        self.n_frames: int | None = None
        self._timing = Timing(first.pts, self._decoder.time_base, self.rate)
        self._decoded = chain([first], decoded)

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames; they cannot be asked for twice."""
        if after is not None:
            raise BadInput("stdin cannot be gone on with; give the file's name")
        yield from pick(self._decoded, 0, Picker(selection), self.size_px, self._timing)
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
