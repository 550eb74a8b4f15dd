"""One video from frames to files: whole, stopped, in parts, damaged, on a full disk."""

import csv
import errno
import io
import json
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from lift3d.pipelines import detections_file, video_run, video_writers
from lift3d.pipelines.pipeline import Pipeline
from lift3d.pipelines.sources import Selection
from lift3d.pipelines.sources_file import VideoFile
from lift3d.pipelines.stream_settings import StreamSettings
from lift3d.pipelines.video_found import fingerprint
from lift3d.pipelines.video_output import PartsInfo, VideoItem, VideoOutput
from lift3d.pipelines.video_run import find_chunk, run_video
from lift3d.poses.errors import BadInput, Lift3dError

ALL = ("jsonl", "npz", "csv")


class Stopped(BaseException):
    """What a test stops a run with: nothing in the run catches it."""


@pytest.fixture
def pipeline(video_parts):
    return Pipeline(f"{video_parts}:Moving", f"{video_parts}:Flat", "cpu")


@pytest.fixture
def item(make_video, tmp_path):
    return VideoItem(str(make_video(tmp_path / "walk.mp4", 70, columns=2)), "walk")


@pytest.fixture
def output(tmp_path):
    return VideoOutput(tmp_path / "out", PartsInfo("moving", "flat"), ALL)


def files_of(output, item):
    return {path.name: path.read_bytes() for path in output.paths(item)}


def lines_of(output, item):
    return [json.loads(line) for line in output.path(item, "jsonl").read_text().splitlines()]


def test_each_frame_is_a_line_with_its_people(pipeline, item, output):
    outcome = run_video(pipeline, item, StreamSettings(), output)
    assert (outcome.status, outcome.frames, outcome.people) == ("done", 70, 2)
    header, *frames = lines_of(output, item)
    assert header["record"] == "header"
    assert header["source"] == item.source
    assert header["camera"]["focal_from"] == "assumed field of view of 60 deg"
    assert [frame["frame"] for frame in frames] == list(range(70))
    assert frames[5]["time_s"] == 0.2
    assert {person["person_id"] for frame in frames for person in frame["people"]} == {0, 1}
    person = frames[30]["people"][0]
    assert np.shape(person["joints_mm"]) == (17, 3)
    assert np.shape(person["raw_joints_mm"]) == (17, 3)
    assert np.shape(person["joints_px"]) == (16, 2)
    assert person["root_mm"][2] > 0
    assert not person["filled"]


def test_no_people_gives_lines_with_empty_lists(pipeline, make_video, tmp_path, output):
    empty = VideoItem(str(make_video(tmp_path / "dark.mp4", 5, columns=0)), "dark")
    outcome = run_video(pipeline, empty, StreamSettings(), output)
    assert (outcome.status, outcome.frames, outcome.people) == ("done", 5, 0)
    assert [frame["people"] for frame in lines_of(output, empty)[1:]] == [[]] * 5


def test_all_formats_hold_the_same_numbers(pipeline, item, output):
    run_video(pipeline, item, StreamSettings(), output)
    frames = lines_of(output, item)[1:]
    people = [(frame["frame"], person) for frame in frames for person in frame["people"]]
    with np.load(output.path(item, "npz"), allow_pickle=False) as arrays:
        assert json.loads(str(arrays["header"])) == lines_of(output, item)[0]
        assert arrays["frames"].tolist() == list(range(70))
        assert arrays["frame"].tolist() == [number for number, _ in people]
        np.testing.assert_array_equal(arrays["joints_mm"], [p["joints_mm"] for _, p in people])
        np.testing.assert_array_equal(arrays["root_mm"], [p["root_mm"] for _, p in people])
    with output.path(item, "csv").open() as file:
        assert file.readline().startswith("# {")
        rows = list(csv.DictReader(file))
    assert [int(row["person_id"]) for row in rows] == [p["person_id"] for _, p in people]
    assert [float(row["left_knee_y_mm"]) for row in rows] == [
        p["joints_mm"][5][1] for _, p in people
    ]


def test_parquet_holds_the_same_numbers(pipeline, item, tmp_path):
    table = pytest.importorskip("pyarrow.parquet")
    output = VideoOutput(tmp_path / "out", PartsInfo("moving", "flat"), ("jsonl", "parquet"))
    run_video(pipeline, item, StreamSettings(), output)
    read = table.read_table(output.path(item, "parquet"))
    people = [p for frame in lines_of(output, item)[1:] for p in frame["people"]]
    assert read["person_id"].to_pylist() == [p["person_id"] for p in people]
    assert read["pelvis_x_mm"].to_pylist() == [p["joints_mm"][0][0] for p in people]
    assert json.loads(read.schema.metadata[b"lift3d"]) == lines_of(output, item)[0]


def test_a_missing_pyarrow_says_what_to_install(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInput) as error:
        video_writers.check_formats(("parquet",))
    assert str(error.value) == (
        'Parquet needs pyarrow; run: pip install "lift3d[export]"  (or choose --format csv)'
    )


@pytest.mark.parametrize(
    ("smooth", "frames"), [("offline", 1), ("offline", 20), ("offline", 69), ("live", 40)]
)
def test_a_stopped_run_goes_on_to_the_same_bytes(pipeline, item, output, tmp_path, smooth, frames):
    settings = StreamSettings(smooth=smooth)
    run_video(pipeline, item, settings, output)
    whole = files_of(output, item)
    again = VideoOutput(tmp_path / "again", output.parts, ALL)
    seen = 0

    def stop(done, total):
        nonlocal seen
        seen += 1
        if seen == frames:
            raise Stopped

    with pytest.raises(Stopped):
        run_video(pipeline, item, settings, again, stop)
    assert not any(path.exists() for path in again.paths(item))
    kept = list(again.folder.glob("*.detections.*.part"))
    assert len(kept) == 1
    calls = []
    detect = pipeline.detector.detect
    pipeline.detector.detect = lambda images: calls.append(len(images)) or detect(images)
    assert run_video(pipeline, item, settings, again).status == "done"
    assert files_of(again, item) == whole
    assert sum(calls) <= 70
    if frames > 40:
        assert sum(calls) <= 70 - 32  # two whole batches at least were kept
    assert sorted(path.name for path in again.folder.iterdir()) == sorted(whole)


def test_a_half_written_detection_changes_nothing(pipeline, item, output, tmp_path):
    run_video(pipeline, item, StreamSettings(), output)
    again = VideoOutput(tmp_path / "again", output.parts, ALL)
    find_chunk(pipeline, item, StreamSettings(), again, 0, 48)
    (kept,) = again.folder.glob("*.part")
    kept.write_bytes(kept.read_bytes()[:-17])
    run_video(pipeline, item, StreamSettings(), again)
    assert files_of(again, item) == files_of(output, item)


@pytest.mark.parametrize("selection", [Selection(), Selection(stride=2, start_s=0.31)])
def test_parts_found_by_others_join_without_a_seam(pipeline, item, output, tmp_path, selection):
    settings = StreamSettings(selection)
    run_video(pipeline, item, settings, output)
    again = VideoOutput(tmp_path / "again", output.parts, ALL)
    assert find_chunk(pipeline, item, settings, again, 16, None) > 0
    assert find_chunk(pipeline, item, settings, again, 0, 16) == 16
    pipeline.detector.detect = None  # nothing is left to be found
    assert run_video(pipeline, item, settings, again).status == "done"
    assert files_of(again, item) == files_of(output, item)


def test_a_gap_between_parts_is_filled(pipeline, item, output, tmp_path):
    run_video(pipeline, item, StreamSettings(), output)
    again = VideoOutput(tmp_path / "again", output.parts, ALL)
    find_chunk(pipeline, item, StreamSettings(), again, 0, 16)
    find_chunk(pipeline, item, StreamSettings(), again, 48, 64)
    run_video(pipeline, item, StreamSettings(), again)
    assert files_of(again, item) == files_of(output, item)


def test_a_part_that_does_not_join_is_found_anew(
    pipeline, item, output, tmp_path, make_video, monkeypatch
):
    run_video(pipeline, item, StreamSettings(), output)
    again = VideoOutput(tmp_path / "again", output.parts, ALL)
    find_chunk(pipeline, item, StreamSettings(), again, 0, 16)
    find_chunk(pipeline, item, StreamSettings(), again, 32, 48)
    wrong = again.folder / "walk.detections.00000032.part"
    wrong.rename(again.folder / "walk.detections.00000016.part")  # as if counted wrongly
    run_video(pipeline, item, StreamSettings(), again)
    assert files_of(again, item) == files_of(output, item)


def test_other_settings_begin_anew(pipeline, item, tmp_path):
    output = VideoOutput(tmp_path / "out", PartsInfo("moving", "flat"))
    find_chunk(pipeline, item, StreamSettings(), output, 0, 32)
    outcome = run_video(pipeline, item, StreamSettings(Selection(stride=10)), output)
    assert outcome.frames == 7
    assert [path.name for path in output.folder.iterdir()] == ["walk.jsonl"]


def test_other_code_of_a_part_begins_anew(pipeline, item, tmp_path):
    code = tmp_path / "mine.py"
    code.write_text("FIRST = True")
    output = VideoOutput(tmp_path / "out", PartsInfo(f"{code}:Moving", "flat"))
    find_chunk(pipeline, item, StreamSettings(), output, 0, 32)
    (part,) = output.folder.iterdir()
    key = part.read_bytes().splitlines()[0]
    code.write_text("FIRST = False")
    find_chunk(pipeline, item, StreamSettings(), output, 0, 32)
    assert part.read_bytes().splitlines()[0] != key


def test_other_weights_of_a_part_begin_anew(pipeline, item, output, tmp_path):
    weights = tmp_path / "own.safetensors"
    weights.write_bytes(b"one")
    pipeline.detector.weights = (str(weights), "hourglass-s", np.zeros(3))  # the last are no files
    find_chunk(pipeline, item, StreamSettings(), output, 0, 32)
    (part,) = output.folder.iterdir()
    key = part.read_bytes().splitlines()[0]
    weights.write_bytes(b"two")
    find_chunk(pipeline, item, StreamSettings(), output, 0, 32)
    assert part.read_bytes().splitlines()[0] != key


def test_at_most_so_many_people_are_followed(pipeline, item, output):
    outcome = run_video(pipeline, item, StreamSettings(max_people=1), output)
    assert outcome.people == 1


def test_a_truncated_video_gives_its_frames_and_is_reported(pipeline, make_video, tmp_path, output):
    path = make_video(tmp_path / "cut.mkv", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    cut = VideoItem(str(path), "cut")
    outcome = run_video(pipeline, cut, StreamSettings(), output)
    assert outcome.status == "damaged"
    assert 20 < outcome.frames < 60
    assert "the file is truncated: its frames end at" in outcome.problem
    assert len(lines_of(output, cut)) == 1 + outcome.frames


def test_a_detector_that_fails_is_one_line_and_keeps_what_was_found(pipeline, item, output):
    detect = pipeline.detector.detect

    def failing(images):
        if failing.calls == 2:
            raise RuntimeError("out of\nmemory")
        failing.calls += 1
        return detect(images)

    failing.calls = 0
    pipeline.detector.detect = failing
    outcome = run_video(pipeline, item, StreamSettings(), output)
    assert outcome.status == "failed"
    assert outcome.problem == (
        f"{item.source}: frames 32 to 47 (1.28 s): RuntimeError: out of memory"
    )
    assert [path.name for path in output.folder.iterdir()] == ["walk.detections.00000000.part"]


def test_a_full_disk_is_one_line_and_leaves_no_half_file(pipeline, item, output, monkeypatch):
    class Full:
        def __init__(self, stream, room):
            self._stream, self._room = stream, room

        def write(self, text):
            self._room -= len(text)
            if self._room < 0:
                raise OSError(28, "No space left on device")
            return self._stream.write(text)

        def close(self):
            self._stream.close()

    earlier = output.folder / "earlier.jsonl"
    earlier.parent.mkdir()
    earlier.write_text("whole")
    real = video_writers.JsonLinesWriter.__init__

    def small(self, path, header):
        real(self, path, header)
        self._stream = Full(self._stream, 9000)

    monkeypatch.setattr(video_writers.JsonLinesWriter, "__init__", small)
    outcome = run_video(pipeline, item, StreamSettings(), output)
    assert outcome.status == "failed"
    assert outcome.problem == (
        f"{item.source}: {output.path(item, 'jsonl')}: cannot be written: No space left on device; "
        "make room or choose another output folder, then run the same command again"
    )
    assert earlier.read_text() == "whole"
    names = {path.name for path in output.folder.iterdir()}
    assert names == {"earlier.jsonl", "walk.detections.00000000.part"}


def test_a_disk_that_is_full_really_is_one_line(pipeline, item, tmp_path):
    full = tmp_path / "out"
    full.mkdir()
    (full / "walk.jsonl.part").symlink_to("/dev/full")
    output = VideoOutput(full, PartsInfo("moving", "flat"))
    outcome = run_video(pipeline, item, StreamSettings(), output)
    assert outcome.status == "failed"
    assert "cannot be written: No space left on device; make room" in outcome.problem


def test_a_disk_that_fills_up_while_people_are_found_is_one_line(
    pipeline, item, output, monkeypatch
):
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    def opened(self, path, key, size=0):
        self.path, self._file = path, io.BufferedWriter(Full())

    monkeypatch.setattr(detections_file.SegmentWriter, "__init__", opened)
    outcome = run_video(pipeline, item, StreamSettings(), output)
    assert outcome.status == "failed"
    assert "cannot be written: No space left on device; make room" in outcome.problem
    assert "walk.detections.00000000.part" in outcome.problem


def test_the_overlay_is_a_video_of_the_same_frames(pipeline, item, tmp_path):
    output = VideoOutput(tmp_path / "out", PartsInfo("moving", "flat"), overlay=True)
    settings = StreamSettings(Selection(stride=2))
    assert run_video(pipeline, item, settings, output).status == "done"
    with av.open(str(output.path(item, "overlay.mp4"))) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.name == "h264"
    assert len(frames) == 35
    assert frames[10].time == pytest.approx(0.8)
    drawn = frames[10].to_ndarray(format="rgb24").astype(int)
    assert (np.ptp(drawn, axis=2) > 60).sum() > 20  # coloured limbs on a grey video


def test_no_frames_give_no_overlay_and_a_word_about_it(pipeline, item, tmp_path, caplog):
    output = VideoOutput(tmp_path / "out", PartsInfo("moving", "flat"), overlay=True)
    settings = StreamSettings(Selection(start_s=3.2))  # the video ends at 2.8 s
    outcome = run_video(pipeline, item, settings, output)
    assert outcome.frames == 0
    assert outcome.entry(output)["outputs"] == ["walk.jsonl"]
    assert "no frames, so no video is drawn" in caplog.text
    assert not output.path(item, "overlay.mp4").exists()


def test_an_overlay_of_stdin_is_refused(pipeline, item, output, monkeypatch):
    data = Path(item.source).read_bytes()
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": io.BytesIO(data)}))
    asked = VideoOutput(output.folder, output.parts, overlay=True)
    outcome = run_video(pipeline, VideoItem("-", "stdin"), StreamSettings(), asked)
    assert outcome.problem == (
        "-: --overlay reads a video twice, which this source does not allow; leave it out, or save "
        "the video first"
    )


def test_stdin_gives_what_the_file_gives(pipeline, item, output, monkeypatch):
    run_video(pipeline, item, StreamSettings(), output)
    data = Path(item.source).read_bytes()
    monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": io.BytesIO(data)}))
    piped = VideoItem("-", "stdin")
    assert run_video(pipeline, piped, StreamSettings(), output).status == "done"
    assert lines_of(output, piped)[1:] == lines_of(output, item)[1:]
    assert not list(output.folder.glob("*.part"))


def test_a_run_on_stdin_that_waits_can_be_stopped(pipeline, make_video, output, monkeypatch):
    data = make_video(output.folder.with_name("walk.mkv"), 70).read_bytes()
    number, into = os.pipe()
    os.write(into, data)
    late = threading.Timer(20, os.close, (into,))
    late.start()

    def stop(done, total):
        raise Stopped

    begin = time.monotonic()
    with os.fdopen(number, "rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        with pytest.raises(Stopped):
            run_video(pipeline, VideoItem("-", "stdin"), StreamSettings(), output, stop)
    assert time.monotonic() < begin + 15
    late.cancel()
    os.close(into)


@pytest.fixture
def broken(make_video, tmp_path):
    """A video of 70 frames, of which the packet of the sixth cannot be decoded."""
    path = make_video(tmp_path / "broken.mp4", 70, options={"g": "1"})
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][5]
        position, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[position : position + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    return VideoItem(str(path), "broken")


@pytest.mark.parametrize("parts", [[(0, 48)], [(0, 16), (48, None)], [(0, None)]])
def test_what_was_broken_in_a_part_found_before_is_still_known(pipeline, broken, output, parts):
    whole = run_video(pipeline, broken, StreamSettings(), output)
    assert (whole.status, whole.frames) == ("damaged", 69)
    again = replace(output, folder=output.folder.with_name("again"))
    for start, until in parts:
        find_chunk(pipeline, broken, StreamSettings(), again, start, until)
    outcome = run_video(pipeline, broken, StreamSettings(), again)
    assert (outcome.status, outcome.problem) == ("damaged", whole.problem)
    assert files_of(again, broken) == files_of(output, broken)


def test_a_start_that_lies_behind_the_declared_end_is_tried(pipeline, item, output, monkeypatch):
    source = VideoFile(item.source)
    source.n_frames = 5
    monkeypatch.setattr(video_run, "open_source", lambda *_: source)
    settings = StreamSettings(Selection(start_s=2.0))
    assert run_video(pipeline, item, settings, output).frames == 20
    outcome = run_video(pipeline, item, StreamSettings(Selection(start_s=4.0)), output)
    assert outcome.problem == (
        f"{item.source}: the start, 4 s, lies behind the end, about 0.2 s; give an earlier one"
    )
    assert not list(output.folder.glob("*.part"))


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room or choose another output folder"),
        (errno.EACCES, "choose another output folder"),
        (errno.ENAMETOOLONG, "give the video a shorter name"),
    ],
)
def test_what_to_do_about_a_file_that_cannot_be_written(tmp_path, number, remedy):
    with pytest.raises(Lift3dError) as error, video_writers.writing(tmp_path):
        raise OSError(number, "No")
    assert str(error.value) == (
        f"{tmp_path}: cannot be written: No; {remedy}, then run the same command again"
    )


@pytest.mark.parametrize("letters", [232, 245])
def test_a_name_that_is_too_long_for_results_is_one_line(pipeline, item, output, letters):
    long, output = VideoItem(item.source, "n" * letters), replace(output, overlay=True)
    outcome = run_video(pipeline, long, StreamSettings(), output)
    assert outcome.status == "failed"
    assert outcome.entry(output)["outputs"] == []
    assert "cannot be written: File name too long; give the video a shorter" in outcome.problem
    with pytest.raises(Lift3dError, match="File name too long; give the video a shorter"):
        find_chunk(pipeline, long, StreamSettings(), output, 0, 16)


def test_a_video_that_has_changed_is_begun_anew(pipeline, item, make_video, output):
    find_chunk(pipeline, item, StreamSettings(), output, 0, 32)
    shutil.copy(make_video(output.folder / "new.mp4", 40), item.source)
    assert run_video(pipeline, item, StreamSettings(), output).frames == 40


def test_the_outcome_says_where_the_time_went(pipeline, item, output):
    outcome = run_video(pipeline, item, StreamSettings(), output)
    assert set(outcome.stages) == {"decode", "detect", "lift", "track", "write"}
    entry = outcome.entry(output)
    assert entry["outputs"] == ["walk.jsonl", "walk.npz", "walk.csv"]
    assert entry["fingerprint"] == fingerprint(item.source)


def test_a_detector_that_several_threads_may_call_gives_the_same_bytes(pipeline, item, output):
    run_video(pipeline, item, StreamSettings(), output)
    detect, called_by = pipeline.detector.detect, set()

    def noted(images):
        called_by.add(threading.current_thread().name)
        time.sleep(0.05)
        return detect(images)

    pipeline.detector.detect, pipeline.detector.frame_threads = noted, lambda: 3
    again = replace(output, folder=output.folder.with_name("again"))
    assert run_video(pipeline, item, StreamSettings(), again).status == "done"
    assert len(called_by) == 3
    assert files_of(again, item) == files_of(output, item)


def breathe(pipeline):
    """Let the lifter make people by up to a tenth larger and smaller as they walk."""
    one = pipeline.lifter.one

    def larger(pose):
        lifted = one(pose)
        return replace(
            lifted, joints_mm=lifted.joints_mm * (1 + 0.1 * np.sin(pose.joints_px[0, 0]))
        )

    pipeline.lifter.one = larger


def thighs_mm(frames):
    """Return the lengths of the first person's right thigh in records."""
    joints = np.array([frame["people"][0]["joints_mm"] for frame in frames])
    return np.linalg.norm(joints[:, 2] - joints[:, 1], axis=-1)  # h36m17: right knee, right hip


def test_constant_bones_keep_one_length_in_all_frames(pipeline, item, output):
    breathe(pipeline)
    free = replace(output, folder=output.folder.with_name("free"))
    run_video(pipeline, item, StreamSettings(smooth="none"), free)
    assert np.ptp(thighs_mm(lines_of(free, item)[1:])) > 10
    settings = StreamSettings(smooth="none", constant_bones=True)
    outcome = run_video(pipeline, item, settings, output)
    assert (outcome.status, outcome.frames) == ("done", 70)
    header, *frames = lines_of(output, item)
    assert header["settings"]["constant_bones"] is True
    thighs = thighs_mm(frames)
    assert np.ptp(thighs) < 0.3  # coordinates are rounded to 0.1 mm
    assert thighs[0] == pytest.approx(np.median(thighs_mm(lines_of(free, item)[1:])), rel=0.01)


def test_bones_of_a_video_that_is_read_once_settle_as_it_goes(pipeline, item, output, monkeypatch):
    breathe(pipeline)
    data = Path(item.source).with_suffix(".mkv")
    with av.open(item.source) as source, av.open(str(data), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data.read_bytes())))
    settings = StreamSettings(smooth="none", constant_bones=True)
    assert run_video(pipeline, VideoItem("-", "walk"), settings, output).status == "done"
    thighs = thighs_mm(lines_of(output, item)[1:])
    assert np.ptp(thighs[:10]) > np.ptp(thighs[-10:])


def test_people_are_set_on_the_floor_that_their_feet_tell(pipeline, item, output):
    free = replace(output, folder=output.folder.with_name("free"))
    run_video(pipeline, item, StreamSettings(fov_deg=60), free)
    run_video(pipeline, item, StreamSettings(fov_deg=60, floor=True), output)
    assert lines_of(free, item)[0]["floor"] is None
    header, *frames = lines_of(output, item)
    floor = header["floor"]
    np.testing.assert_allclose(floor["up"], [0, -1, 0], atol=0.05)
    assert floor["contacts"] >= 10
    for frame in frames:
        for person in frame["people"]:
            ankles = np.array(person["joints_mm"])[[3, 6]] + person["root_mm"]
            above = ankles @ floor["up"] + floor["height_mm"]
            assert abs(above.min()) < 15


def test_a_stopped_run_with_floor_and_bones_goes_on_to_the_same_bytes(
    pipeline, item, output, tmp_path
):
    settings = StreamSettings(constant_bones=True, floor=True)
    run_video(pipeline, item, settings, output)
    again = replace(output, folder=tmp_path / "again")

    def stop(frames, total):
        if frames > 40:
            raise Stopped

    with pytest.raises(Stopped):
        run_video(pipeline, item, settings, again, stop)
    assert run_video(pipeline, item, settings, again).status == "done"
    assert files_of(again, item) == files_of(output, item)


def test_a_floor_under_stdin_is_refused(pipeline, item, output, monkeypatch):
    data = Path(item.source).with_suffix(".mkv")
    shutil.copy(item.source, data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data.read_bytes())))
    outcome = run_video(pipeline, VideoItem("-", "stdin"), StreamSettings(floor=True), output)
    assert outcome.problem == (
        "-: --floor goes through a video twice, which this source does not allow; leave it out, "
        "or save the video first"
    )


def test_a_clip_without_standing_feet_says_so(pipeline, make_video, tmp_path, output, caplog):
    empty = VideoItem(str(make_video(tmp_path / "dark.mp4", 5, columns=0)), "dark")
    assert run_video(pipeline, empty, StreamSettings(floor=True), output).status == "done"
    assert caplog.messages == [f"{empty.source}: too few standing feet to tell the floor"]
    assert lines_of(output, empty)[0]["floor"] is None
