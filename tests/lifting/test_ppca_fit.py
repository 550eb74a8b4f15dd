import numpy as np
import pytest

from lift3d.lifting import ppca_fit
from lift3d.lifting.ppca_align import mirror, turn, unit_poses
from lift3d.lifting.ppca_fit import fit_ppca
from lift3d.lifting.ppca_mixture import as_mixture
from lift3d.lifting.ppca_model import PPCAModel
from lift3d.poses import get_skeleton

BODY = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def planted(lifter) -> PPCAModel:
    """Return a symmetric model with three basis poses that no turn can imitate."""
    rng = np.random.default_rng(0)
    mean = lifter.model_.mean
    spin = np.stack([mean[:, 2], 0 * mean[:, 0], -mean[:, 0]], axis=1).reshape(-1)
    columns = [spin]
    for sign in (1, -1, 1):
        pose = rng.normal(size=(17, 3))
        pose = pose + sign * mirror(pose, BODY.pairs)
        columns.append((pose - pose.mean(axis=0)).reshape(-1))
    basis = np.linalg.qr(np.stack(columns, axis=1))[0][:, 1:].T.reshape(3, 17, 3)
    return PPCAModel(mean, basis, np.array([4e-3, 2e-3, 1e-3]), noise=1e-5)


@pytest.fixture(scope="module")
def drawn(planted) -> np.ndarray:
    """Return (4000, 17, 3) poses drawn from the planted model, turned at random."""
    rng = np.random.default_rng(1)
    coefficients = rng.normal(size=(4000, 3)) * np.sqrt(planted.variances)
    noise = np.sqrt(planted.noise) * rng.normal(size=(4000, 17, 3))
    poses = planted.mean + np.einsum("nj,jlc->nlc", coefficients, planted.basis) + noise
    poses -= poses.mean(axis=1, keepdims=True)
    return turn(poses, rng.uniform(-np.pi, np.pi, 4000))


def test_planted_subspace_mean_and_noise_are_recovered(planted, drawn):
    model, _ = fit_ppca(drawn, BODY.pairs, components=3)

    overlap = model.basis.reshape(3, -1) @ planted.basis.reshape(3, -1).T
    assert np.linalg.svd(overlap)[1].min() > 0.99
    np.testing.assert_allclose(model.mean, planted.mean, atol=0.005)
    np.testing.assert_allclose(model.variances, planted.variances, rtol=0.1)
    assert model.noise == pytest.approx(planted.noise, rel=0.1)


def test_the_bound_never_falls(poses_mm):
    units = unit_poses(poses_mm, BODY.parents)[0]

    _, bounds = fit_ppca(units, BODY.pairs, components=8)

    assert len(bounds) > 8
    assert np.diff(bounds).min() > -1e-6


def test_turned_poses_give_the_same_model(poses_mm):
    units = unit_poses(poses_mm, BODY.parents)[0]
    turned = turn(units, np.random.default_rng(0).uniform(-3, 3, len(units)))

    one = fit_ppca(units, BODY.pairs, components=5)[0]
    two = fit_ppca(turned, BODY.pairs, components=5)[0]

    np.testing.assert_allclose(one.mean, two.mean, atol=1e-4)
    np.testing.assert_allclose(one.variances, two.variances, rtol=1e-2)
    overlap = one.basis.reshape(5, -1) @ two.basis.reshape(5, -1).T
    assert np.linalg.svd(overlap)[1].min() > 0.999


def test_moments_with_mirrored_copies_are_those_of_the_doubled_data(poses_mm):
    units = unit_poses(poses_mm[:100], BODY.parents)[0]
    doubled = np.concatenate([units, mirror(units, BODY.pairs)])
    flat, both = units.reshape(100, -1), doubled.reshape(200, -1)

    mean, second = ppca_fit._with_mirrored(flat.mean(axis=0), flat.T @ flat / 100, BODY.pairs)

    np.testing.assert_allclose(mean, doubled.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(second, both.T @ both / 200, atol=1e-12)


def test_the_model_is_its_own_mirror_image(lifter):
    model = lifter.model_.components[0]
    flat = model.basis.reshape(len(model.basis), -1)
    covariance = flat.T @ np.diag(model.variances) @ flat
    mirrored = mirror(model.basis, BODY.pairs).reshape(len(flat), -1)

    np.testing.assert_allclose(mirror(model.mean, BODY.pairs), model.mean, atol=1e-6)
    np.testing.assert_allclose(
        mirrored.T @ np.diag(model.variances) @ mirrored, covariance, atol=1e-6
    )


def test_blocks_change_nothing(poses_mm, monkeypatch):
    units = unit_poses(poses_mm, BODY.parents)[0]
    whole = fit_ppca(units, BODY.pairs, components=3)[0]

    monkeypatch.setattr(ppca_fit, "BLOCK", 70)
    parts = fit_ppca(units, BODY.pairs, components=3)[0]

    np.testing.assert_allclose(parts.mean, whole.mean, atol=1e-9)
    np.testing.assert_allclose(
        as_mixture(parts).log_likelihood(units), as_mixture(whole).log_likelihood(units), rtol=1e-6
    )


def test_held_out_poses_are_less_likely_than_those_learned_from(lifter, poses_mm):
    units = unit_poses(poses_mm, BODY.parents)[0]
    scrambled = units[:, np.random.default_rng(0).permutation(17)]

    likely, unlikely = (lifter.model_.log_likelihood(u).mean() for u in (units, scrambled))

    assert likely == pytest.approx(lifter.log_likelihoods_[-1], abs=0.1)
    assert unlikely < likely - 50
