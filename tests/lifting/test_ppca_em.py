import numpy as np
import pytest

from lift3d.lifting import PPCALifter, ppca_align, ppca_em
from lift3d.lifting.ppca_align import mirror, unit_poses
from lift3d.lifting.ppca_em import align, fit_mixture, greedy_centres
from lift3d.lifting.ppca_fit import fit_ppca
from lift3d.lifting.ppca_mixture import PPCAMixture, with_noise_levels
from lift3d.lifting.ppca_model import PPCAModel, from_moments
from lift3d.poses import get_skeleton

BODY = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def aligned(poses_mm) -> np.ndarray:
    """Return (600, 17, 3) unit poses that face the same way."""
    units = unit_poses(poses_mm, BODY.parents)[0]
    return align(units, fit_ppca(units, BODY.pairs, components=4)[0])


def test_centres_lower_the_sum_of_distances_most_and_end_when_too_close():
    # on a line: three at 0, 1, 2 and two at 10, 11
    points = np.array([[0.0], [1], [2], [10], [11]])

    # sums of distances 24, 21, 20, 28, 32: the first is 2, its mean distance 4, too close is 1.4
    # next 10 and 11 both leave 1 + 2 + 1 = 4, the first of them; then 0 is 2 away, 1 and 11 only 1
    assert greedy_centres(points, 1).ravel().tolist() == [2]
    assert greedy_centres(points, 2).ravel().tolist() == [2, 10]
    assert greedy_centres(points, 5).ravel().tolist() == [2, 10, 0]


@pytest.mark.parametrize("prior_poses", [0.0, 30.0])
def test_the_bound_of_the_mixture_never_falls(aligned, prior_poses):
    mixture, bounds = fit_mixture(
        aligned, BODY.pairs, clusters=4, components=5, prior_poses=prior_poses, tolerance=1e-6
    )

    assert len(mixture.weights) > 1
    assert len(bounds) > 5
    assert np.diff(bounds).min() > -1e-5
    assert bounds[-1] > bounds[0] + 1


def test_the_last_bound_is_the_mean_log_likelihood_of_the_poses_and_their_mirror_images(aligned):
    mixture, bounds = fit_mixture(aligned, BODY.pairs, clusters=3, components=5, tolerance=0.0)

    both = np.concatenate([aligned, mirror(aligned, BODY.pairs)])
    densities = sum(
        weight * np.exp(one.log_density(both) - 90)
        for one, weight in zip(mixture.components, mixture.weights, strict=True)
    )

    assert (np.log(densities) + 90).mean() == pytest.approx(bounds[-1], abs=2e-3)


def test_one_gaussian_is_ppca_with_the_same_subspace_and_noise(aligned):
    both = np.concatenate([aligned, mirror(aligned, BODY.pairs)]).astype(np.float64)
    covariance = np.cov(both.reshape(len(both), -1).T, bias=True)
    expected = from_moments(both.mean(axis=0), covariance, 6)

    for prior_poses in (0.0, 50.0):
        mixture, _ = fit_mixture(
            aligned, BODY.pairs, clusters=1, components=6, prior_poses=prior_poses
        )
        one = mixture.components[0]
        overlap = one.basis.reshape(6, -1) @ expected.basis.reshape(6, -1).T
        assert np.linalg.svd(overlap)[1].min() > 1 - 1e-6
        assert one.noise == pytest.approx(expected.noise, rel=1e-4)
        np.testing.assert_allclose(one.variances, expected.variances, rtol=1e-4)
        np.testing.assert_allclose(one.mean, expected.mean, atol=1e-6)


def test_em_separates_two_planted_clusters(aligned):
    rng = np.random.default_rng(0)
    base = (aligned[0] + mirror(aligned[0], BODY.pairs)) / 2
    arms_up = base.copy()
    arms_up[[12, 13, 15, 16], 1] += 0.4
    poses = np.concatenate([np.repeat(base[None], 300, 0), np.repeat(arms_up[None], 100, 0)])
    poses = (poses + rng.normal(0, 0.01, poses.shape)).astype(np.float32)
    poses -= poses.mean(axis=1, keepdims=True)

    mixture, _ = fit_mixture(poses, BODY.pairs, clusters=2, components=2)

    assert sorted(mixture.weights.tolist()) == pytest.approx([0.25, 0.75], abs=0.01)
    light = mixture.components[int(mixture.weights.argmin())]
    true = arms_up - arms_up.mean(axis=0)
    np.testing.assert_allclose(light.mean, (true + mirror(true, BODY.pairs)) / 2, atol=0.01)


def test_a_gaussian_without_poses_is_left_out_and_the_bounds_begin_anew(aligned, monkeypatch):
    density = ppca_em._joint_density

    def with_a_dead_one(flat, mixture):
        joint = density(flat, mixture)
        joint[:, 2:] = -1e6
        return joint

    monkeypatch.setattr(ppca_em, "_joint_density", with_a_dead_one)

    mixture, bounds = fit_mixture(aligned, BODY.pairs, clusters=3, components=4, prior_poses=10.0)

    assert len(mixture.weights) == 2
    assert np.isfinite(bounds).all()
    assert np.diff(bounds).min() > -1e-5
    assert mixture.weights.sum() == pytest.approx(1.0)


def test_blocks_change_nothing_in_the_mixture(aligned, monkeypatch):
    whole, _ = fit_mixture(aligned, BODY.pairs, clusters=3, components=4, iterations=5)

    monkeypatch.setattr(ppca_em, "BLOCK", 77)
    parts, _ = fit_mixture(aligned, BODY.pairs, clusters=3, components=4, iterations=5)

    np.testing.assert_allclose(parts.weights, whole.weights, atol=1e-4)
    for one, other in zip(parts.components, whole.components, strict=True):
        np.testing.assert_allclose(one.mean, other.mean, atol=1e-4)


def test_blocks_change_nothing_in_unit_poses_and_first_mean(poses_mm, monkeypatch):
    units, size_mm = unit_poses(poses_mm, BODY.parents)
    mean = ppca_align.initial_mean(units, BODY.pairs)

    monkeypatch.setattr(ppca_align, "BLOCK", 77)

    np.testing.assert_array_equal(unit_poses(poses_mm, BODY.parents)[0], units)
    np.testing.assert_array_equal(unit_poses(poses_mm, BODY.parents)[1], size_mm)
    np.testing.assert_allclose(ppca_align.initial_mean(units, BODY.pairs), mean, atol=1e-12)


def test_a_fitted_lifter_keeps_the_bounds(poses_mm):
    lifter = PPCALifter(clusters=3, components=6, n_rotations=8).fit(poses_mm)

    assert len(lifter.model_.weights) == 3
    assert lifter.model_.size == 6
    assert np.diff(lifter.lower_bounds_).min() > -1e-5
    assert np.diff(lifter.log_likelihoods_).min() > -1e-5
    assert lifter.size_sd_mm_ >= 0


def two(noise: float = 0.5) -> PPCAMixture:
    """Return two Gaussians of three joints without bases, their means 2 apart in y of joint 0."""
    means = np.zeros((2, 3, 3))
    means[0, 0, 1], means[1, 0, 1] = 1.0, -1.0
    parts = [PPCAModel(mean, np.zeros((0, 3, 3)), np.zeros(0), noise) for mean in means]
    return PPCAMixture(tuple(parts), np.array([0.25, 0.75]))


def test_the_mean_pose_of_a_mixture_has_all_its_variance():
    alone = two().mean_pose()

    assert alone.weights.tolist() == [1.0]
    np.testing.assert_allclose(alone.components[0].mean[0], [0, -0.5, 0])
    # six directions of 0.5 each, and the means are 1.5 and 0.5 off: 0.25 * 2.25 + 0.75 * 0.25
    assert alone.components[0].noise == pytest.approx((6 * 0.5 + 0.75) / 6)


def test_noise_in_the_likelihood_is_noise_in_every_gaussian():
    poses = np.random.default_rng(0).normal(size=(5, 3, 3))
    poses -= poses.mean(axis=1, keepdims=True)

    np.testing.assert_allclose(
        two(0.3).log_likelihood(poses, noise=0.2), two(0.5).log_likelihood(poses)
    )


def test_noise_levels_repeat_every_gaussian_equally_likely():
    mixture, noise = with_noise_levels(two(), (0.1, 0.2, 0.3))

    assert len(mixture.components) == 6
    assert mixture.components[4] is mixture.components[0]
    np.testing.assert_allclose(mixture.weights, np.array([1, 3, 1, 3, 1, 3]) / 12)
    np.testing.assert_allclose(noise, [0.01, 0.01, 0.04, 0.04, 0.09, 0.09])
