"""The published suites pass on good parts and name what is wrong with bad ones."""

import dataclasses

import numpy as np
import pytest

from lift3d import check_detector, check_lifter, load_detector, load_lifter
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.errors import PluginError


@pytest.fixture
def detector(scripted):
    return load_detector(f"{scripted}:Scripted")


def test_the_scripted_detector_conforms(detector):
    check_detector(detector)


def test_the_shipped_detector_conforms():
    check_detector(load_detector("hourglass", "cpu"))


@pytest.mark.parametrize("name", ["consensus", "ppca", "fusion"])
def test_the_shipped_lifters_conform(name):
    check_lifter(load_lifter(name, "cpu"))


def broken(detector, change) -> str:
    detect = detector.detect
    detector.detect = lambda images: change(detect(images), images)
    with pytest.raises(PluginError) as error:
        check_detector(detector)
    return str(error.value)


def test_a_missing_list_is_named(detector):
    text = broken(detector, lambda found, images: found[:-1] if len(images) > 1 else found)
    assert text == "the contract is broken: detect returns one list of poses for each image"


def test_arrays_in_the_place_of_poses_are_named(detector):
    text = broken(detector, lambda found, _: [[p.joints_px for p in poses] for poses in found])
    assert text == "the contract is broken: detect returns lists of lift3d.poses.Pose2D"


def test_a_changed_image_is_named(detector):
    def change(found, images):
        for image in images:
            image[0, 0] = 7
        return found

    assert broken(detector, change) == (
        "the contract is broken: detect leaves the images as they are"
    )


def test_a_score_above_one_is_named(detector):
    def change(found, images):
        return [[dataclasses.replace(pose, score=7.0) for pose in poses] for poses in found]

    assert broken(detector, change) == "the contract is broken: a pose's score lies in 0..1"


def test_another_skeleton_is_named(detector):
    def change(found, images):
        other = get_skeleton("coco17")
        return [[Pose2D(np.ones((17, 2)), np.ones(17), other) for _ in poses] for poses in found]

    assert broken(detector, change) == (
        "the contract is broken: the poses found have the detector's skeleton"
    )


class Fitted:
    """Wraps the shipped lifter, to be spoiled."""

    def __init__(self):
        self.inner = load_lifter("ppca", "cpu")
        self.skeleton, self.needs = self.inner.skeleton, self.inner.needs

    def lift(self, poses):
        return self.inner.lift(poses)

    def lift_arrays(self, joints_px, confidence=None, *, skeleton):
        return self.inner.lift_arrays(joints_px, confidence, skeleton=skeleton)


def test_arrays_that_differ_from_poses_are_named():
    class Off(Fitted):
        def lift_arrays(self, joints_px, confidence=None, *, skeleton):
            return super().lift_arrays(joints_px, confidence, skeleton=skeleton) + 20

    with pytest.raises(PluginError, match=r"lift_arrays gives what lift gives"):
        check_lifter(Off())


def test_counting_a_hidden_joint_is_named():
    class Naive(Fitted):
        def lift_arrays(self, joints_px, confidence=None, *, skeleton):
            return super().lift_arrays(joints_px, None, skeleton=skeleton)

    with pytest.raises(PluginError, match=r"a joint of confidence 0 does not count"):
        check_lifter(Naive())


def test_a_pose_away_from_the_root_is_named():
    class Away(Fitted):
        def lift(self, poses):
            return [
                dataclasses.replace(pose, joints_mm=pose.joints_mm + np.array([0, 0, 50.0]))
                for pose in super().lift(poses)
            ]

    with pytest.raises(PluginError, match=r"joints_mm are relative to the root"):
        check_lifter(Away())
