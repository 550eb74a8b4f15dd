import numpy as np
import pytest
import torch

from lift3d.datasets.virtual_cameras import CameraRanges, photograph
from lift3d.evaluation.metrics_3d import mpjpe_mm
from lift3d.lifting import PPCALifter
from lift3d.lifting.ppca_modes import different_modes
from lift3d.lifting.ppca_solve import Solved
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.errors import BadInput

BODY = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def mixed(poses_mm) -> PPCALifter:
    """Return a lifter with a mixture of Gaussians."""
    return PPCALifter(
        clusters=3, components=8, n_rotations=20, tilts_deg=(0.0, 20.0), rolls_deg=(0.0,)
    ).fit(poses_mm)


@pytest.fixture(scope="module")
def views(unseen_mm):
    ranges = CameraRanges(pitch_deg=(-5, 35), distance_mm=(15_000, 20_000), focal=(4, 5))
    return photograph(unseen_mm, seed=0, ranges=ranges)


def test_the_runner_up_is_another_pose_and_less_probable(mixed, views):
    modes = mixed.lift_modes(views.joints_px, skeleton="h36m17", modes=3)

    assert modes.joints_mm.shape == (60, 3, 17, 3)
    assert modes.covariance_mm2.shape == (60, 3, 17, 3, 3)
    there = np.isfinite(modes.log_probability)
    assert there[:, 0].all()
    assert there[:, 1].mean() > 0.5
    np.testing.assert_array_equal(there, np.isfinite(modes.joints_mm).all(axis=(2, 3)))
    falling = np.diff(modes.log_probability, axis=1)
    assert (falling[there[:, 1:]] <= 0).all()
    apart_mm = mpjpe_mm(modes.joints_mm[:, 0], modes.joints_mm[:, 1])
    assert (apart_mm[there[:, 1]] > 0.049 * mixed.size_mm_).all()


def test_the_better_of_two_modes_is_nearer_to_the_truth(mixed, views):
    modes = mixed.lift_modes(views.joints_px, skeleton="h36m17", modes=2)

    errors = np.stack([mpjpe_mm(modes.joints_mm[:, m], views.joints_mm) for m in (0, 1)])

    assert np.nanmin(errors, axis=0).mean() < 0.98 * errors[0].mean()


def test_different_modes_skip_what_is_nearly_the_same():
    pose = torch.zeros(1, 4, 17, 3)
    pose[:, :, 1:] = torch.from_numpy(np.random.default_rng(0).normal(size=(16, 3))).float()
    pose[0, 1] *= 1.0001
    pose[0, 2, 5:, 2] *= -1
    pose[0, 3, 9:, 0] *= -1
    solved = Solved(pose, torch.zeros(1, 4, 2), torch.tensor([[2.0, 1.0, 7.0, 5.0]]))

    chosen, energy = different_modes(solved, 4)

    assert chosen[0, :3].tolist() == [1, 3, 2]
    assert energy.tolist() == [[1.0, 5.0, 7.0, np.inf]]


def test_views_without_a_solution_are_no_modes():
    pose = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 17, 3))).float()
    solved = Solved(pose, torch.zeros(1, 3, 2), torch.tensor([[torch.inf, 2.0, torch.nan]]))
    _, energy = different_modes(solved, 3)
    assert energy.tolist() == [[2.0, np.inf, np.inf]]


def test_modes_below_one_are_named(mixed, views):
    with pytest.raises(BadInput) as error:
        mixed.lift_modes(views.joints_px, skeleton="h36m17", modes=0)

    assert str(error.value) == "modes must be 1 or more, got 0"


def test_sigma_is_the_covariances_mean_over_directions_times_the_factor(mixed, views):
    pose = Pose2D(views.joints_px[0], np.ones(17), BODY)
    sigma_mm = mixed.lift([pose])[0].sigma_mm
    double = PPCALifter.from_model(
        mixed.model_,
        mixed.size_mm_,
        size_sd_mm=mixed.size_sd_mm_,
        sigma_factor=2.0,
        **mixed.settings(),
    )

    assert sigma_mm.shape == (17,)
    assert sigma_mm[0] == 0
    assert (sigma_mm[1:] > 1).all()
    np.testing.assert_allclose(double.lift([pose])[0].sigma_mm, 2 * sigma_mm, rtol=1e-3)


def test_depth_is_less_sure_than_the_picture_and_hidden_joints_less_than_seen_ones(mixed, views):
    confidence = np.ones((60, 17))
    confidence[:, 13] = 0

    seen = mixed.lift_modes(views.joints_px, skeleton="h36m17", modes=1).covariance_mm2[:, 0]
    hidden = mixed.lift_modes(views.joints_px, confidence, skeleton="h36m17", modes=1)

    variances = np.einsum("nlcc->nlc", seen)[:, 1:]
    assert np.median(variances[..., 2] / variances[..., 0]) > 1
    wrist = np.einsum("ncc->n", hidden.covariance_mm2[:, 0, 13])
    assert np.median(wrist / np.einsum("ncc->n", seen[:, 13])) > 1.5


def test_the_covariance_turns_with_the_picture(mixed, views):
    quarter = np.array([[0.0, -1], [1, 0]])
    lifter = PPCALifter.from_model(
        mixed.model_, mixed.size_mm_, **mixed.settings() | {"rolls_deg": (0.0, 90.0)}
    )
    turn = np.eye(3)
    turn[:2, :2] = quarter

    plain, turned = (
        lifter.lift_modes(joints_px, skeleton="h36m17", modes=1)
        for joints_px in (views.joints_px[:9], views.joints_px[:9] @ quarter.T)
    )

    same = np.abs(turned.joints_mm - plain.joints_mm @ turn.T).max(axis=(1, 2, 3)) < 2
    assert same.sum() > 5
    expected = turn @ plain.covariance_mm2[same] @ turn.T
    np.testing.assert_allclose(turned.covariance_mm2[same], expected, rtol=0.05, atol=5)


def test_a_lifter_without_refinement_has_no_sigma(mixed, views):
    plain = PPCALifter.from_model(
        mixed.model_, mixed.size_mm_, **mixed.settings() | {"refine_steps": 0}
    )

    assert plain.lift([Pose2D(views.joints_px[0], np.ones(17), BODY)])[0].sigma_mm is None
    modes = plain.lift_modes(views.joints_px, skeleton="h36m17", modes=1)
    assert modes.covariance_mm2 is None
    np.testing.assert_allclose(
        modes.joints_mm[:, 0], plain.lift_arrays(views.joints_px, skeleton="h36m17"), atol=0.5
    )


def test_one_bad_pose_leaves_the_others_untouched(mixed, views):
    good = mixed.lift_arrays(views.joints_px, skeleton="h36m17")
    for bad in (np.nan, np.inf, 77.0):
        joints_px = views.joints_px.copy()
        joints_px[7] = bad

        lifted = mixed.lift_arrays(joints_px, skeleton="h36m17")

        assert np.isnan(lifted[7]).all()
        rest = np.arange(60) != 7
        np.testing.assert_allclose(lifted[rest], good[rest], rtol=1e-5, atol=1e-2)


def test_a_mixture_is_saved_and_comes_back(mixed, views, tmp_path):
    mixed.save(tmp_path / "ppca.safetensors")
    again = PPCALifter.load(tmp_path / "ppca.safetensors")

    np.testing.assert_allclose(again.model_.weights, mixed.model_.weights, atol=1e-6)
    assert again.sigma_factor_ == mixed.sigma_factor_
    np.testing.assert_allclose(
        again.lift_arrays(views.joints_px, skeleton="h36m17"),
        mixed.lift_arrays(views.joints_px, skeleton="h36m17"),
        atol=1.0,
    )


def test_several_noise_levels_lower_the_error_of_noisy_joints(mixed, views):
    noisy = views.joints_px + np.random.default_rng(0).normal(
        0, 0.08 * np.ptp(views.joints_px[..., 1], axis=1).mean(), views.joints_px.shape
    )
    errors = []
    for noise in (0.01, (0.01, 0.08)):
        lifter = PPCALifter.from_model(
            mixed.model_, mixed.size_mm_, **mixed.settings() | {"noise": noise}
        )
        lifted = lifter.lift_arrays(noisy, skeleton="h36m17")
        errors.append(mpjpe_mm(lifted, views.joints_mm).mean())

    assert errors[1] < 0.8 * errors[0]
