import numpy as np
import pytest

from lift3d.lifting.ppca_model import PPCAModel, from_moments

RNG = np.random.default_rng(3)


@pytest.fixture
def centred() -> np.ndarray:
    """Return (500, 5, 3) centred poses with unequal variances."""
    poses = RNG.normal(size=(500, 5, 3)) * RNG.uniform(0.1, 1.0, (5, 3)) + RNG.normal(size=(5, 3))
    return poses - poses.mean(axis=1, keepdims=True)


def fitted(poses: np.ndarray, components: int) -> PPCAModel:
    flat = poses.reshape(len(poses), -1)
    return from_moments(poses.mean(axis=0), np.cov(flat.T, bias=True), components)


def test_noise_is_the_mean_of_the_eigenvalues_left_out():
    deviations = np.zeros((12, 4, 3))  # four joints: 9 directions are free
    free = np.linalg.qr(np.column_stack([np.ones(4), RNG.normal(size=(4, 3))]))[0][:, 1:]
    sizes = [3.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    for k, size in enumerate(sizes):
        deviations[2 * k, :, k // 3] = size * free[:, k % 3]
        deviations[2 * k + 1] = -deviations[2 * k]

    model = fitted(deviations, components=2)

    # eigenvalues: 2 * size^2 / 12 = 1.5, 2/3, four of 1/6, three of 0; four and three left out
    noise = (4 / 6) / 7
    assert model.noise == pytest.approx(noise)
    np.testing.assert_allclose(model.variances, [1.5 - noise, 2 / 3 - noise])


def test_log_density_is_the_gaussian_of_the_full_covariance(centred):
    model = fitted(centred, components=4)
    basis = model.basis.reshape(4, -1)
    within = np.linalg.qr(np.eye(15) - np.kron(np.ones((5, 5)) / 5, np.eye(3)))[0][:, :12]
    covariance = basis.T @ np.diag(model.variances) @ basis + model.noise * np.eye(15)
    covariance = within.T @ covariance @ within
    residual = (centred - model.mean).reshape(500, 15) @ within
    expected = -0.5 * np.einsum("nd,dn->n", residual, np.linalg.solve(covariance, residual.T))
    expected -= 0.5 * (np.linalg.slogdet(covariance)[1] + 12 * np.log(2 * np.pi))

    np.testing.assert_allclose(model.log_density(centred), expected, rtol=1e-9)


def test_leading_components_are_those_of_a_smaller_fit(centred):
    small, large = fitted(centred, components=2), fitted(centred, components=6).leading(2)

    np.testing.assert_allclose(large.variances, small.variances)
    assert large.noise == pytest.approx(small.noise)


def test_leading_zero_keeps_the_mean_and_all_variance_as_noise(centred):
    model = fitted(centred, components=6).leading(0)

    assert model.basis.shape == (0, 5, 3)
    assert model.noise == pytest.approx(np.sum(centred.var(axis=0)) / 12)
