"""From decoded frames to frames of a source: exact times, upright pictures, only what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .sources import Picker, SourceFrame, fit_frame

JUMP_S = 0.5  # stamps that fall back by more begin anew, as where two recordings were joined


class Timing:
    """Turn time stamps into seconds from the first frame, asked for frame by frame.

    Where the stamps begin anew the next frame comes one frame's time after the last.

    Args:
        origin: time stamp of the first frame; None: the file has no time stamps.
        time_base: seconds of a time stamp's unit.
        rate: frames a second, for files without time stamps.
        by_dts: the stamps are those of decoding, which rise by the frames' own distances.
    """

    def __init__(
        self, origin: int | None, time_base: Fraction, rate: float | None, by_dts: bool = False
    ) -> None:
        self._origin, self._time_base, self._rate = origin, time_base, rate or 25.0
        self._by_dts = by_dts
        self._last, self._step = origin or 0, 0
        self._last_s = 0.0
        self._before_s = 0.0  # what the parts before this one took

    def of(self, frame: av.VideoFrame, index: int) -> tuple[int, float]:
        """Return the time stamp and the seconds of a frame; a frame without one is counted."""
        pts = self._dts(frame.dts) if self._by_dts else frame.pts
        if self._origin is None or pts is None:
            return index, index / self._rate
        time_s = self._before_s + seconds(pts, self._origin, self._time_base)
        if time_s < self._last_s - JUMP_S:
            self._before_s += self._last_s + 1 / self._rate - time_s
            time_s = self._last_s + 1 / self._rate
        self._last_s = max(self._last_s, time_s)
        return pts, time_s

    def _dts(self, dts: int | None) -> int:
        """Return a frame's decoding stamp; the last frames of a file have none."""
        if dts is None:
            dts = self._last + self._step
        self._step, self._last = dts - self._last, dts
        return dts


def seconds(pts: int, origin: int, time_base: Fraction) -> float:
    """Return the seconds of a time stamp from the first one."""
    return float((pts - origin) * time_base)


def pick(
    numbered: Iterable[tuple[int, av.VideoFrame]],
    picker: Picker,
    size_px: tuple[int, int],
    timing: Timing,
    aspect: Fraction,
) -> Iterator[SourceFrame]:
    """Yield the frames that a picker takes; only they are turned into RGB.

    Args:
        numbered: frames in order, each behind its number in the source.
        picker: says which are wanted; frames before those it may take are only timed.
        size_px: (width, height) of all frames.
        timing: of this source.
        aspect: see `upright`.
    """
    reformatter = VideoReformatter()
    for number, frame in numbered:
        pts, time_s = timing.of(frame, number)
        if number < picker.least:
            continue
        if picker.is_over(time_s):
            return
        ordinal = picker.take(number, time_s)
        if ordinal is not None:
            image = fit_frame(upright(frame, reformatter, aspect), size_px)
            yield SourceFrame(ordinal, number, pts, time_s, image)
        if picker.has_all:  # the next frame may never come
            return


def upright(
    frame: av.VideoFrame, reformatter: VideoReformatter, aspect: Fraction = Fraction(1)
) -> np.ndarray:
    """Return a frame's RGB pixels (H, W, 3), square ones, turned as the file says.

    Args:
        frame: as decoded.
        reformatter: kept from frame to frame, for to set one up costs as much as to use it.
        aspect: width of the file's pixels over their height.
    """
    turns = round(frame.rotation / 90) % 4  # the angle is anticlockwise, as rot90's
    width = max(1, round(frame.width * aspect))
    image = reformatter.reformat(frame, width=width, format="rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
