"""The finder's score becomes the frequency with which it is right."""

import numpy as np
import pytest
import torch

from lift3d.evaluation.people import PhotoResult
from lift3d.models.heatmap_net import bare_net
from lift3d.models.hourglass import HourglassConfig
from lift3d.training.person_score import (
    fit_score,
    is_right,
    rescale_centre,
    rescore,
    set_prior,
)


def result(score: np.ndarray, right: np.ndarray) -> PhotoResult:
    """Return detections in one photo, each the only one of its own person where it is right."""
    similarity = np.diag(right.astype(float))
    return PhotoResult(similarity, score, np.full(len(score), 100.0), (200, 200))


def test_a_score_that_is_too_low_is_corrected():
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 1.5, 3000)
    right = rng.random(3000) < 1 / (1 + np.exp(-logit))
    told = 1 / (1 + np.exp(-(logit - 2) / 1.5))  # p, told as sigmoid((logit - 2) / 1.5)
    found = [result(told[k : k + 50], right[k : k + 50]) for k in range(0, 3000, 50)]
    factor, shift = fit_score(found)
    assert factor == pytest.approx(1.5, abs=0.2)
    assert shift == pytest.approx(2, abs=0.2)
    told = np.concatenate([rescore(each, factor, shift).score for each in found])
    for low in (0.2, 0.5, 0.8):
        chosen = (told >= low) & (told < low + 0.1)
        assert right[chosen].mean() == pytest.approx(low + 0.05, abs=0.1)


def test_without_false_alarms_the_score_stays():
    assert fit_score([result(np.array([0.3, 0.4]), np.ones(2, bool))]) == (1.0, 0.0)
    assert fit_score([]) == (1.0, 0.0)


def test_the_second_detection_of_a_person_is_wrong():
    twice = PhotoResult(np.array([[0.9], [0.8]]), np.array([0.9, 0.8]), np.ones(2), (9, 9))
    assert is_right(twice).tolist() == [True, False]


def test_the_network_says_what_the_rescored_results_say():
    torch.manual_seed(0)
    net = bare_net(HourglassConfig(stacks=1, features=16, outputs=5)).eval()
    images = torch.randn(1, 3, 64, 64)
    before = net(images)[-1]
    net.load_state_dict(rescale_centre(net.state_dict(), 1.5, -0.5))
    after = net(images)[-1]
    torch.testing.assert_close(after[:, 0], before[:, 0] * 1.5 - 0.5)
    torch.testing.assert_close(after[:, 1:], before[:, 1:])
    score = before[0, 0].flatten().sigmoid().detach().numpy()
    told = rescore(result(score, np.zeros(len(score))), 1.5, -0.5).score
    np.testing.assert_allclose(told, after[0, 0].flatten().sigmoid().detach(), atol=1e-6)


def test_a_new_network_says_that_almost_no_cell_is_a_centre():
    net = bare_net(HourglassConfig(stacks=1, features=16, outputs=5)).eval()
    set_prior(net.state_dict())
    assert net.get_parameter("stacks.0.score.bias")[0] == -4
