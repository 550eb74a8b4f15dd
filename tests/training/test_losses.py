"""Heatmap losses: hand-made numbers, masks, gradients."""

import math

import pytest
import torch

from lift3d.training.losses import OUTSIDE_WEIGHT, cross_entropy, squared_error

NAN = float("nan")


def test_squared_error_of_empty_maps_is_the_gaussians_energy():
    # The squared Gaussian of variance 1 sums to pi on a fine grid.
    loss = squared_error(torch.zeros(1, 1, 21, 21), torch.tensor([[[10.0, 10.0]]]), 1.0)
    assert loss.item() == pytest.approx(math.pi, rel=1e-3)


def test_squared_error_ignores_joints_without_label():
    maps = torch.zeros(1, 2, 21, 21)
    maps[0, 1] = 1e3
    loss = squared_error(maps, torch.tensor([[[10.0, 10.0], [NAN, NAN]]]), 1.0)
    assert loss.item() == pytest.approx(math.pi, rel=1e-3)


def test_cross_entropy_of_even_logits_is_the_logarithm_of_the_cells():
    loss = cross_entropy(torch.zeros(1, 1, 8, 8), torch.tensor([[[3.0, 4.0]]]), 1.0)
    assert loss.item() == pytest.approx(math.log(64), rel=1e-5)


def test_cross_entropy_ignores_joints_without_label_and_their_gradient_is_zero():
    logits = torch.randn(1, 2, 8, 8, requires_grad=True)
    cross_entropy(logits, torch.tensor([[[3.0, 4.0], [NAN, NAN]]]), 1.0).backward()
    assert logits.grad[0, 0].abs().sum() > 0
    assert (logits.grad[0, 1] == 0).all()


def test_a_joint_outside_of_the_map_asks_for_an_even_distribution():
    logits = torch.zeros(1, 2, 8, 8)
    logits[0, 1, 2, 2] = 5.0
    logits.requires_grad_()
    cells = torch.tensor([[[3.0, 4.0], [-4.0, 2.0]]])
    cross_entropy(logits, cells, 1.0).backward()
    # d/dlogit = weight * (softmax - 1 / 64) / sum of weights.
    peak = logits[0, 1].detach().flatten().softmax(0).max()
    expected = OUTSIDE_WEIGHT * (peak - 1 / 64) / (1 + OUTSIDE_WEIGHT)
    torch.testing.assert_close(logits.grad[0, 1, 2, 2], expected)


def test_no_label_at_all_gives_a_loss_of_zero():
    cells = torch.full((1, 1, 2), NAN)
    assert cross_entropy(torch.randn(1, 1, 8, 8), cells, 1.0) == 0
    assert squared_error(torch.randn(1, 1, 8, 8), cells, 1.0) == 0
