import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift3d.evaluation import (
    auc_3d,
    mpjpe_mm,
    mpjpe_rigid_mm,
    mpjpe_similarity_mm,
    mpjve_mm,
    n_mpjpe_mm,
    pck_3d,
)
from lift3d.poses.errors import BadInput

SEEDS = st.integers(0, 2**32 - 1)
TRUE_MM = np.array([[0.0, 0, 0], [100, 0, 0], [0, 200, 0], [0, 0, 300]])
OFF_MM = np.array([[0.0, 0, 0], [103, 4, 0], [0, 200, -10], [0, 5, 300]])  # by 0, 5, 10, 5
QUARTER_TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
PER_POSE = [mpjpe_mm, mpjpe_rigid_mm, mpjpe_similarity_mm, n_mpjpe_mm]


def test_mpjpe_by_hand():
    assert mpjpe_mm(OFF_MM + 7, TRUE_MM) == pytest.approx((0 + 5 + 10 + 5) / 4)


def test_mpjpe_lays_the_chosen_roots_together():
    # joint 1 as root: the errors are |OFF - (3, 4, 0)|
    expected = (5 + 0 + np.sqrt(9 + 16 + 100) + np.sqrt(9 + 1)) / 4
    assert mpjpe_mm(OFF_MM, TRUE_MM, root=1) == pytest.approx(expected)


def test_mask_leaves_joints_out():
    assert mpjpe_mm(OFF_MM, TRUE_MM, mask=[False, True, True, False]) == pytest.approx(7.5)


def test_joints_without_truth_are_left_out():
    true_mm = TRUE_MM.copy()
    true_mm[2] = np.nan
    assert mpjpe_mm(OFF_MM, true_mm) == pytest.approx((0 + 5 + 5) / 3)


def test_rigid_alignment_forgives_turns_but_not_size():
    assert mpjpe_rigid_mm(TRUE_MM @ QUARTER_TURN + 50, TRUE_MM) == pytest.approx(0, abs=1e-9)
    # twice as large: each joint is off by its distance from the centroid (25, 50, 75)
    expected = np.linalg.norm(TRUE_MM - [25, 50, 75], axis=-1).mean()
    assert mpjpe_rigid_mm(2 * TRUE_MM, TRUE_MM) == pytest.approx(expected)


def test_similarity_alignment_forgives_turns_and_size_but_no_mirror():
    assert mpjpe_similarity_mm(3 * TRUE_MM @ QUARTER_TURN, TRUE_MM) == pytest.approx(0, abs=1e-9)
    assert mpjpe_similarity_mm(TRUE_MM * [1, 1, -1], TRUE_MM) > 10


def test_n_mpjpe_by_hand():
    true_mm = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    predicted_mm = np.array([[5.0, 5, 5], [25, 5, 5], [5, 15, 5]])
    # less the root (20, 0, 0) and (0, 10, 0): scale = (200 + 100) / (400 + 100) = 0.6
    assert n_mpjpe_mm(predicted_mm, true_mm) == pytest.approx((0 + 2 + 4) / 3)


def test_n_mpjpe_of_a_point_is_nan():
    assert np.isnan(n_mpjpe_mm(np.ones((4, 3)), TRUE_MM))


@pytest.mark.parametrize("metric", PER_POSE)
def test_a_joint_that_was_not_predicted_makes_its_pose_nan_unless_masked(metric):
    predicted_mm = np.stack([OFF_MM, OFF_MM])
    predicted_mm[1, 3] = np.nan
    true_mm = np.stack([TRUE_MM, TRUE_MM])
    assert np.isnan(metric(predicted_mm, true_mm)).tolist() == [False, True]
    kept = metric(predicted_mm, true_mm, mask=[True, True, True, False])
    assert kept[1] == pytest.approx(kept[0])


@pytest.mark.parametrize("metric", PER_POSE)
def test_a_pose_without_truth_is_nan(metric):
    assert np.isnan(metric(OFF_MM, np.full((4, 3), np.nan)))


@pytest.mark.parametrize("metric", PER_POSE)
def test_a_batch_equals_a_loop(metric):
    predicted_mm, true_mm = np.random.default_rng(0).normal(size=(2, 2, 3, 8, 3))
    batch = metric(predicted_mm, true_mm)
    assert batch.shape == (2, 3)
    for i in np.ndindex(2, 3):
        assert batch[i] == pytest.approx(metric(predicted_mm[i], true_mm[i]))


@given(SEEDS, st.floats(0.01, 100))
def test_similarity_error_is_invariant_under_similarities_of_the_prediction(seed, scale):
    rng = np.random.default_rng(seed)
    predicted_mm, true_mm = rng.normal(size=(2, 8, 3))
    moved = scale * predicted_mm @ QUARTER_TURN + rng.normal(size=3)
    assert mpjpe_similarity_mm(moved, true_mm) == pytest.approx(
        mpjpe_similarity_mm(predicted_mm, true_mm)
    )


@given(SEEDS, st.floats(0.01, 100))
def test_n_mpjpe_is_invariant_under_scale_and_shift_of_the_prediction(seed, scale):
    predicted_mm, true_mm = np.random.default_rng(seed).normal(size=(2, 8, 3))
    assert n_mpjpe_mm(scale * predicted_mm + 3, true_mm) == pytest.approx(
        n_mpjpe_mm(predicted_mm, true_mm)
    )


@pytest.mark.parametrize("metric", PER_POSE)
def test_a_shift_is_no_error(metric):
    assert metric(TRUE_MM + 4, TRUE_MM) == pytest.approx(0, abs=1e-9)


def test_mpjve_by_hand():
    true_mm = np.stack([TRUE_MM, TRUE_MM + 10, TRUE_MM + 20])  # roots together: at rest
    predicted_mm = np.stack([TRUE_MM, OFF_MM, OFF_MM])
    assert mpjve_mm(predicted_mm, true_mm).tolist() == pytest.approx([5.0, 0.0])


def test_mpjve_leaves_out_steps_of_a_joint_into_and_out_of_unlabelled_frames():
    true_mm = np.stack([TRUE_MM] * 4)
    true_mm[1, 2] = np.nan  # the joint that moves by 10
    predicted_mm = np.stack([TRUE_MM, OFF_MM, TRUE_MM, OFF_MM])
    errors = mpjve_mm(predicted_mm, true_mm)
    assert errors.tolist() == pytest.approx([(0 + 5 + 5) / 3, (0 + 5 + 5) / 3, 20 / 4])


def test_pck_is_strict_at_150_mm():
    predicted_mm = np.zeros((1, 4, 3))
    predicted_mm[0, 1:, 0] = [149.9, 150.0, 150.1]
    assert pck_3d(predicted_mm, np.zeros((1, 4, 3))) == pytest.approx(2 / 4)
    assert pck_3d(predicted_mm, np.zeros((1, 4, 3)), threshold_mm=150.05) == pytest.approx(3 / 4)


def test_pck_counts_a_joint_that_was_not_predicted_as_wrong():
    predicted_mm = TRUE_MM.copy()
    predicted_mm[3] = np.nan
    assert pck_3d(predicted_mm, TRUE_MM) == pytest.approx(3 / 4)


def test_a_pose_without_its_true_root_counts_in_no_fraction():
    true_mm = np.stack([TRUE_MM, TRUE_MM])
    true_mm[0, 0] = np.nan
    predicted_mm = np.stack([TRUE_MM, TRUE_MM])
    assert pck_3d(predicted_mm, true_mm) == 1
    assert auc_3d(predicted_mm, true_mm) == pytest.approx(30 / 31)  # none is below 0


def test_pck_of_one_joint_by_mask():
    predicted_mm = np.stack([TRUE_MM, TRUE_MM])
    predicted_mm[0, 2] += 400
    only_2 = np.arange(4) == 2
    assert pck_3d(predicted_mm, np.stack([TRUE_MM] * 2), mask=only_2) == pytest.approx(1 / 2)


def test_auc_by_hand():
    predicted_mm = np.zeros((1, 3, 3))
    predicted_mm[0, 1:, 1] = [100.0, 200.0]
    # below the thresholds 5 ... 150: 30 times, 105 ... 150: 10 times, never
    assert auc_3d(predicted_mm, np.zeros((1, 3, 3))) == pytest.approx((30 + 10 + 0) / 3 / 31)


def test_fractions_of_nothing_are_nan():
    nothing = np.full((1, 4, 3), np.nan)
    assert np.isnan(pck_3d(TRUE_MM[None], nothing))
    assert np.isnan(auc_3d(TRUE_MM[None], nothing))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mpjpe_mm(TRUE_MM, TRUE_MM[:3]),
            "predicted and true must have one shape (..., J, 3), got (4, 3) and (3, 3); "
            "convert both to one skeleton first",
        ),
        (
            lambda: mpjpe_similarity_mm(TRUE_MM[:, :2], TRUE_MM[:, :2]),
            "predicted and true must have one shape (..., J, 3), got (4, 2) and (4, 2); "
            "convert both to one skeleton first",
        ),
        (
            lambda: mpjpe_mm(TRUE_MM, TRUE_MM, mask=np.ones(4, np.int8)),
            "mask must be boolean of shape (4,) or (4,), got (4,) int8; True keeps a joint",
        ),
        (
            lambda: pck_3d(TRUE_MM, TRUE_MM, root=4),
            "root must be the index of one of the 4 joints, got 4",
        ),
        (
            lambda: mpjve_mm(TRUE_MM, TRUE_MM),
            "frames must have shape (..., T, J, 3), got (4, 3); pass a sequence",
        ),
    ],
)
def test_metrics_reject_what_does_not_fit(call, message):
    with pytest.raises(BadInput) as error:
        call()
    assert str(error.value) == message
