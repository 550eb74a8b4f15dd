"""Where frames come from: one small contract for video files, cameras and numbered images.

A source gives `SourceFrame`s in order. Frames are numbered from 0 in their source, whatever is
left out; the frames that are taken are counted apart, by their `ordinal`. A source that can be
read twice goes on from any `Mark`, with the frames it would have given without a stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from ..poses.errors import BadInput

GREY = 114
MOST_FPS = 10_000
_URL = re.compile(r"(rtsps?|rtmp|https?|udp|tcp)://", re.IGNORECASE)


@dataclass(frozen=True)
class Mark:
    """Name a frame of a source, to go on behind it.

    Attributes:
        ordinal: how many frames were taken before it.
        index: its number in the source, counted from 0 before any stride.
        pts: its presentation time stamp, in the source's own units.
    """

    ordinal: int
    index: int
    pts: int


@dataclass(frozen=True, eq=False)
class SourceFrame(Mark):
    """A frame that was taken, with its time from the source's first frame and its RGB pixels.

    Attributes:
        time_s: seconds from the first frame of the source.
        image: uint8 (H, W, 3), upright, of the source's `size_px`.
    """

    time_s: float
    image: np.ndarray


@dataclass(frozen=True)
class Selection:
    """Say which frames of a source are taken.

    Attributes:
        stride: every so many frames one is taken.
        start_s: from this time on, seconds from the first frame.
        end_s: frames before this time; None: to the end.
        max_frames: at most so many; None: all.

    Raises BadInput where a value is out of its range.

    >>> Selection(stride=2, end_s=1.5)
    Selection(stride=2, start_s=0.0, end_s=1.5, max_frames=None)
    """

    stride: int = 1
    start_s: float = 0.0
    end_s: float | None = None
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise BadInput(f"stride must be 1 or more, got {self.stride}")
        if not 0 <= self.start_s < float("inf"):
            raise BadInput(f"start must be 0 s or later, got {self.start_s}")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise BadInput(f"end must be later than start ({self.start_s} s), got {self.end_s} s")
        if self.max_frames is not None and self.max_frames < 1:
            raise BadInput(f"max_frames must be 1 or more, got {self.max_frames}")


class Picker:
    """Count the frames of a source and say which are taken, by a `Selection`.

    Args:
        selection: what is wanted.
        after: the last frame taken by an earlier run; None: there was none.
    """

    def __init__(self, selection: Selection, after: Mark | None = None) -> None:
        self.selection = selection
        self.taken = 0 if after is None else after.ordinal + 1
        self._first = None if after is None else after.index - after.ordinal * selection.stride
        self.least = 0 if after is None else after.index + 1  # frames before it are not taken

    @property
    def has_all(self) -> bool:
        """Whether as many frames were taken as are wanted."""
        most = self.selection.max_frames
        return most is not None and self.taken >= most

    def is_over(self, time_s: float) -> bool:
        """Say whether neither the frame of this time nor a later one is wanted."""
        end = self.selection.end_s
        return self.has_all or (end is not None and time_s >= end)

    def take(self, index: int, time_s: float) -> int | None:
        """Return the ordinal of a frame that is taken, None for one that is not."""
        if time_s < self.selection.start_s:
            return None
        if self._first is None:
            self._first = index
        if (index - self._first) % self.selection.stride:
            return None
        self.taken += 1
        return self.taken - 1

    def give_back(self) -> None:
        """Do not count the frame taken last: there is nothing in it."""
        self.taken -= 1


class Source(Protocol):
    """Anything that gives frames.

    Attributes:
        name: what the records call it: a path, an address, "camera 0" or "-".
        size_px: (width, height) of its frames.
        rate: frames a second, nominal; None where it is not known.
        n_frames: an estimate of their number; None where there is none.
        rereads: it can be read again and gone on with behind a mark.
        live: frames come whether or not they are asked for.
        problem: one line about what was found broken so far; None where nothing was.
    """

    name: str
    size_px: tuple[int, int]
    rate: float | None
    n_frames: int | None
    rereads: bool
    live: bool
    problem: str | None

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames, those behind `after` where it is given."""

    def end(self) -> None:
        """Let a thread that waits in `frames` for what may never come wait no longer."""

    def close(self) -> None:
        """Let go of files and devices."""


def open_source(name: str | Path, fps: float | None = None) -> Source:
    """Open a video by what its name is: a file, a camera, an address, images, or "-".

    Args:
        name: a video file; a whole number for a camera; an address such as `rtsp://...`; "-" for a
            video on stdin; with `fps` a folder or pattern of numbered images.
        fps: how many of the images make a second; None: the name is no folder of images.

    Raises:
        BadInput: there is no such source, or it is of another kind.
        DecodeError: it cannot be read as video.
    """
    text = str(name)
    if fps is not None:
        from .sources_images import ImageSequence

        return ImageSequence(text, fps)
    if is_camera(text):
        from .sources_camera import Camera

        return Camera(text)
    from .sources_file import VideoFile, VideoPipe

    return VideoPipe() if text == "-" else VideoFile(text)


def is_camera(name: str) -> bool:
    """Say whether a name is a camera's number or an address, not a path."""
    return bool(_URL.match(name)) or (name.isdecimal() and not Path(name).exists())


def is_stream(name: str) -> bool:
    """Say whether a name is a camera, an address or stdin: it can be read only once."""
    return name == "-" or is_camera(name)


def check_fps(fps: float) -> None:
    """Raise BadInput where numbered images cannot come so many a second."""
    if not 0 < fps < MOST_FPS:
        raise BadInput(f"fps must be above 0 and below {MOST_FPS}, got {fps}")


def fit_frame(image: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Return a frame at the source's size: scaled to fit, grey at the sides that are left over."""
    width, height = size_px
    if image.shape[:2] == (height, width):
        return image
    scale = min(width / image.shape[1], height / image.shape[0])
    inside = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    x, y = (width - inside[0]) // 2, (height - inside[1]) // 2
    fitted = np.full((height, width, 3), GREY, np.uint8)
    fitted[y : y + inside[1], x : x + inside[0]] = cv2.resize(image, inside, interpolation=way)
    return fitted
