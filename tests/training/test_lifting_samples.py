import numpy as np
import pytest

from lift3d.poses import convert_joints, get_skeleton
from lift3d.training.lifting_samples import SOURCES, LiftingSamples

BODY = get_skeleton("h36m17")


@pytest.fixture
def poses_mm():
    return np.random.default_rng(0).normal(0, 300, (300, 17, 3))


def draw(poses_mm, **settings):
    return LiftingSamples(**settings).draw(poses_mm, np.random.default_rng(1))


def test_a_sample_is_2d_joints_confidences_and_the_pose_in_the_camera(poses_mm):
    joints_px, confidence, joints_mm = draw(poses_mm)

    assert joints_px.shape == (300, 17, 2)
    assert joints_mm.shape == (300, 17, 3)
    np.testing.assert_array_equal(joints_mm[:, 0], 0)
    assert ((confidence == 0) == np.isnan(joints_px).all(axis=-1)).all()
    assert confidence.max() <= 1


def test_the_seed_decides_the_samples(poses_mm):
    one, two = draw(poses_mm), draw(poses_mm)

    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, two, strict=True))


def test_joints_that_source_skeletons_lack_are_left_out_at_random(poses_mm):
    joints_px = draw(poses_mm, hidden=0.0)[0]
    lost = np.isnan(joints_px).all(axis=-1)

    patterns = {tuple(np.flatnonzero(row)) for row in lost}

    expected = {tuple(sorted(BODY.index(j) for j in missing)) for _, missing in SOURCES.values()}
    assert patterns == expected


@pytest.mark.parametrize("name", list(SOURCES))
def test_the_table_of_missing_joints_is_what_conversion_cannot_give(name):
    J = get_skeleton(name).n_joints

    missing = convert_joints(np.zeros((J, 2)), None, name, "h36m17").missing

    assert missing == SOURCES[name][1]


def test_without_damage_confidences_are_one_or_zero(poses_mm):
    confidence = draw(poses_mm, detected=0.0, blurred=0.0)[1]

    assert set(np.unique(confidence)) == {0.0, 1.0}


def test_a_share_of_poses_has_hidden_joints(poses_mm):
    few, many = (
        np.isnan(draw(poses_mm, hidden=share)[0]).all(axis=-1).sum(axis=1).mean()
        for share in (0.0, 1.0)
    )

    assert many > few + 1
