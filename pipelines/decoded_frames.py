"""From decoded frames to frames of a source: exact times, upright pictures, only what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .sources import Picker, SourceFrame, fit_frame


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
