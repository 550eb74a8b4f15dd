"""Webcams and network cameras, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2

from ..poses.errors import BadInput, DecodeError
from .images import _quiet_stderr
from .sources import Mark, Picker, Selection, SourceFrame, fit_frame

TIMEOUT_MS = 10_000


class Camera:
    """A webcam by its number, or a network camera by its address.

    Times are those at which a frame arrived. Frames that come while nobody asks are lost; they are
    not counted.

    Args:
        name: "0", "1", ... or `rtsp://...`.

    Raises:
        BadInput: there is no such camera, or it does not answer.
        DecodeError: it gives no frame.
    """

    rereads = False
    live = True
    n_frames: int | None = None

    def __init__(self, name: str) -> None:
        number = name.isdecimal()
        self.name = f"camera {name}" if number else name
        self.problem: str | None = None
        self._ended = False
        self._capture = _open(int(name) if number else name)
        if not self._capture.isOpened():
            hint = "is it plugged in, and free?" if number else "check the address and the network"
            raise BadInput(f"{self.name}: cannot be opened; {hint}")
        there, first = self._capture.read()
        if not there:
            self._capture.release()
            raise DecodeError(
                f"{self.name}: opened, but gives no frame; is another program using it?"
            )
        self.size_px = (first.shape[1], first.shape[0])
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate: float | None = float(rate) if 0 < rate < 1000 else None

    def frames(self, selection: Selection, after: Mark | None = None) -> Iterator[SourceFrame]:
        """Yield the wanted frames until the camera gives no more, which is a problem, or `end`."""
        picker, begin = Picker(selection, after), time.monotonic()
        index = 0
        while not self._ended:
            if not self._capture.grab():
                self.problem = f"{self.name}: gives no more frames"
                return
            time_s = time.monotonic() - begin
            if picker.is_over(time_s):
                return
            ordinal = picker.take(index, time_s)
            index += 1
            if ordinal is None:
                continue
            there, bgr = self._capture.retrieve()
            if there:
                image = fit_frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), self.size_px)
                yield SourceFrame(ordinal, index - 1, round(1e6 * time_s), time_s, image)

    def end(self) -> None:
        """Let `frames` end with the next frame."""
        self._ended = True

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def _open(address: int | str) -> cv2.VideoCapture:
    """Open a camera without OpenCV's own messages on stderr."""
    with _quiet_stderr:
        if isinstance(address, int):
            return cv2.VideoCapture(address)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC]
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, [*limits, TIMEOUT_MS])
