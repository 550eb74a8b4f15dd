"""Webcams and network cameras, through OpenCV."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np

from ..poses.errors import BadInput, DecodeError
from .images import _quiet_stderr
from .sources import Mark, Picker, Selection, SourceFrame, fit_frame

TIMEOUT_MS = 10_000
MOST_NUMBER = 2**31 - 1  # OpenCV's
_WAIT_S = 0.1


class Camera:
    """A webcam by its number, or a network camera by its address.

    Times are those at which a frame arrived. Of those that come while nobody asks the newest is
    kept; the others are lost, but have their numbers.

    Args:
        name: "0", "1", ... or `rtsp://...`.

    Raises:
        BadInput: there is no such camera, it does not answer, or it is a file on a web server.
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
        self._newest: _Newest | None = None
        if number and int(name) > MOST_NUMBER:
            raise BadInput(f"{self.name}: there is no such number; the first camera is 0")
        self._capture = _open(int(name) if number else name)
        if not self._capture.isOpened():
            hint = "is it plugged in, and free?" if number else "check the address and the network"
            raise BadInput(f"{self.name}: cannot be opened; {hint}")
        if _is_file(name, self._capture):
            self._capture.release()
            raise BadInput(f"{name}: a file, not a camera; download it and give the file")
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
        newest = self._newest = _Newest(self._capture)
        try:
            while not self._ended:
                if newest.is_over():
                    self.problem = f"{self.name}: gives no more frames"
                    return
                taken = newest.take()
                if taken is None:
                    continue
                index, arrived_s, bgr = taken
                time_s = arrived_s - begin
                if picker.is_over(time_s):
                    return
                ordinal = picker.take(index, time_s)
                if ordinal is not None:
                    image = fit_frame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), self.size_px)
                    yield SourceFrame(ordinal, index, round(1e6 * time_s), time_s, image)
                if picker.has_all:
                    return
        finally:
            newest.stop()

    def end(self) -> None:
        """Let `frames` end, whether or not another frame comes."""
        self._ended = True

    def close(self) -> None:
        """Let go of the camera."""
        self.end()
        if self._newest is not None:
            self._newest.stop()
        self._capture.release()


class _Newest:
    """Read a camera in a thread of its own, as fast as it gives frames, and keep the newest.

    What is not read piles up between a network camera and OpenCV, and would come late.
    """

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._news = threading.Condition()
        self._frame: tuple[int, float, np.ndarray] | None = None
        self._error: Exception | None = None
        self._stopped = self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        """Say whether no frame is left and none will come; raise what went wrong in reading."""
        with self._news:
            if self._frame is not None or not self._ended:
                return False
        if self._error is not None:
            raise self._error
        return True

    def take(self) -> tuple[int, float, np.ndarray] | None:
        """Return number, arrival and BGR pixels of the newest frame, waiting a while for one."""
        with self._news:
            self._news.wait_for(lambda: self._frame is not None or self._ended, _WAIT_S)
            taken, self._frame = self._frame, None
        return taken

    def stop(self) -> None:
        """End the thread, once the camera has answered."""
        self._stopped = True
        self._thread.join()

    def _read(self) -> None:
        number = 0
        try:
            while not self._stopped and self._capture.grab():
                arrived_s = time.monotonic()
                there, bgr = self._capture.retrieve()
                if there:
                    with self._news:
                        self._frame = (number, arrived_s, bgr)
                        self._news.notify()
                number += 1
        except Exception as error:  # raised again where frames are asked for
            self._error = error
        with self._news:
            self._ended = True
            self._news.notify()


def _is_file(name: str, capture: cv2.VideoCapture) -> bool:
    """Say whether an address is that of a file on a web server: it tells how long it is."""
    web = re.match("https?://", name, re.IGNORECASE)
    return web is not None and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0


def _open(address: int | str) -> cv2.VideoCapture:
    """Open a camera without OpenCV's own messages on stderr."""
    with _quiet_stderr:
        if isinstance(address, int):
            return cv2.VideoCapture(address)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC]
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, [*limits, TIMEOUT_MS])
