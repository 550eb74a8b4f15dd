import numpy as np
import pytest
import torch

from lift3d.lifting.consensus import solve_consensus

GROUPS = [[1, 1, 1, 1, 0], [0, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 1, 0, 1]]


def exact(hypotheses_mm, weights=None):
    return solve_consensus(
        hypotheses_mm, GROUPS, weights, tolerance=1e-10, max_iterations=5000
    ).pose_mm


@pytest.fixture
def hypotheses_mm():
    rng = np.random.default_rng(0)
    at = rng.normal(0, 300, (1, 1, 5, 3)) + rng.normal(0, 30, (1, 5, 5, 3))
    return torch.as_tensor(at).requires_grad_()


def test_gradient_of_the_pose_is_that_of_small_changes(hypotheses_mm):
    rng = np.random.default_rng(1)
    weights = torch.as_tensor(rng.uniform(0.5, 1.5, (1, 5, 5))).requires_grad_()
    into = torch.as_tensor(rng.normal(size=(1, 5, 3)))

    def loss(at, w):
        return (exact(at, w) * into).sum()

    given = (hypotheses_mm, weights)
    assert torch.autograd.gradcheck(loss, given, eps=1e-3, atol=1e-4, rtol=1e-4, fast_mode=True)


def test_the_gradient_does_not_change_the_pose(hypotheses_mm):
    with_graph = exact(hypotheses_mm)

    assert with_graph.requires_grad
    np.testing.assert_array_equal(with_graph.detach(), exact(hypotheses_mm.detach()))
    with torch.no_grad():
        assert not exact(hypotheses_mm).requires_grad


@pytest.mark.parametrize("norm", ["l21", "l1"])
def test_gradient_goes_to_the_middle_stick_alone(norm):
    # Of three limbs of 100, 110 and 400 the middle one decides; the others may grow a little.
    at = torch.zeros(1, 3, 2, 3, dtype=torch.float64)
    at[0, :, 1, 0] = torch.tensor([100.0, 110.0, 400.0])
    at.requires_grad_()

    pose = solve_consensus(at, np.ones((3, 2)), norm=norm, tolerance=1e-9).pose_mm
    pose[0, 1, 0].backward()

    np.testing.assert_allclose(at.grad[0, :, 1, 0], [0, 1, 0], atol=1e-4)
    np.testing.assert_allclose(at.grad[0, :, 0, 0], [0, -1, 0], atol=1e-4)


def test_hidden_and_foreign_joints_get_no_gradient_and_no_nan(hypotheses_mm):
    weights = torch.ones(1, 5, 5, dtype=torch.float64)
    weights[:, :, 4] = 0
    outside = ~torch.as_tensor(GROUPS, dtype=torch.bool)
    at = hypotheses_mm.detach().clone()
    at[:, outside] = torch.nan
    at[0, 1, 2] = torch.nan
    at.requires_grad_()

    pose = exact(at, weights)
    pose[:, :4].square().sum().backward()

    assert at.grad.isfinite().all()
    assert (at.grad[:, outside] == 0).all()
    assert (at.grad[:, :, 4] == 0).all()
    assert (at.grad[0, 1, 2] == 0).all()
    assert at.grad[0, 0, 1].abs().max() > 0


def test_steps_against_the_gradient_bring_the_consensus_to_the_truth(hypotheses_mm):
    truth = torch.as_tensor(np.random.default_rng(4).normal(0, 300, (1, 5, 3)))
    truth = truth - truth[:, :1]
    at = hypotheses_mm
    optimizer = torch.optim.Adam([at], lr=20)
    errors = []
    for _ in range(30):
        error = (solve_consensus(at, GROUPS).pose_mm - truth).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(float(error.detach()))

    assert errors[-1] < 0.1 * errors[0]


def test_the_gradient_of_a_weight_of_0_is_that_of_a_small_one(hypotheses_mm):
    weights = torch.ones(1, 5, 5, dtype=torch.float64)
    weights[0, 0, 2] = 0
    into = torch.as_tensor(np.random.default_rng(1).normal(size=(1, 5, 3)))
    at = hypotheses_mm.detach().clone()
    at[0, 1, 3] = torch.nan  # has no weight, whatever is given

    def loss(w):
        return (exact(at, w) * into).sum()

    step = torch.zeros_like(weights)
    step[0, 0, 2] = 1e-4
    slope = (loss(weights + step) - loss(weights)) / 1e-4
    given = weights.clone().requires_grad_()
    loss(given).backward()
    assert given.grad.isfinite().all()
    assert given.grad[0, 0, 2].item() == pytest.approx(slope.item(), rel=0.01)
