"""Numbered images as a video."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..poses.errors import BadInput, DecodeError
from .find_images import IMAGE_SUFFIXES, is_ours
from .images import read_image
from .sources import Mark, Picker, Selection, SourceFrame, check_fps, fit_frame

_COUNTER = re.compile(r"%0?\d*d")


class ImageSequence:
    """Images in the order of the numbers in their names, at a given frame rate.

    One that cannot be read is left out; it keeps its number, and `problem` tells of it.

    Args:
        pattern: a folder, a pattern (`frames/*.png`) or a counter (`frames/%05d.png`).
        fps: frames a second.

    Raises:
        BadInput: no image fits, or the frame rate is not positive.
        DecodeError: no image can be read.

    >>> sorted(["f10.png", "f9.png"], key=numbers_in)
    ['f9.png', 'f10.png']
    """

    rereads = True
    live = False

    def __init__(self, pattern: str, fps: float) -> None:
        check_fps(fps)
        self.name = os.path.abspath(pattern)
        self.problem: str | None = None
        self.rate: float | None = float(fps)
        self._fps = float(fps)
        self.paths = find_numbered(pattern)
        self.n_frames: int | None = len(self.paths)
        self.size_px = _size_of_first(self.paths)

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames, those behind `after` where it is given."""
        picker = Picker(selection, after)
        begin = 0 if after is None else after.index + 1
        n_bad = 0
        for index, path in enumerate(self.paths[begin:], begin):
            time_s = index / self._fps
            if picker.is_over(time_s):
                return
            ordinal = picker.take(index, time_s)
            if ordinal is None:
                continue
            try:
                image = read_image(path)
            except (BadInput, DecodeError) as error:
                picker.give_back()
                n_bad += 1
                more = f" (the last of {n_bad} images that cannot be read)" if n_bad > 1 else ""
                self.problem = f"{error}{more}; it is left out"
                continue
            yield SourceFrame(ordinal, index, index, time_s, fit_frame(image, self.size_px))

    def mark_before(self, ordinal: int, selection: Selection) -> Mark | None:
        """Return the mark behind which the frame with this ordinal comes; None: there is none."""
        first = next((k for k in range(len(self.paths)) if k / self._fps >= selection.start_s), 0)
        index = first + (ordinal - 1) * selection.stride
        return Mark(ordinal - 1, index, index) if ordinal and index < len(self.paths) else None

    def end(self) -> None:
        """Do nothing: images keep nobody waiting."""

    def close(self) -> None:
        """Do nothing: nothing stays open."""


def find_numbered(pattern: str) -> list[Path]:
    """Return the images of a folder, a pattern or a counter, in the order of their numbers."""
    if os.path.isdir(pattern):
        paths = [Path(pattern, name) for name in os.listdir(pattern)]
    elif _COUNTER.search(os.path.basename(pattern)):
        folder, name = os.path.split(pattern)
        parts = (re.escape(part) for part in _COUNTER.split(name))
        fits = re.compile(r"\d+".join(parts))
        there = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        paths = [Path(folder, name) for name in there if fits.fullmatch(name)]
    else:
        paths = [Path(path) for path in glob.glob(pattern, recursive=True)]
    known = [p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if not known:
        raise BadInput(
            f"{pattern}: no numbered images; with --fps give a folder, a pattern or a counter such "
            f"as frame_%05d.png, whose images end in {', '.join(IMAGE_SUFFIXES)}"
        )
    return sorted(_without_ours(known), key=lambda path: (numbers_in(path.stem), str(path)))


def _without_ours(paths: list[Path]) -> list[Path]:
    """Leave out the pictures that lift3d wrote beside the images, unless there are no others."""
    names = {folder: set(os.listdir(folder)) for folder in {path.parent for path in paths}}
    return [path for path in paths if not is_ours(path.name, names[path.parent])] or paths


def _size_of_first(paths: list[Path]) -> tuple[int, int]:
    """Return (width, height) of the first image that can be read; raise what the first one says."""
    failed: BadInput | DecodeError | None = None
    for path in paths:
        try:
            image = read_image(path)
        except (BadInput, DecodeError) as error:
            failed = failed or error
        else:
            return image.shape[1], image.shape[0]
    assert failed is not None  # there is one path at least
    raise failed


def numbers_in(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that takes each run of digits in a name as a number."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]
