"""A camera: its frames, what ends them, and the signals that do."""

import signal
import threading
import time

import cv2
import numpy as np
import pytest

from lift3d.pipelines import sources_camera
from lift3d.pipelines.interrupt import ending_on_interrupt
from lift3d.pipelines.sources import Selection
from lift3d.pipelines.sources_camera import Camera
from lift3d.poses.errors import BadInput


class Capture:
    """Stands for OpenCV's: gives `left` frames, each once the one before it was taken."""

    def __init__(self, left: int, length: float = 0.0) -> None:
        self.left, self.length, self.released = left, length, False
        self.taken = threading.Semaphore()

    def isOpened(self):  # noqa: N802
        return True

    def get(self, what):
        return self.length if what == cv2.CAP_PROP_FRAME_COUNT else 30.0

    def grab(self):
        self.left -= 1
        return self.left >= 0 and (self.taken.acquire(timeout=0.5) or True)

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def read(self):
        return True, self.retrieve()[1]

    def release(self):
        self.released = True


@pytest.fixture(autouse=True)
def _heard():
    """Let Ctrl-C be heard; a shell's background jobs begin deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def capture(monkeypatch):
    capture = Capture(50)
    monkeypatch.setattr(sources_camera, "_open", lambda _: capture)
    return capture


@pytest.fixture
def camera(capture):
    return Camera("0")


def frames_of(camera, capture, selection=None):
    """Yield the frames of a camera, of which none is missed."""
    for frame in camera.frames(selection or Selection()):
        yield frame
        capture.taken.release()


def test_a_camera_that_gives_no_more_frames_is_a_problem(camera, capture):
    assert [frame.index for frame in frames_of(camera, capture)] == list(range(50))
    assert camera.problem == "camera 0: gives no more frames"


def test_a_wanted_number_of_frames_is_none(camera, capture):
    assert len(list(frames_of(camera, capture, Selection(max_frames=5)))) == 5
    assert camera.problem is None


def test_the_last_wanted_frame_does_not_wait_for_another(camera, capture):
    capture.left = 1  # so that to wait is to find that no more come
    assert [frame.index for frame in camera.frames(Selection(max_frames=1))] == [0]
    assert camera.problem is None


def test_a_slow_reader_gets_the_newest_frame_with_its_number_and_time(camera, capture):
    capture.left, begin = 21, time.monotonic()
    frames = camera.frames(Selection())
    first = next(frames)
    capture.taken.release(20)
    while capture.left >= 0:  # they are read though nobody asks
        assert time.monotonic() < begin + 10
        time.sleep(0.01)
    arrived_s = time.monotonic() - begin
    time.sleep(0.3)
    second = next(frames)
    assert (first.index, second.index) == (0, 20)
    assert second.time_s < arrived_s
    assert list(frames) == []


def test_what_goes_wrong_in_reading_is_raised_where_frames_are_asked_for(camera, capture):
    def fail():
        raise cv2.error("unplugged")

    capture.grab = fail
    with pytest.raises(cv2.error, match="unplugged"):
        list(camera.frames(Selection()))


def test_a_camera_is_let_go_only_when_nothing_reads_it(camera, capture):
    frames = camera.frames(Selection())
    next(frames)
    camera.close()
    threads = {thread.name for thread in threading.enumerate()}
    assert capture.released
    assert not any("_read" in name for name in threads)


def test_a_file_on_a_web_server_is_refused(capture):
    capture.length = 70.0
    with pytest.raises(BadInput) as error:
        Camera("http://127.0.0.1/walk.mp4")
    assert str(error.value) == (
        "http://127.0.0.1/walk.mp4: a file, not a camera; download it and give the file"
    )
    assert capture.released
    assert Camera("rtsp://127.0.0.1/walk").size_px == (64, 48)


def test_a_number_that_no_camera_has_is_refused():
    with pytest.raises(BadInput) as error:
        Camera("2147483648")
    assert str(error.value) == "camera 2147483648: there is no such number; the first camera is 0"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_camera_and_what_it_gave_is_there(camera, capture, number):
    before = signal.getsignal(number)
    seen = 0
    with ending_on_interrupt(camera):
        for _ in frames_of(camera, capture):
            seen += 1
            if seen == 3:
                signal.raise_signal(number)
    assert seen == 3
    assert camera.problem is None
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_ctrl_c_stops(camera, number):
    with ending_on_interrupt(camera):
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
