"""A pipe that keeps one waiting: its bytes, its end, and Ctrl-C."""

import io
import os
import signal
import threading
import time

import pytest

from lift3d.pipelines.pipe_reader import PipeReader
from lift3d.pipelines.sources import Selection
from lift3d.pipelines.sources_file import VideoPipe


@pytest.fixture
def pipe():
    """Return the two ends of a pipe: a file to read, the number of the one to write."""
    number, into = os.pipe()
    with os.fdopen(number, "rb") as file:
        yield file, into
    os.close(into)


@pytest.fixture
def ctrl_c():
    """Return a timer that presses Ctrl-C; a shell's background jobs begin deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    yield timer
    timer.join()
    signal.signal(signal.SIGINT, before)


def test_bytes_come_as_they_are_written(pipe):
    file, into = pipe
    reader = PipeReader.of(file)
    os.write(into, b"walk")
    assert reader.read(3) == b"wal"
    assert reader.read(100) == b"k"


def test_a_file_and_bytes_in_memory_need_no_reader(tmp_path):
    path = tmp_path / "a.mkv"
    path.touch()
    with path.open("rb") as file:
        assert PipeReader.of(file) is None
    assert PipeReader.of(io.BytesIO()) is None


def test_a_read_that_waits_can_be_ended(pipe):
    reader = PipeReader.of(pipe[0])
    read = []
    thread = threading.Thread(target=lambda: read.append(reader.read(100)), daemon=True)
    thread.start()
    time.sleep(0.1)
    assert read == []
    reader.end()
    thread.join(10)
    assert read == [b""]


def test_ctrl_c_in_a_read_ends_the_bytes_and_is_kept(pipe, ctrl_c):
    reader = PipeReader.of(pipe[0])
    ctrl_c.start()
    assert reader.read(100) == b""
    assert reader.interrupted


def test_ctrl_c_while_a_video_is_awaited_stops(pipe, ctrl_c, capfd):
    file, into = pipe
    os.write(into, b"\x1a\x45\xdf\xa3")
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt):
        VideoPipe(file)
    assert capfd.readouterr().err == ""


def test_ctrl_c_while_frames_are_awaited_stops(pipe, ctrl_c, make_video, tmp_path):
    file, into = pipe
    os.write(into, make_video(tmp_path / "a.mkv", 40).read_bytes())
    source = VideoPipe(file)
    ctrl_c.start()
    with pytest.raises(KeyboardInterrupt):
        list(source.frames(Selection()))
    source.close()
