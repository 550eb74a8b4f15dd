"""Eq. 4's loss and the 2D loss of photos, by hand."""

import numpy as np
import pytest
import torch

from lift3d.models.fusion_config import ConvShape, FusionConfig
from lift3d.models.fusion_net import FusionNet
from lift3d.poses import convert_joints
from lift3d.poses.errors import BadInput
from lift3d.training.fusion_loss import FusionLoss, pose_error, projection_error


@pytest.fixture
def net():
    config = FusionConfig((ConvShape(2, 2, 3, 2),), ((4, 4),), input_size=16)
    return FusionNet(config)


def poses(count=3, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 17, 3))).float()


def seen_by(found, scale, offset):
    """Return the labels (N, 16, 2) of poses that a weak-perspective camera sees."""
    flat = scale * found[..., :2].numpy() + np.asarray(offset)
    return torch.from_numpy(convert_joints(flat, None, "h36m17", "mpii16").joints)


def test_the_error_in_3d_is_the_mean_distance_or_its_square():
    truth = torch.zeros(1, 17, 3)
    found = torch.zeros(1, 17, 3)
    found[0, 4] = torch.tensor([3.0, 0, 4])

    assert pose_error(found, truth).item() == pytest.approx(5 / 17, abs=1e-3)
    assert pose_error(found, truth, "squares").item() == pytest.approx(25 / 17)


def test_a_pose_that_projects_onto_its_labels_has_no_error_wherever_and_however_large():
    found = poses()

    error = projection_error(found, seen_by(found, 40.0, [70.0, -5.0]))

    assert error.item() == pytest.approx(0.0, abs=1e-3)


def test_depth_does_not_count_on_photos():
    found = poses()
    labels = seen_by(found, 40.0, [0.0, 0.0])

    deeper = found.clone()
    deeper[..., 2] *= -3

    assert projection_error(deeper, labels).item() == pytest.approx(0.0, abs=1e-3)


def test_one_joint_off_counts_by_its_part_of_the_spread():
    found = poses(1)
    labels = seen_by(found, 40.0, [0.0, 0.0])
    spread = (labels[0, [k for k in range(16) if k not in (6, 7)]]).std(0, correction=0).norm()
    moved = labels.clone()
    moved[0, 0, 0] += 4.0  # about 4 of 14 joints' distances, less what the camera takes up

    error = projection_error(found, moved).item()

    assert 0.5 * 4 / spread / 14 < error < 2.5 * 4 / spread / 14


def test_labels_that_are_missing_or_made_up_do_not_count():
    found = poses()
    labels = seen_by(found, 40.0, [0.0, 0.0])
    labels[:, [2, 9]] = torch.nan
    labels[:, [6, 7]] = 1e4  # pelvis and thorax are midpoints

    assert projection_error(found, labels).item() == pytest.approx(0.0, abs=1e-3)


def test_photos_with_too_few_labels_do_not_count_and_give_no_nan():
    found = poses().requires_grad_()
    labels = torch.full((3, 16, 2), torch.nan)
    labels[:, :3] = 5.0

    error = projection_error(found, labels)
    error.backward()

    assert error.item() == 0
    assert found.grad.isfinite().all()


def test_a_pose_that_looks_the_other_way_is_not_shrunk_to_nothing():
    found = poses(1)
    labels = seen_by(found, -40.0, [0.0, 0.0])
    found.requires_grad_()

    projection_error(found, labels).backward()

    assert found.grad[..., :2].abs().sum() > 0


def test_the_loss_is_3d_plus_weighted_2d_plus_lambda_by_alpha_squared(net):
    found, truth = poses(5), 250 * poses(2, seed=1)
    labels = seen_by(poses(3, seed=2), 30.0, [0.0, 0.0])

    loss = FusionLoss(photos=2.0, sharpness=0.005)(found, truth, labels, net)

    wanted = pose_error(found[:2], truth / 250) + 2 * projection_error(found[2:], labels)
    # alpha 0.1: 0.005 / 0.01 = 0.5
    torch.testing.assert_close(loss, wanted + 0.5)


def test_sharpness_pulls_alpha_up_until_the_fusion_has_settled(net):
    loss = FusionLoss()
    loss(poses(1), poses(1), torch.zeros(0, 16, 2), net).backward()
    assert net.log_alpha.grad.item() == pytest.approx(-2 * 0.03 / 0.01)  # d/dlog a of l / a^2

    net.settle()
    settled = loss(poses(1), 250 * poses(1), torch.zeros(0, 16, 2), net)
    assert settled.item() == pytest.approx(0.0, abs=1e-3)


def test_eq_4_learns_where_to_fuse_and_to_fuse_sharply():
    torch.manual_seed(0)
    convs = (ConvShape(4, 4, 3, 2), ConvShape(4, 4, 3, 2))
    net = FusionNet(FusionConfig(convs, ((12, 12),), input_size=16))
    images, maps = torch.randn(16, 3, 16, 16), torch.rand(16, 16, 16, 16)
    truth_mm, none = 250 * poses(16, seed=4), torch.zeros(0, 16, 2)
    truth_mm = truth_mm - truth_mm[:, :1]
    own = [net.log_alpha, net.beta]
    rest = [p for name, p in net.named_parameters() if name not in ("log_alpha", "beta")]
    optimizer = torch.optim.Adam(
        [{"params": rest}, {"params": own, "lr": 5e-2, "betas": (0.9, 0.95)}], 1e-2
    )
    loss_of, losses = FusionLoss(sharpness=0.1), []
    for _ in range(130):
        loss = loss_of(net(images, maps), truth_mm, none, net)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.05 * losses[0]
    assert net.alpha > 1
    assert abs(net.beta.item() - 1.5) > 0.3
    w = net.fusion_weights()
    assert w[0] < 0.2
    assert w[2] > 0.7


def test_settings_out_of_range_are_named():
    with pytest.raises(BadInput) as failure:
        FusionLoss(error="cubes")
    assert str(failure.value) == "error must be one of distance, squares, got 'cubes'"
    with pytest.raises(BadInput) as failure:
        FusionLoss(sharpness=-1.0)
    assert str(failure.value) == "sharpness must be 0 or more, got -1.0"
