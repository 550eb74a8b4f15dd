"""Detections on the disk: exact, cut to whole batches after a stop, never another run's."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d.pipelines.detections_file import (
    DetectionsFile,
    FoundFrame,
    FrameCodec,
    VideoEnd,
    encode_end,
)
from lift3d.poses import Pose2D, Pose3D, WeakPerspective, get_skeleton
from lift3d.poses.errors import BadInput

MPII, H36M = get_skeleton("mpii16"), get_skeleton("h36m17")
KEY = {"source": "a.mp4"}


@pytest.fixture
def codec():
    return FrameCodec(MPII, H36M)


def person(seed=0, **given):
    rng = np.random.default_rng(seed)
    joints_px = rng.uniform(0, 999, (16, 2))
    joints_px[3] = np.nan
    pose2d = Pose2D(joints_px, rng.uniform(0, 1, 16), MPII, rng.uniform(0, 9, 4), score=0.7)
    return Pose3D(rng.normal(0, 500, (17, 3)), np.ones(17), H36M, pose2d=pose2d, **given)


def frame(ordinal, *people):
    return FoundFrame(ordinal, 2 * ordinal, 512 * ordinal, 0.08 * ordinal, list(people))


def assert_same(a, b):
    for name in ("joints_mm", "confidence", "sigma_mm", "root_mm"):
        one, two = getattr(a, name), getattr(b, name)
        assert (one is None) == (two is None)
        if one is not None:
            np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(a.pose2d.joints_px, b.pose2d.joints_px)
    np.testing.assert_array_equal(a.pose2d.box_xyxy_px, b.pose2d.box_xyxy_px)
    assert a.pose2d.score == b.pose2d.score


def test_a_frame_comes_back_at_float32_and_then_exactly(codec):
    camera = WeakPerspective(0.25, np.array([3.0, 4.0]))
    first = frame(3, person(1, camera=camera, sigma_mm=np.arange(17.0)), person(2))
    once = codec.decode(codec.encode(first))
    assert (once.ordinal, once.index, once.pts, once.time_s) == (3, 6, 1536, 0.24)
    expected = first.people[0].joints_mm.astype(np.float32)
    np.testing.assert_array_equal(once.people[0].joints_mm, expected)
    assert once.people[0].camera.scale_px_per_mm == 0.25
    assert once.people[0].camera.offset_px.tolist() == [3, 4]
    assert once.people[1].camera is None
    assert once.people[1].sigma_mm is None
    assert np.isnan(once.people[0].pose2d.joints_px[3]).all()
    twice = codec.decode(codec.encode(once))
    for a, b in zip(once.people, twice.people, strict=True):
        assert_same(a, b)


def test_an_end_comes_back(codec):
    assert codec.decode(encode_end(VideoEnd(7, "cut"))) == VideoEnd(7, "cut")
    assert codec.decode(encode_end(VideoEnd(7))) == VideoEnd(7, None)


def test_another_skeleton_is_refused(codec):
    other = replace(person(), pose2d=Pose2D(np.zeros((17, 2)), np.ones(17), get_skeleton("coco17")))
    with pytest.raises(BadInput) as error:
        codec.encode(frame(0, other))
    assert str(error.value) == "poses of one video must have the skeleton 'mpii16', got 'coco17'"


def written(tmp_path, codec, count, start=0, key=KEY, end=None):
    file = DetectionsFile(tmp_path / "a", key, 4, codec)
    writer = file.writer(start)
    payloads = [codec.encode(frame(k, person(k))) for k in range(start, start + count)]
    if end is not None:
        payloads.append(encode_end(end))
    for begin in range(0, len(payloads), 4):
        writer.append(payloads[begin : begin + 4])
    writer.close()
    return file, writer.path


def test_what_was_written_is_read_again(tmp_path, codec):
    file, path = written(tmp_path, codec, 8)
    assert path.name == "a.detections.00000000.part"
    (segment,) = file.segments()
    assert (segment.start, segment.count, segment.end) == (0, 8, None)
    assert (segment.last.ordinal, segment.last.index, segment.last.pts) == (7, 14, 3584)
    assert [f.ordinal for f in file.frames(segment)] == list(range(8))


@pytest.mark.parametrize("lost", [1, 100, 2000])
def test_a_half_written_batch_is_dropped_and_written_anew(tmp_path, codec, lost):
    file, path = written(tmp_path, codec, 8)
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    (segment,) = file.segments()
    assert segment.count == 4
    writer = file.writer(0, segment)
    writer.append([codec.encode(frame(k, person(k))) for k in range(4, 8)])
    writer.close()
    assert path.read_bytes() == whole


def test_a_flipped_bit_ends_what_is_read(tmp_path, codec):
    file, path = written(tmp_path, codec, 12)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert file.segments()[0].count == 4


def test_an_end_makes_an_incomplete_batch_whole(tmp_path, codec):
    file, _ = written(tmp_path, codec, 6, end=VideoEnd(6, "cut"))
    (segment,) = file.segments()
    assert (segment.count, segment.end) == (6, VideoEnd(6, "cut"))
    assert len(list(file.frames(segment))) == 6


def test_one_segment_is_read_without_touching_what_others_write(tmp_path, codec):
    file, path = written(tmp_path, codec, 4, 8)
    other = file.writer(16)  # nothing of it is on the disk yet
    assert file.segment(0) is None
    assert file.segment(8).count == 4
    assert file.segment(16) is None
    assert path.exists()
    assert other.path.exists()
    other.close()


def test_less_than_a_batch_is_deleted(tmp_path, codec):
    file, path = written(tmp_path, codec, 3)
    assert file.segments() == []
    assert not path.exists()


def test_what_another_run_left_is_deleted(tmp_path, codec):
    _, path = written(tmp_path, codec, 8, key={"source": "b.mp4"})
    assert DetectionsFile(tmp_path / "a", KEY, 4, codec).segments() == []
    assert not path.exists()


def test_several_segments_come_in_order(tmp_path, codec):
    for start in (8, 0, 16):
        file, _ = written(tmp_path, codec, 4, start)
    assert [segment.start for segment in file.segments()] == [0, 8, 16]
    file.delete()
    assert list(tmp_path.iterdir()) == []
