"""A camera: its frames, what ends them, and Ctrl-C."""

import signal

import numpy as np
import pytest

from lift3d.pipelines import sources_camera
from lift3d.pipelines.interrupt import ending_on_interrupt
from lift3d.pipelines.sources import Selection
from lift3d.pipelines.sources_camera import Camera


class Capture:
    """Stands for OpenCV's: gives `left` frames."""

    def __init__(self, left: int) -> None:
        self.left = left

    def isOpened(self):  # noqa: N802
        return True

    def get(self, _):
        return 30.0

    def grab(self):
        self.left -= 1
        return self.left >= 0

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def read(self):
        return self.grab(), self.retrieve()[1]

    def release(self):
        pass


@pytest.fixture(autouse=True)
def _heard():
    """Let Ctrl-C be heard; a shell's background jobs begin deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def camera(monkeypatch):
    monkeypatch.setattr(sources_camera, "_open", lambda _: Capture(50))
    return Camera("0")


def test_a_camera_that_gives_no_more_frames_is_a_problem(camera):
    assert len(list(camera.frames(Selection()))) == 49
    assert camera.problem == "camera 0: gives no more frames"


def test_a_wanted_number_of_frames_is_none(camera):
    assert len(list(camera.frames(Selection(max_frames=5)))) == 5
    assert camera.problem is None


def test_ctrl_c_ends_a_camera_and_what_it_gave_is_there(camera):
    before = signal.getsignal(signal.SIGINT)
    seen = 0
    with ending_on_interrupt(camera):
        for _ in camera.frames(Selection()):
            seen += 1
            if seen == 3:
                signal.raise_signal(signal.SIGINT)
    assert seen == 3
    assert camera.problem is None
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_stops(camera):
    with ending_on_interrupt(camera):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
