import numpy as np
import pytest

from lift3d.poses import (
    POPULATION_TORSO_MM,
    TORSO_BONES,
    get_skeleton,
    mean_torso_mm,
    scale_from_height,
    scale_from_torso,
)
from lift3d.poses.errors import BadInput


@pytest.fixture
def standing():
    """Return a pose (17, 3): trunk and head 250 + 250 + 125 + 125, each leg 400 + 350, in mm."""
    joints = np.zeros((17, 3))
    joints[[7, 8, 9, 10], 1] = [-250, -500, -625, -750]
    joints[[1, 2, 3]] = [[-100, 0, 0], [-100, 400, 0], [-100, 750, 0]]
    joints[[4, 5, 6]] = [[100, 0, 0], [100, 400, 0], [100, 750, 0]]
    joints[[11, 14]] = [[150, -500, 0], [-150, -500, 0]]
    return joints


def test_height_of_1500_from_head_to_ankles_by_hand(standing):
    assert scale_from_height(standing, 1500 / 0.961) == pytest.approx(1.0)
    assert scale_from_height(standing, 1800) == pytest.approx(1800 * 0.961 / 1500)


def test_height_does_not_depend_on_posture(standing):
    sitting = standing.copy()
    sitting[[2, 3], 1:] = [[0, 400], [350, 400]]
    sitting[[5, 6], 1:] = [[0, 400], [350, 400]]
    assert scale_from_height(sitting, 1700) == pytest.approx(scale_from_height(standing, 1700))


def test_height_uses_the_leg_that_was_found(standing):
    poses = np.stack([standing] * 3)
    poses[1, 3] = np.nan  # right ankle
    poses[2, [3, 6]] = np.nan  # both ankles
    factor = scale_from_height(poses, [1700, 1700, 1700])
    assert factor[1] == pytest.approx(factor[0])
    assert np.isnan(factor[2])


def test_height_needs_the_trunk(standing):
    standing[7] = np.nan
    assert np.isnan(scale_from_height(standing, 1700))


@pytest.mark.parametrize("scale", [0.001, 1.0, 40.0])
def test_factors_undo_any_scale(standing, scale):
    assert scale * scale_from_height(scale * standing, 1700) == pytest.approx(
        scale_from_height(standing, 1700)
    )
    torso = mean_torso_mm(standing)
    assert scale * scale_from_torso(scale * standing, torso) == pytest.approx(1.0)


def test_mean_torso_by_hand(standing):
    small = standing.copy()
    small[7] = [0, -150, 0]  # pelvis - spine 150, spine - thorax 350
    lost = standing.copy()
    lost[11] = np.nan  # left shoulder
    expected = [100, 100, (250 + 150 + 250) / 3, (250 + 350 + 250) / 3, 150, 150]
    np.testing.assert_allclose(mean_torso_mm(np.stack([standing, small, lost])), expected)


def test_torso_makes_the_sum_of_the_found_bones_right(standing):
    target = np.array([100.0, 100, 300, 300, 100, 100])  # 1000 in all; the pose has 1000
    assert scale_from_torso(standing, target) == pytest.approx(1.0)
    standing[7] = np.nan  # without the spine: 400 for 500
    assert scale_from_torso(standing, target) == pytest.approx(400 / 500)


def test_the_population_is_the_default(standing):
    assert scale_from_torso(standing) == pytest.approx(sum(POPULATION_TORSO_MM) / 1000)


def test_torso_bones_are_bones_of_h36m17():
    skeleton = get_skeleton("h36m17")
    bones = [(skeleton.index(a), skeleton.index(b)) for a, b in TORSO_BONES]
    assert set(bones) < set(skeleton.bones)


def test_poses_without_size_have_no_factor():
    empty = np.stack([np.zeros((17, 3)), np.full((17, 3), np.nan)])
    assert np.isnan(scale_from_height(empty, 1700)).all()
    assert np.isnan(scale_from_torso(empty)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: scale_from_height(np.zeros((2, 16, 3)), 1700),
            "joints must have shape (..., 17, 3) for skeleton 'h36m17', got (2, 16, 3); "
            "convert_joints brings other skeletons to it",
        ),
        (
            lambda: scale_from_height(np.zeros((2, 17, 3)), [1700, 1700, 1700]),
            "height_mm must be one number or have shape (2,), got (3,); give one height a pose",
        ),
        (
            lambda: scale_from_height(np.zeros((17, 3)), -1.7),
            "height_mm must be positive, got -1.7; give millimetres",
        ),
        (
            lambda: scale_from_torso(np.zeros((17, 3)), [100, 200]),
            "torso_mm must hold 6 positive lengths, got [100.0, 200.0]; order them as TORSO_BONES",
        ),
    ],
)
def test_scale_rejects_what_does_not_fit(call, message):
    with pytest.raises(BadInput) as error:
        call()
    assert str(error.value) == message
