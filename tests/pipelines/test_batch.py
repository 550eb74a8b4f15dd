"""Many videos: who gets what, what becomes of tasks whose worker dies, processes that load once."""

import os
import signal

import pytest

from lift3d.pipelines.batch import WorkerDied, run_batch
from lift3d.pipelines.batch_processes import ProcessPool
from lift3d.pipelines.batch_tasks import BatchTask, WorkerSpec, split_video
from lift3d.pipelines.sources import Selection
from lift3d.pipelines.stream_settings import StreamSettings
from lift3d.pipelines.video_output import PartsInfo, VideoItem, VideoOutput
from lift3d.pipelines.video_run import VideoOutcome
from lift3d.poses.errors import Lift3dError, PluginError

SETTINGS = StreamSettings()


class Scripted:
    """A pool whose tasks end as a script says, first in, first out."""

    def __init__(self, size, ends):
        self.size, self._ends = size, ends
        self.started, self._running, self.most = [], [], 0

    @property
    def idle(self):
        return self.size - len(self._running)

    def start(self, task):
        assert self.idle > 0
        self.started.append(task)
        self._running.append(task)
        self.most = max(self.most, len(self._running))

    def wait(self, timeout_s):
        task = self._running.pop(0)
        return [(task, self._ends(task, self.started.count(task)))]

    def progress(self):
        return 0.0

    def close(self):
        pass


def done(task, nth):
    return VideoOutcome(task.item, "done", 3) if task.chunk is None else 16


def outcomes(pool, items):
    return [outcome for outcome in run_batch(pool, items, SETTINGS) if outcome is not None]


def items_named(*names):
    return [VideoItem(f"/none/{name}.mp4", name) for name in names]


def test_each_video_is_one_task_and_no_more_are_out_than_workers():
    pool = Scripted(2, done)
    found = outcomes(pool, items_named(*"abcde"))
    assert [outcome.item.name for outcome in found] == list("abcde")
    assert pool.most == 2
    assert [task.chunk for task in pool.started] == [None] * 5


def test_a_task_whose_worker_died_is_done_by_another():
    pool = Scripted(2, lambda task, nth: WorkerDied("gone") if nth < 3 else done(task, nth))
    assert [outcome.status for outcome in outcomes(pool, items_named("a"))] == ["done"]
    assert len(pool.started) == 3


def test_a_task_that_kills_three_workers_has_failed_and_the_others_are_done():
    def ends(task, nth):
        return WorkerDied("gone") if task.item.name == "a" else done(task, nth)

    found = {o.item.name: o for o in outcomes(Scripted(2, ends), items_named("a", "b"))}
    assert found["a"].status == "failed"
    assert found["a"].problem == "/none/a.mp4: gone"
    assert found["b"].status == "done"


def test_an_error_is_not_tried_again():
    pool = Scripted(1, lambda task, nth: Lift3dError("no\nroom"))
    assert [outcome.problem for outcome in outcomes(pool, items_named("a"))] == [
        "/none/a.mp4: no room"
    ]
    assert len(pool.started) == 1


def test_one_video_is_split_among_the_workers_then_joined(make_video, tmp_path):
    item = VideoItem(str(make_video(tmp_path / "a.mp4", 100)), "a")
    pool = Scripted(3, done)
    assert [outcome.frames for outcome in outcomes(pool, [item])] == [3]
    assert [task.chunk for task in pool.started] == [(0, 48), (48, 96), (96, None), None]


def test_a_part_that_fails_is_left_to_the_whole(make_video, tmp_path):
    item = VideoItem(str(make_video(tmp_path / "a.mp4", 100)), "a")

    def ends(task, nth):
        return done(task, nth) if task.chunk is None else Lift3dError("broken")

    pool = Scripted(2, ends)
    assert [outcome.status for outcome in outcomes(pool, [item])] == ["done"]
    assert [task.chunk for task in pool.started] == [(0, 64), (64, None), None]


def test_parts_are_whole_batches(make_video, tmp_path):
    item = VideoItem(str(make_video(tmp_path / "a.mp4", 100)), "a")
    assert split_video(item, SETTINGS, 2) == [(0, 64), (64, None)]
    every_third = StreamSettings(Selection(stride=3))
    assert split_video(item, every_third, 4) == [(0, 16), (16, 32), (32, None)]
    assert split_video(item, StreamSettings(Selection(max_frames=10)), 4) == []
    assert split_video(VideoItem("/none.mp4", "none"), SETTINGS, 4) == []


@pytest.fixture
def spec(video_parts, tmp_path):
    parts = PartsInfo(f"{video_parts}:Moving", f"{video_parts}:Flat")
    return WorkerSpec(SETTINGS, VideoOutput(tmp_path / "out", parts), "cpu", threads=1)


def wait_for(pool, count):
    ended = []
    while len(ended) < count:
        ended += pool.wait(0.2)
    return ended


def test_processes_do_tasks_and_outlive_a_death(spec, make_video, tmp_path):
    item = VideoItem(str(make_video(tmp_path / "a.mp4", 20)), "a")
    pool = ProcessPool(spec, 1)
    try:
        pool.start(BatchTask(item))
        assert pool.idle == 0
        ((_, outcome),) = wait_for(pool, 1)
        assert (outcome.status, outcome.frames) == ("done", 20)
        pool.start(BatchTask(VideoItem(str(tmp_path / "none.mp4"), "none")))
        ((_, outcome),) = wait_for(pool, 1)
        assert (
            outcome.problem
            == f"{tmp_path}/none.mp4: no such file; check the spelling and the folder"
        )
        os.kill(pool._workers[0].process.pid, signal.SIGKILL)
        pool.start(BatchTask(item))
        ((_, died),) = wait_for(pool, 1)
        assert isinstance(died, WorkerDied)
        assert str(died) == (
            "its worker process died (signal 9); was there enough memory? try fewer --workers"
        )
        pool.start(BatchTask(item))
        ((_, outcome),) = wait_for(pool, 1)
        assert outcome.status == "done"
    finally:
        pool.close()
    assert not any(worker.process.is_alive() for worker in pool._workers)


def test_processes_that_cannot_load_their_parts_say_why(spec):
    parts = PartsInfo("hourgalss", "ppca")
    wrong = WorkerSpec(SETTINGS, VideoOutput(spec.output.folder, parts), "cpu")
    pool = ProcessPool(wrong, 1)
    try:
        with pytest.raises(
            PluginError, match="no detector is called 'hourgalss'; there are hourgl"
        ):
            wait_for(pool, 1)
    finally:
        pool.close()
