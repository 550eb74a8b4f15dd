"""Two looks at a person: pairs of joints from the surer one, maps where the joints are."""

import numpy as np
import pytest

from lift3d.detectors.two_looks import surer_pose
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.pose import PoseCrop

MPII = get_skeleton("mpii16")
LEFT, RIGHT, NECK = (MPII.index(name) for name in ("left_knee", "right_knee", "upper_neck"))
TURNED = np.array([[-2.0, 0, 100], [0, -2, 120]])  # the crop is upside down


def pose(at, confidence, maps=True):
    heatmaps = np.full((16, 48, 48), 1 / 48**2, np.float32) if maps else None
    crop = PoseCrop(
        np.zeros((192, 192, 3), np.uint8), TURNED / 4, heatmaps, TURNED if maps else None
    )
    return Pose2D(np.full((16, 2), at), np.array(confidence, float), MPII, crop=crop)


@pytest.fixture
def looks():
    first, second = np.full(16, 0.2), np.full(16, 0.5)
    first[[LEFT, RIGHT, NECK]] = 0.9, 0.4, 0.6  # surer of the knees together
    return pose(40.0, first), pose(70.0, second)


def test_both_knees_come_from_the_look_that_is_surer_of_them_together(looks):
    surer = surer_pose(*looks)

    taken = np.flatnonzero(surer.joints_px[:, 0] == 40)
    assert sorted(taken) == sorted([LEFT, RIGHT, NECK])
    np.testing.assert_allclose(surer.confidence[[LEFT, RIGHT, NECK]], [0.9, 0.4, 0.6])
    assert surer.score == pytest.approx(surer.confidence.mean())


def test_maps_of_joints_of_the_first_look_have_their_peak_there(looks):
    crop = surer_pose(*looks).crop

    peak = np.unravel_index(crop.heatmaps[LEFT].argmax(), (48, 48))[::-1]
    np.testing.assert_allclose(TURNED @ [*peak, 1], 40, atol=1)
    assert crop.heatmaps[LEFT].sum() == pytest.approx(1)
    np.testing.assert_array_equal(crop.heatmaps[0], looks[1].crop.heatmaps[0])
    assert looks[1].crop.heatmaps[LEFT].max() < 0.001  # the look itself stays as it was


def test_without_maps_only_joints_are_taken(looks):
    first, second = pose(40.0, looks[0].confidence, False), pose(70.0, looks[1].confidence, False)

    assert surer_pose(first, second).crop is second.crop
