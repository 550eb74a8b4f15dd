import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift3d.evaluation import (
    COCO_SIGMAS,
    head_length_px,
    oks,
    pck_torso,
    pckh,
    torso_length_px,
)
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput

COCO = get_skeleton("coco17")


def test_torso_is_the_mean_of_the_labelled_diagonals():
    joints_px = np.full((3, 16, 2), np.nan)
    left_shoulder, right_hip, right_shoulder, left_hip = 13, 2, 12, 3
    joints_px[:2, left_shoulder], joints_px[:2, right_hip] = (0, 0), (30, 40)  # 50
    joints_px[0, right_shoulder], joints_px[0, left_hip] = (0, 0), (60, 80)  # 100
    lengths = torso_length_px(joints_px, "mpii16")
    assert lengths[:2].tolist() == [75.0, 50.0]
    assert np.isnan(lengths[2])


@pytest.mark.parametrize(("skeleton", "neck"), [("mpii16", 8), ("lsp14", 12), ("h36m17", 9)])
def test_head_goes_from_the_top_to_the_neck_that_the_skeleton_has(skeleton, neck):
    skeleton = get_skeleton(skeleton)
    joints_px = np.zeros((1, len(skeleton), 2))
    joints_px[0, neck] = [5, 12]
    assert head_length_px(joints_px, skeleton).tolist() == [13.0]


@pytest.mark.parametrize(("metric", "threshold"), [(pck_torso, 0.2), (pckh, 0.5)])
def test_pck_includes_its_threshold(metric, threshold):
    true_px = np.zeros((2, 3, 2))
    predicted_px = np.zeros((2, 3, 2))
    predicted_px[0, :, 0] = np.array([0.99, 1.0, 1.01]) * threshold * 100
    predicted_px[1, :, 1] = np.array([0.99, 1.0, 1.01]) * threshold * 200
    assert metric(predicted_px, true_px, [100.0, 200.0]) == pytest.approx(4 / 6)
    assert metric(predicted_px, true_px, [200.0, 200.0]) == pytest.approx(5 / 6)


def test_pck_counts_labelled_joints_of_poses_with_a_reference():
    true_px = np.zeros((3, 4, 2))
    true_px[0, 0] = np.nan  # not labelled
    predicted_px = np.zeros((3, 4, 2))
    predicted_px[0, 1] = np.nan  # labelled, not predicted: wrong
    predicted_px[1] = 99  # reference unknown: does not count
    predicted_px[2] = 99  # reference 0: does not count
    assert pck_torso(predicted_px, true_px, [100.0, np.nan, 0.0]) == pytest.approx(2 / 3)
    mask = [True, False, True, True]
    assert pck_torso(predicted_px, true_px, [100.0, np.nan, 0.0], mask=mask) == 1.0


def test_pck_of_nothing_is_nan():
    assert np.isnan(pckh(np.zeros((1, 3, 2)), np.zeros((1, 3, 2)), [np.nan]))


def test_oks_by_hand():
    # nose off by k, left ankle by 2 k: exp(-1/2) and exp(-2), k = 2 sigma sqrt(area)
    true_px = np.full((1, 17, 2), np.nan)
    true_px[0, [0, 15]] = 0
    predicted_px = np.zeros((1, 17, 2))
    predicted_px[0, 0] = [2 * 0.026 * 50, 0]
    predicted_px[0, 15] = [0, 2 * 2 * 0.089 * 50]
    expected = (np.exp(-0.5) + np.exp(-2)) / 2
    assert oks(predicted_px, true_px, [2500.0]).tolist() == pytest.approx([expected])


def test_oks_gives_nothing_for_a_joint_that_was_not_predicted():
    true_px = np.zeros((2, 17, 2))
    true_px[1] = np.nan
    predicted_px = np.zeros((2, 17, 2))
    predicted_px[0, 3] = np.nan
    similarity = oks(predicted_px, true_px, [100.0, 100.0])
    assert similarity[0] == pytest.approx(16 / 17)
    assert np.isnan(similarity[1])


@given(st.floats(0.1, 50), st.integers(0, 2**32 - 1))
def test_scores_do_not_depend_on_the_size_of_the_image(scale, seed):
    rng = np.random.default_rng(seed)
    true_px = rng.uniform(0, 100, size=(3, 17, 2))
    predicted_px = true_px + rng.normal(scale=5, size=true_px.shape)
    torso_px = torso_length_px(true_px, COCO)
    np.testing.assert_allclose(torso_length_px(scale * true_px, COCO), scale * torso_px)
    np.testing.assert_allclose(
        oks(scale * predicted_px, scale * true_px, np.full(3, 900 * scale**2)),
        oks(predicted_px, true_px, np.full(3, 900.0)),
        rtol=1e-6,
    )


def test_coco_sigmas_are_the_same_on_both_sides():
    sigmas = np.array(COCO_SIGMAS)
    np.testing.assert_array_equal(sigmas, sigmas[COCO.flip_index])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: pckh(np.zeros((16, 2)), np.zeros((16, 2)), [1.0]),
            "predicted and true must have shape (N, J, 2), got (16, 2); "
            "put one pose into a batch: pose[None]",
        ),
        (
            lambda: pck_torso(np.zeros((2, 16, 2)), np.zeros((2, 16, 2)), [1.0]),
            "torso_px must have shape (2,), got (1,); give one value a pose",
        ),
        (
            lambda: torso_length_px(np.zeros((1, 17, 2)), "mpii16"),
            "joints_px must have shape (N, 16, 2) for skeleton 'mpii16', got (1, 17, 2); "
            "pass the skeleton that the joints have",
        ),
        (
            lambda: oks(np.zeros((1, 14, 2)), np.zeros((1, 14, 2)), [1.0]),
            "sigmas must have shape (14,), got (17,); the default is for the joints of coco17",
        ),
        (
            lambda: oks(np.zeros((1, 17, 2)), np.zeros((1, 17, 2)), [0.0]),
            "area_px2 and sigmas must be positive; leave persons without area out",
        ),
    ],
)
def test_scores_reject_what_does_not_fit(call, message):
    with pytest.raises(BadInput) as error:
        call()
    assert str(error.value) == message


def test_head_length_needs_a_head_top():
    with pytest.raises(BadInput, match=r"^skeleton 'coco17' has no joint 'head_top'; it has "):
        head_length_px(np.zeros((1, 17, 2)), "coco17")
