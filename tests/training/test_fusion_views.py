"""Pictures that are turned, mirrored, moved and scaled take their 3D poses along."""

import numpy as np
import pytest
import torch

from lift3d.poses import get_skeleton
from lift3d.training.augment import Augmentation, Augmenter
from lift3d.training.fusion_views import changed_views

BODY = get_skeleton("h36m17")
STILL = Augmentation((1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
WILD = Augmentation((0.7, 1.4), 0.1, 20.0, 1.0, 0.3, 0.3, 0.3, 0.2)


def people(count=6):
    """Return pictures, and poses that weak perspective shows in them at 0.02 px a millimetre."""
    rng = np.random.default_rng(0)
    joints_mm = torch.from_numpy(rng.normal(0, 400, (count, 17, 3))).float()
    joints_mm = joints_mm - joints_mm[:, :1]
    images = torch.from_numpy(rng.integers(0, 256, (count, 3, 64, 64), np.uint8))
    return images, 0.02 * joints_mm[..., :2] + 30.0, joints_mm


def change(settings, seed=0, size=48):
    augmenter = Augmenter(settings, torch.Generator().manual_seed(seed))
    return changed_views(augmenter, *people(), size)


def test_the_pose_still_projects_onto_its_joints_by_one_scale_and_shift():
    crops, joints_px, joints_mm = change(WILD)

    assert crops.shape == (6, 3, 48, 48)
    flat, seen = joints_mm[..., :2], joints_px - joints_px[:, :1]
    scale = (flat * seen).sum((1, 2)) / flat.square().sum((1, 2))
    assert (scale > 0).all()
    torch.testing.assert_close(scale[:, None, None] * flat, seen, atol=1e-3, rtol=1e-4)


def test_depth_and_bone_lengths_stay():
    before, after = people()[2], change(WILD)[2]

    def lengths(joints):
        return torch.stack([(joints[:, a] - joints[:, b]).norm(dim=-1) for a, b in BODY.bones], 1)

    # left and right change places where a picture is mirrored: compared as sorted lengths
    torch.testing.assert_close(
        lengths(after).sort(1).values, lengths(before).sort(1).values, atol=0.05, rtol=1e-4
    )
    torch.testing.assert_close(
        after[..., 2].sort(1).values, before[..., 2].sort(1).values, atol=1e-3, rtol=0
    )


def test_mirroring_exchanges_left_and_right_and_the_sign_of_x():
    before = people()[2]
    after = change(STILL, seed=3)[2]

    mirrored = before[:, torch.as_tensor(BODY.flip_index.copy())] * torch.tensor([-1.0, 1, 1])
    flipped = (after - mirrored).abs().amax((1, 2)) < 0.01
    same = (after - before).abs().amax((1, 2)) < 0.01
    assert (flipped ^ same).all()
    assert 0 < flipped.sum() < 6


@pytest.mark.parametrize("seed", [0, 1])
def test_the_joints_stay_on_what_they_were_on(seed):
    images = torch.full((4, 3, 64, 64), 20, dtype=torch.uint8)
    joints_px = torch.full((4, 17, 2), 32.0)
    joints_px[:, 5] = torch.tensor([20.0, 41.0])
    images[:, :, 39:44, 18:23] = 250  # a bright spot on joint 5, the left knee
    calm = Augmentation((0.9, 1.1), 0.02, 15.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    augmenter = Augmenter(calm, torch.Generator().manual_seed(seed))

    crops, moved, _ = changed_views(augmenter, images, joints_px, torch.zeros(4, 17, 3), 64)

    for crop, joints in zip(crops, moved, strict=True):
        knees = [tuple(joints[k].round().int().tolist()) for k in (2, 5)]
        assert max(crop[:, y, x].mean() for x, y in knees) > 200
