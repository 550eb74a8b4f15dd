"""Sheets of people with their 2D and their projected 3D poses."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d.evaluation.projection_sheet import projection_sheet
from lift3d.poses import Pose2D, Pose3D, PoseCrop, WeakPerspective, get_skeleton
from lift3d.poses.errors import BadInput

BODY, MPII = get_skeleton("h36m17"), get_skeleton("mpii16")


@pytest.fixture
def pose():
    """A person in a grey crop that shows the photo's pixels 100 to 163."""
    rng = np.random.default_rng(0)
    crop = PoseCrop(np.full((64, 64, 3), 128, np.uint8), np.array([[1.0, 0, 100], [0, 1, 100]]))
    found = Pose2D(rng.uniform(105, 130, (16, 2)), np.ones(16), MPII, crop=crop)
    joints_mm = rng.uniform(0, 100, (17, 3))
    camera = WeakPerspective(0.2, np.array([140.0, 140.0]))  # to pixels 140 to 160
    return Pose3D(joints_mm, np.ones(17), BODY, camera=camera, pose2d=found)


def test_the_2d_pose_is_above_and_the_projected_one_below(pose):
    sheet = projection_sheet([pose, pose, pose], columns=2)

    assert sheet.shape == (256, 128, 3)
    drawn = (sheet[:128, :64] != 128).any(-1)
    above, below = np.argwhere(drawn[:64]), np.argwhere(drawn[64:])
    assert above.min() >= 2
    assert above.max() <= 33
    assert below.min() >= 37
    assert below.max() <= 63
    assert (sheet[128:, 64:] == 255).all()  # no fourth person


def test_few_people_get_no_empty_columns(pose):
    assert projection_sheet([pose, pose]).shape == (128, 128, 3)


def test_a_lost_person_has_no_strokes_below(pose):
    sheet = projection_sheet([replace(pose, camera=None)], columns=1)
    assert (sheet[64:] == 128).all()


def test_people_without_crops_are_refused(pose):
    with pytest.raises(BadInput) as failure:
        projection_sheet([replace(pose, pose2d=None)])
    assert str(failure.value) == ("a sheet needs lifted poses with the crops they were lifted from")


def test_crops_of_several_sizes_are_refused(pose):
    crop = PoseCrop(np.zeros((32, 32, 3), np.uint8), np.eye(2, 3))
    other = replace(pose, pose2d=replace(pose.pose2d, crop=crop))
    with pytest.raises(BadInput, match="a sheet needs crops of one size"):
        projection_sheet([pose, other])
