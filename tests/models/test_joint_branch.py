"""The branch of the joints: peaks as numbers, and where the fusion network takes them."""

from dataclasses import replace

import pytest
import torch

from lift3d.lifting.joint_maps import drawn_maps
from lift3d.models.fusion_config import FusionConfig, encoder_config, small_config
from lift3d.models.fusion_net import FusionNet
from lift3d.models.fusion_pruning import fold_norms
from lift3d.models.joint_branch import joint_numbers, mirror, read_joints
from lift3d.poses.skeleton import get_skeleton

MPII, BODY = (get_skeleton(name).flip_index for name in ("mpii16", "h36m17"))
SMALL = replace(small_config(0.25), input_size=64)


def test_peaks_of_gaussians_are_read_to_a_fraction_of_a_pixel():
    torch.manual_seed(0)
    joints_px, height = 4 + 56 * torch.rand(5, 16, 2), 0.05 + 0.95 * torch.rand(5, 16)

    found_px, found = read_joints(drawn_maps(joints_px, height, 64))

    torch.testing.assert_close(found_px, joints_px, atol=1e-3, rtol=0)
    assert ((found <= height) & (found > 0.85 * height)).all()  # the highest pixel's


def test_maps_in_either_memory_format_give_the_same():
    maps = torch.rand(3, 16, 32, 32)

    for one, other in zip(
        read_joints(maps), read_joints(maps.to(memory_format=torch.channels_last)), strict=True
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize("place", [(0, 0), (31, 31), (0, 17)])
def test_a_peak_at_the_border_stays_in_the_map(place):
    maps = torch.zeros(1, 1, 32, 32)
    maps[0, 0, place[1], place[0]] = 0.7

    joints_px, height = read_joints(maps)

    assert joints_px.flatten().tolist() == list(place)
    assert height.item() == pytest.approx(0.7)


def test_a_flat_map_and_an_empty_one_give_finite_numbers():
    joints_px, height = read_joints(torch.stack([torch.zeros(16, 32, 32), torch.ones(16, 32, 32)]))

    assert height[0].eq(0).all()
    assert joints_px.isfinite().all()
    assert joint_numbers(joints_px, height).isfinite().all()
    assert joint_numbers(joints_px, height)[0].eq(0).all()


def test_numbers_do_not_depend_on_place_and_size():
    torch.manual_seed(1)
    joints_px, height = 60 * torch.rand(4, 16, 2), torch.rand(4, 16)
    height[:, 3] = 0

    numbers = joint_numbers(joints_px, height)
    moved = joint_numbers(2.5 * joints_px + torch.tensor([7.0, -30.0]), height)

    torch.testing.assert_close(moved, numbers, atol=1e-4, rtol=1e-4)
    assert numbers[:, 3].eq(0).all()
    distance = (height * numbers[..., :2].norm(dim=-1)).sum(1) / height.sum(1)
    torch.testing.assert_close(distance, torch.ones(4))


def test_a_joint_that_is_not_there_may_be_anywhere():
    joints_px, height = torch.rand(1, 16, 2), torch.ones(1, 16)
    height[0, 5] = 0
    elsewhere = joints_px.clone()
    elsewhere[0, 5] = 1e4

    assert torch.equal(joint_numbers(joints_px, height), joint_numbers(elsewhere, height))


@pytest.mark.parametrize(
    ("fusion", "has"),
    [("trainable", True), (0, True), (10, True), ("maps", True), ("image", False)],
)
def test_whatever_sees_maps_has_the_branch(fusion, has):
    assert (FusionNet(replace(SMALL, fusion=fusion)).joints is not None) == has


def test_the_branch_alone_gives_a_pose_where_the_streams_say_nothing():
    net = FusionNet(replace(SMALL, fusion="maps")).eval()
    with torch.no_grad():
        net.last.weight.zero_()
        net.last.bias.zero_()
    maps = torch.rand(2, 16, 64, 64)

    pose = net(torch.zeros(2, 3, 64, 64), maps)

    numbers = joint_numbers(*read_joints(maps))
    one, other = (net.joints(n)[1].view(2, 17, 3) for n in (numbers, mirror(numbers, MPII)))
    wanted = (one + mirror(other, BODY)) / 2
    torch.testing.assert_close(pose, wanted - wanted[:, :1])


def test_mirrored_joints_are_lifted_to_the_mirrored_pose():
    net = FusionNet(replace(SMALL, fusion="maps")).eval()
    numbers = torch.randn(3, 16, 3)

    pose, again = (net._lift(n)[1].view(3, 17, 3) for n in (numbers, mirror(numbers, MPII)))

    torch.testing.assert_close(again, mirror(pose, BODY))
    assert (pose - again).abs().max() > 1e-3


def test_its_norms_fold_as_well():
    torch.manual_seed(2)
    net = FusionNet(SMALL).train()
    given = torch.randn(4, 3, 64, 64), torch.rand(4, 16, 64, 64)
    net(*given)
    net.eval()
    with torch.no_grad():
        wanted = net(*given)
        found = fold_norms(net)(*given)

    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)
    assert not any(name.endswith("running_var") for name in net.state_dict())


def test_a_configuration_from_before_the_branch_has_none():
    values = encoder_config().to_dict()
    del values["joint_neurons"]

    assert FusionConfig.from_dict(values).joint_neurons == 0
