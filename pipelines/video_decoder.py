"""An open video, decoded by PyAV: going on anywhere, broken packets and tails reported."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np

from ..poses.errors import BadInput, DecodeError

# names and titles that are no UTF-8 are no reason to stop; PyAV 19 reads on by itself
READ_ON: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
)
LEAST_MISSING_S = 0.5
LEAST_ASPECT = Fraction(1, 4)  # of a pixel; a file that says less, or more than 4, is wrong

log = logging.getLogger(__name__)


class Readable(Protocol):
    """What gives bytes; PyAV goes back in it where it has `seek` and `tell`."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""


class Decoder:
    """An open video and its frames.

    Args:
        file: path, or what gives bytes.
        name: what errors call it.

    Attributes:
        n_bad: packets so far that could not be decoded.
    """

    def __init__(self, file: str | Readable, name: str) -> None:
        self._file, self._name = file, name
        self._forget()
        self._last: av.VideoFrame | None = None
        self._start()

    def _start(self) -> None:
        try:
            self._container: Any = av.open(self._file, **READ_ON)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise DecodeError(f"{self._name}: {_why_not_opened(self._name, error)}") from error
        try:
            self._stream = _video_stream(self._container, self._name)
        except (BadInput, DecodeError):
            self._container.close()
            raise
        self._stream.thread_type = "AUTO"
        self.time_base: Fraction = self._stream.time_base or Fraction(1, 90_000)
        context = self._stream.codec_context
        given = self._stream.sample_aspect_ratio or context.sample_aspect_ratio
        usable = given and LEAST_ASPECT <= given <= 1 / LEAST_ASPECT
        self.aspect = Fraction(given) if usable else Fraction(1)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = float(rate) if rate else None

    def reopen(self) -> None:
        """Start again at the first frame."""
        self.close()
        self._forget()
        self._start()

    def _forget(self) -> None:
        self.n_bad = self._n_passed = 0
        self._broken: str | None = None

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def problem(self) -> str | None:
        """One line about what was found broken so far; None where nothing was."""
        n_bad = self.n_bad - self._n_passed
        count = "1 packet" if n_bad == 1 else f"{n_bad} packets"
        packets = f"{count} could not be decoded, the frames in them are missing" if n_bad else None
        what = self._broken or packets
        return None if what is None else f"{self._name}: {what}; copy or export the video again"

    def pass_over(self) -> None:
        """Leave what could not be decoded so far out of `problem`: it lies before what is read."""
        self._n_passed = self.n_bad

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

    @property
    def by_dts(self) -> bool:
        """Whether frames, once one is decoded, have their times in the order of decoding alone.

        AVI stores no other: where frames are stored out of order their own stamps come out wrong.
        """
        reordered = self._stream.codec_context.has_b_frames
        return bool(reordered) and self._container.format.name == "avi"

    def time_stamps(self) -> np.ndarray | None:
        """Return the sorted time stamps of the frames, read from the packets without decoding.

        None where one comes twice or those of decoding fall back, as in recordings that were
        joined byte by byte: they name no frame then.
        """
        stamps: list[int] = []
        last, falls = None, False
        try:
            for packet in self._container.demux(self._stream):
                if not packet.size or packet.is_discard:
                    continue
                if packet.dts is not None:
                    falls = falls or (last is not None and packet.dts < last)
                    last = packet.dts
                if packet.pts is not None:
                    stamps.append(packet.pts)
        except av.FFmpegError:
            log.debug("%s: packets end with an error", self._name)
        table = np.sort(np.array(stamps, np.int64))
        return None if falls or (np.diff(table) <= 0).any() else table

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
                self._broken = f"cannot be read further ({_strerror(error)})"
                break
            if packet is None:
                self._at_end = True
                break
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                self.n_bad += 1
                continue
            for frame in decoded:
                self._last = frame
                yield frame


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
