"""Augmentation moves pictures and joints together."""

from dataclasses import replace

import pytest
import torch

from lift3d.poses import get_skeleton
from lift3d.training.augment import Augmentation, Augmenter, random_colour, trunk_lean, warp

TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
STILL = Augmentation(
    zoom=(1.0, 1.0),
    shift=0.0,
    turn_degrees=0.0,
    any_turn=0.0,
    cut_off=0.0,
    occlude=0.0,
    degrade=0.0,
    colour=0.0,
)


def spots(joints: torch.Tensor, size: int = 96) -> torch.Tensor:
    """Draw a bright spot of three pixels at each joint: (N, 16, 2) -> uint8 (N, 3, S, S)."""
    images = torch.full((len(joints), 3, size, size), 20, dtype=torch.uint8)
    for n, pose in enumerate(joints.long()):
        for x, y in pose:
            images[n, :, y - 1 : y + 2, x - 1 : x + 2] = 250
    return images


def spread_joints(count: int) -> torch.Tensor:
    """Return joints on a grid around the middle of a 96 px picture, (N, 16, 2)."""
    grid = torch.stack(torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij"), -1)
    return (30 + 12 * grid.reshape(1, 16, 2)).float().expand(count, -1, -1).clone()


@pytest.mark.parametrize("seed", range(4))
def test_joints_stay_on_their_spots_under_zoom_turn_shift_and_flip(seed):
    joints = spread_joints(8)
    settings = Augmentation(cut_off=0, occlude=0, degrade=0, colour=0, any_turn=0.5)
    augment = Augmenter(settings, torch.Generator().manual_seed(seed))
    images, moved = augment(spots(joints), joints, 128)
    inside = ((moved > 2) & (moved < 125)).all(-1)
    assert inside.float().mean() > 0.8
    n, j = torch.nonzero(inside, as_tuple=True)
    x, y = moved[n, j].round().long().T
    assert images[n, 0, y, x].min() > 150


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_a_part_of_the_trunks_is_turned_to_point_up(part):
    joints = spread_joints(64)  # its shoulders lie to the right of its hips
    settings = replace(STILL, upright=part)
    _, moved = Augmenter(settings, torch.Generator().manual_seed(3))(spots(joints), joints, 96)
    trunk = [get_skeleton("mpii16").index(name) for name in TRUNK]
    upright = (trunk_lean(moved[:, trunk]).abs() < 1e-3).float().mean()
    assert float(trunk_lean(joints[:, trunk])[0].abs()) > 0.3
    assert abs(upright - part) < 0.15
    assert part % 1 or upright == part


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_a_part_of_the_crops_keeps_its_place_but_for_mirroring(part):
    joints = spread_joints(64)
    settings = Augmentation(any_turn=0.5, upright=0.5, placed=part)
    augment = Augmenter(settings, torch.Generator().manual_seed(3))
    _, moved = augment(spots(joints), joints, 48)
    scaled = (joints + 0.5) / 2 - 0.5
    flip_index = torch.as_tensor(get_skeleton("mpii16").flip_index.copy())
    mirrored = (torch.tensor([47.0, 0.0]) - scaled * torch.tensor([1.0, -1.0]))[:, flip_index]
    kept = [(moved - each).abs().amax((1, 2)) < 1e-3 for each in (scaled, mirrored)]
    assert all(each.any() for each in kept)
    assert abs(float((kept[0] | kept[1]).float().mean()) - part) < 0.15
    assert part % 1 or bool((kept[0] | kept[1]).all())


def test_the_lean_of_trunks_is_clockwise_and_0_without_labels():
    hips = torch.tensor([[40.0, 60.0], [50.0, 60.0]])
    shoulders = hips + torch.tensor([30.0, 0.0])
    without_labels, without_length = torch.full((4, 2), torch.nan), torch.zeros(4, 2)
    trunks = torch.stack([torch.cat([shoulders, hips]), without_labels, without_length])
    torch.testing.assert_close(trunk_lean(trunks), torch.tensor([torch.pi / 2, 0.0, 0.0]))


def test_flip_exchanges_left_and_right():
    joints = spread_joints(64)
    images, moved = Augmenter(STILL, torch.Generator().manual_seed(0))(spots(joints), joints, 96)
    kept = (moved == joints).all((1, 2))
    mirrored = moved[~kept]
    assert 16 < kept.sum() < 48
    right_ankle, left_ankle = 0, 5
    torch.testing.assert_close(mirrored[0, right_ankle, 0], 95 - joints[0, left_ankle, 0])
    torch.testing.assert_close(mirrored[0, right_ankle, 1], joints[0, left_ankle, 1])
    assert images.shape == (64, 3, 96, 96)


def test_the_same_generator_gives_the_same_batch():
    joints = spread_joints(4)
    first, second = (
        Augmenter(Augmentation(), torch.Generator().manual_seed(5))(spots(joints), joints, 64)
        for _ in range(2)
    )
    torch.testing.assert_close(first, second)


def test_unlabelled_joints_stay_unlabelled():
    joints = spread_joints(6)
    images = spots(joints)
    joints[:, 9] = float("nan")
    _, moved = Augmenter(Augmentation(), torch.Generator().manual_seed(1))(images, joints, 64)
    unlabelled = moved.isnan().any(-1).sum(1)
    assert (unlabelled == 1).all()


def test_warp_by_the_identity_changes_nothing():
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    identity = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(2, 2, 3)
    torch.testing.assert_close(warp(images, identity, 32), images.float(), atol=1e-3, rtol=0)


def test_warp_fills_the_outside_with_grey():
    images = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    far = torch.tensor([[[1.0, 0, 100], [0, 1, 0]]])
    assert (warp(images, far, 32) == 114).all()


def test_colour_of_strength_zero_only_mixes_channels():
    images = torch.rand(5, 3, 8, 8) * 255
    changed = random_colour(images, 0.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(changed.mean(1), images.mean(1), atol=1e-3, rtol=0)
