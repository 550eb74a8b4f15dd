"""The reliability curve and its error, worked by hand."""

import numpy as np
import pytest

from lift3d.evaluation.calibration import calibration_error, joint_hits, reliability
from lift3d.poses.errors import BadInput


def test_the_curve_of_two_bins_worked_by_hand():
    confidence = np.array([0.1, 0.3, 0.6, 0.8, 1.0])
    right = np.array([False, True, True, True, False])
    curve = reliability(confidence, right, bins=2)
    np.testing.assert_allclose(curve.stated, [0.2, 0.8])
    np.testing.assert_allclose(curve.right, [0.5, 2 / 3])
    assert curve.count.tolist() == [2, 3]
    assert curve.error == pytest.approx(0.4 * 0.3 + 0.6 * (0.8 - 2 / 3))


def test_an_empty_bin_is_nan_and_costs_nothing():
    curve = reliability(np.array([0.9, 0.9]), np.array([True, False]), bins=3)
    assert np.isnan(curve.stated[:2]).all()
    assert curve.error == pytest.approx(0.4)


def test_nothing_at_all_has_no_error():
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0, bool)))


def test_frequencies_have_no_error_and_certainties_have_the_share_of_the_wrong():
    right = np.arange(100) < 70
    assert calibration_error(np.full(100, 0.7), right) == pytest.approx(0)
    assert calibration_error(np.ones(100), right) == pytest.approx(0.3)


def test_errors_of_opposite_sign_in_different_bins_do_not_cancel():
    confidence = np.array([0.3, 0.3, 0.7, 0.7])
    right = np.array([True, True, False, False])
    assert calibration_error(confidence, right) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("confidence", "right", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), bool), "must have one shape (M,), got (2, 2)"),
        (np.zeros(2), np.zeros(3, bool), "must have one shape (M,), got (2,) and (3,)"),
        (np.array([1.1]), np.array([True]), "confidence must lie in 0..1"),
        (np.array([np.nan]), np.array([True]), "confidence must lie in 0..1"),
    ],
)
def test_bad_input_is_refused(confidence, right, message):
    with pytest.raises(BadInput) as error:
        reliability(confidence, right)
    assert message in str(error.value)


def test_joints_count_where_they_and_the_torso_are_labelled():
    true = np.zeros((2, 3, 2))
    true[0, 1], true[0, 2] = np.nan, (0, 21)
    found = np.zeros((2, 3, 2))
    found[1, 0] = np.nan
    right, counts = joint_hits(found, true, np.array([100.0, np.nan]))
    assert right.tolist() == [[True, False, False], [False, False, False]]
    assert counts.tolist() == [[True, False, True], [False, False, False]]


def test_a_joint_that_was_not_found_counts_and_is_wrong():
    right, counts = joint_hits(np.full((1, 1, 2), np.nan), np.zeros((1, 1, 2)), np.array([9.0]))
    assert (right.item(), counts.item()) == (False, True)
