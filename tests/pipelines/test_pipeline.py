"""The pipeline: order, limits, scale."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d import BadInput, Pipeline, PluginError
from lift3d.poses import get_skeleton
from lift3d.poses.scale import scale_from_height


@pytest.fixture
def pipeline(scripted):
    return Pipeline(f"{scripted}:Scripted", "ppca", device="cpu")


def test_run_gives_a_pose_that_projects_onto_its_joints(pipeline, bright):
    (person,) = pipeline.run(bright)
    assert person.joints_mm.shape == (17, 3)
    assert person.pose2d.person_id == 0
    right_wrist_3d = person.camera.project(person.joints_mm)[16]
    gap = np.linalg.norm(right_wrist_3d - person.pose2d.joints_px[10])
    assert gap < 12


def test_a_person_facing_the_camera_has_the_left_hand_on_the_right(pipeline, bright):
    joints = pipeline.run(bright)[0].joints_mm
    assert joints[13, 0] > 100 > -100 > joints[16, 0]
    assert joints[10, 1] < -400  # y points down


def test_no_person_gives_an_empty_list(pipeline, dark):
    assert pipeline.run(dark) == []


def test_a_batch_gives_what_single_runs_give(pipeline, bright, dark):
    batch = pipeline.run_batch([bright, dark, bright])
    assert [len(people) for people in batch] == [1, 0, 1]
    alone = pipeline.run(bright)[0]
    np.testing.assert_allclose(batch[2][0].joints_mm, alone.joints_mm, atol=1e-2)


def test_height_scales_the_pose_and_keeps_the_projection(scripted, bright):
    name = f"{scripted}:Scripted"
    plain = Pipeline(name, "ppca", device="cpu").run(bright)[0]
    child = Pipeline(name, "ppca", device="cpu", height_mm=1200).run(bright)[0]
    assert scale_from_height(child.joints_mm, 1200) == pytest.approx(1)
    np.testing.assert_allclose(
        child.camera.project(child.joints_mm), plain.camera.project(plain.joints_mm), atol=1e-3
    )


def test_threshold_leaves_weak_people_out(scripted, bright):
    name = f"{scripted}:Scripted"
    assert Pipeline(name, "ppca", device="cpu", threshold=0.95).run(bright) == []
    assert len(Pipeline(name, "ppca", device="cpu", threshold=0.85).run(bright)) == 1


def test_a_lifter_that_needs_maps_says_so_where_the_detector_gives_none(scripted, bright):
    pipe = Pipeline(f"{scripted}:Scripted", Looking(), device="cpu")
    with pytest.raises(BadInput) as error:
        pipe.run(bright)
    assert str(error.value) == (
        "the lifter needs each person's heatmaps, which the detector does not give; "
        "choose another detector or lifter"
    )


class Looking:
    """A lifter that looks at heatmaps and gives nothing."""

    skeleton = get_skeleton("h36m17")
    needs = frozenset({"heatmaps"})

    def lift(self, poses):
        return []

    def lift_arrays(self, joints_px, confidence=None, *, skeleton):
        return np.zeros((0, 17, 3))


def test_the_shipped_detector_gives_maps_to_a_lifter_that_needs_them():
    assert Pipeline("hourglass", Looking(), device="cpu").detector.with_maps


def test_poses_that_do_not_say_what_they_were_lifted_from_are_told(pipeline, bright):
    lift = pipeline.lifter.lift
    pipeline.lifter.lift = lambda poses: [replace(p, pose2d=None) for p in lift(poses)]
    (person,) = pipeline.run(bright)
    assert person.pose2d.skeleton == pipeline.detector.skeleton


def test_a_lifter_that_loses_people_is_named(pipeline, bright):
    pipeline.lifter.lift = lambda poses: []
    with pytest.raises(PluginError) as error:
        pipeline.run(bright)
    assert str(error.value) == (
        "the lifter must return a list with one result for each of 1 poses, got 0 results; "
        "try lift3d.check_lifter"
    )


def test_a_detector_that_returns_nothing_is_named(pipeline, bright):
    pipeline.detector.detect = lambda images: None
    with pytest.raises(PluginError, match=r"the detector must return a list .* got NoneType"):
        pipeline.run(bright)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"max_people": 0}, "max_people must be 1 or more, got 0"),
        ({"threshold": 2}, "threshold must lie in 0..1, got 2"),
        ({"height_mm": 1.8}, "height_mm must lie in 300..2800 (millimetres), got 1.8"),
    ],
)
def test_settings_out_of_range_are_refused(setting, text):
    with pytest.raises(BadInput) as error:
        Pipeline(**setting)
    assert str(error.value) == text
