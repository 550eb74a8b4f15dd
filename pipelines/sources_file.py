"""Video files by PyAV: exact times, upright frames, going on anywhere, broken tails reported."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ..poses.errors import BadInput, DecodeError
from .images import MIN_SIDE_PX
from .sources import Mark, Picker, Selection, SourceFrame, fit_frame

STEPS_BACK_S = (0, 2, 10, 60)  # where a seek lands behind the frame, seek further back
LEAST_MISSING_S = 0.5

log = logging.getLogger(__name__)


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


class Decoder:
    """An open video and its frames.

    Args:
        file: path or open file.
        name: what errors call it.
    """

    def __init__(self, file: str | IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self.problem: str | None = None
        self._n_bad = 0
        self._last: av.VideoFrame | None = None
        self._start()

    def _start(self) -> None:
        try:
            self._container: Any = av.open(self._file, metadata_errors="replace")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise DecodeError(f"{self._name}: {_why_not_opened(self._name, error)}") from error
        try:
            self._stream = _video_stream(self._container, self._name)
        except (BadInput, DecodeError):
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self.time_base: Fraction = self._stream.time_base or Fraction(1, 90_000)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = float(rate) if rate else None

    def reopen(self) -> None:
        """Start again at the first frame."""
        self.close()
        self._n_bad, self.problem = 0, None
        self._start()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def n_frames(self) -> int | None:
        """An estimate of the number of frames; None where the file does not tell."""
        if self._stream.frames:
            return int(self._stream.frames)
        end = self._end_s()
        return None if end is None or self.rate is None else max(1, round(end * self.rate))

    def _end_s(self) -> float | None:
        """Return how long the video says it is, None where it does not say so reliably."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        alone = not self._container.streams.audio  # else the sound may be what lasts so long
        duration = self._container.duration
        return duration / av.time_base if duration and alone else None

    def missing(self, origin: int | None) -> str | None:
        """Return a line where the frames ended well before the time that the file names."""
        last, end = self._last, self._end_s()
        if end is None or last is None or last.pts is None or origin is None or not self._at_end:
            return None
        length = last.duration * self.time_base if last.duration else 1 / (self.rate or 1)
        until = float((last.pts - origin) * self.time_base + length)
        if end - until <= max(LEAST_MISSING_S, 0.02 * end):
            return None
        return (
            f"{self._name}: the file is truncated: its frames end at {until:.2f} s of {end:.2f} s; "
            "copy or download it again"
        )

    def time_stamps(self) -> np.ndarray:
        """Return the sorted time stamps of the frames, read from the packets without decoding."""
        stamps = []
        try:
            for packet in self._container.demux(self._stream):
                if packet.size and packet.pts is not None and not packet.is_discard:
                    stamps.append(packet.pts)  # noqa: PERF401
        except av.FFmpegError:
            log.debug("%s: packets end with an error", self._name)
        return np.sort(np.array(stamps, np.int64))

    def frames_from(self, pts: int) -> Iterator[av.VideoFrame]:
        """Seek to the last key frame before a time stamp and return the frames from there on."""
        try:
            self._container.seek(pts, stream=self._stream)
        except av.FFmpegError:
            return iter(())
        return self.frames()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Yield the frames; packets that cannot be decoded are left out and counted."""
        self._at_end = False
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self._report(f"cannot be read further ({_strerror(error)})")
                break
            if packet is None:
                self._at_end = True
                break
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                self._n_bad += 1
                continue
            for frame in decoded:
                self._last = frame
                yield frame
        if self._n_bad:
            count = "1 packet" if self._n_bad == 1 else f"{self._n_bad} packets"
            self._report(f"{count} could not be decoded, the frames in them are missing")

    def _report(self, what: str) -> None:
        self.problem = self.problem or f"{self._name}: {what}; copy or export the video again"


class Timing:
    """Turn time stamps into seconds from the first frame.

    Args:
        origin: time stamp of the first frame; None: the file has no time stamps.
        time_base: seconds of a time stamp's unit.
        rate: frames a second, for files without time stamps.
    """

    def __init__(self, origin: int | None, time_base: Fraction, rate: float | None) -> None:
        self._origin, self._time_base, self._rate = origin, time_base, rate or 25.0

    def of(self, pts: int | None, index: int) -> tuple[int, float]:
        """Return the time stamp and the seconds of a frame; a frame without one is counted."""
        if self._origin is None or pts is None:
            return index, index / self._rate
        return pts, float((pts - self._origin) * self._time_base)


def pick(
    decoded: Iterator[av.VideoFrame],
    index: int,
    picker: Picker,
    size_px: tuple[int, int],
    timing: Timing,
) -> Iterator[SourceFrame]:
    """Yield the frames that a picker takes; only they are turned into RGB."""
    reformatter = VideoReformatter()
    for number, frame in enumerate(decoded, index):
        pts, time_s = timing.of(frame.pts, number)
        if picker.is_over(time_s):
            return
        ordinal = picker.take(number, time_s)
        if ordinal is not None:
            image = fit_frame(upright(frame, reformatter), size_px)
            yield SourceFrame(ordinal, number, pts, time_s, image)


def upright(frame: av.VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """Return a frame's RGB pixels (H, W, 3), turned as the file says.

    Args:
        frame: as decoded.
        reformatter: kept from frame to frame, for to set one up costs as much as to use it.
    """
    turns = round(frame.rotation / 90) % 4  # the angle is anticlockwise, as rot90's
    image = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise BadInput(f"{path}: a folder, expected a video; give --fps to read its images as one")
    if not path.exists():
        raise BadInput(f"{path}: no such file; check the spelling and the folder")
    if path.is_file() and path.stat().st_size == 0:
        raise DecodeError(f"{path}: the file is empty; copy or download it again")


def _video_stream(container: Any, name: str) -> Any:
    kind = container.format.name
    if kind.endswith("_pipe") or kind == "image2":
        raise BadInput(f"{name}: an image, not a video; give it a photo's suffix")
    for stream in container.streams.video:
        if not stream.disposition & stream.disposition.attached_pic:
            if stream.codec_context is None:
                break
            return stream
    kinds = sorted({stream.type for stream in container.streams})
    holds = " and ".join(kinds) or "nothing"
    raise DecodeError(
        f"{name}: no video in the file, it holds {holds}; give the file with pictures"
    )


def _why_not_opened(name: str, error: Exception) -> str:
    hint = "it is damaged, truncated or no video; play it once, then copy or export it again"
    if name == "-":
        hint = "pipe a whole video, MP4 only with its index in front (faststart), or give the file"
    return f"cannot be read as video ({_strerror(error)}); {hint}"


def _strerror(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
