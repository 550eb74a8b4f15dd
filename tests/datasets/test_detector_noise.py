import numpy as np
import pytest

from lift3d.datasets.detector_noise import DetectorNoise, size_px
from lift3d.poses.errors import BadInput


@pytest.fixture
def joints_px():
    return np.random.default_rng(0).normal(500, 100, (4000, 17, 2))


def apply(joints_px, **settings):
    return DetectorNoise(**settings).apply(joints_px, np.random.default_rng(1))


def error(found, joints_px):
    return np.linalg.norm(found - joints_px, axis=-1) / size_px(joints_px)[:, None]


def test_confident_joints_are_nearer_to_the_truth(joints_px):
    found, confidence = apply(joints_px, skill=0.0)
    off = error(found, joints_px)

    shares = [
        (off[(confidence > low) & (confidence < low + 0.2)] > 0.35).mean()
        for low in (0.1, 0.4, 0.7)
    ]

    assert shares[0] > 0.5 > shares[1] > shares[2]
    assert shares[2] < 0.12


def test_skill_raises_confidence_and_lowers_the_error(joints_px):
    worse, better = (apply(joints_px, skill=skill) for skill in (0.0, 2.0))

    assert better[1].mean() > worse[1].mean() + 0.2
    assert np.median(error(better[0], joints_px)) < np.median(error(worse[0], joints_px))


def test_joints_of_one_person_are_unsure_together(joints_px):
    confidence = apply(joints_px)[1]

    between = np.corrcoef(confidence[:, 3], confidence[:, 13])[0, 1]

    assert 0.4 < between < 0.7


def test_some_joints_sit_on_the_other_side(joints_px):
    found = apply(joints_px, skill=0.0)[0]
    to_other = np.linalg.norm(found[:, 3] - joints_px[:, 6], axis=-1) / size_px(joints_px)

    assert 0.1 < (to_other < 0.3).mean() < 0.4


def test_hidden_joints_are_nan_without_confidence(joints_px):
    found, confidence = apply(joints_px, hidden=0.3)
    lost = np.isnan(found).all(axis=-1)

    assert 0.27 < lost.mean() < 0.33
    assert (confidence[lost] == 0).all()
    assert (confidence[~lost] > 0).all()


def test_another_shape_is_refused():
    with pytest.raises(BadInput) as failure:
        DetectorNoise().apply(np.zeros((2, 16, 2)), np.random.default_rng(0))

    assert str(failure.value) == "joints_px must have shape (N, 17, 2), got (2, 16, 2)"
