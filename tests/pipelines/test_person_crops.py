"""Crops of people that a detector found by their joints alone."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d.pipelines.person_crops import add_crops
from lift3d.poses import Pose2D, PoseCrop, get_skeleton
from lift3d.poses.boxes import apply_affine, invert_affine

COCO = get_skeleton("coco17")


@pytest.fixture
def photo():
    """A dark photo with a bright spot of 5 x 5 pixels round (90, 60)."""
    image = np.full((120, 160, 3), 10, np.uint8)
    image[58:63, 88:93] = 250
    return image


@pytest.fixture
def pose():
    joints_px = np.linspace([60, 30], [100, 90], 17)
    joints_px[3] = [90, 60]
    return Pose2D(joints_px, np.ones(17), COCO)


def test_the_crop_is_a_square_round_the_joints_that_leads_back_to_the_photo(photo, pose):
    crop = add_crops(photo, [pose])[0].crop

    assert crop.image.shape == (192, 192, 3)
    assert crop.heatmaps is None
    inside = apply_affine(invert_affine(crop.to_image), pose.joints_px)
    assert inside.min() >= 0
    assert inside.max() <= 191
    x, y = inside[3].round().astype(int)
    assert crop.image[y, x].min() > 200
    # 60 px high, 1.35 times as wide
    assert crop.to_image[0, 0] == pytest.approx(1.35 * 60 / 192)


def test_joints_that_were_not_found_do_not_widen_the_crop(photo, pose):
    joints_px, confidence = pose.joints_px.copy(), np.ones(17)
    joints_px[5], confidence[6] = np.nan, 0
    joints_px[6] = [5000, 5000]

    crop = add_crops(photo, [Pose2D(joints_px, confidence, COCO)])[0].crop

    assert crop.to_image[0, 0] == pytest.approx(1.35 * 60 / 192)


def test_without_joints_the_box_is_cut_and_without_either_the_middle(photo, pose):
    lost = replace(pose, confidence=np.zeros(17))
    boxed = replace(lost, box_xyxy_px=np.array([40.0, 20, 120, 80]))

    without, with_box = add_crops(photo, [lost, boxed])

    height, width = photo.shape[:2]
    corners = without.crop.to_image @ np.array([[0.0, 191], [0, 191], [1, 1]])
    middle = [(width - 1) / 2, (height - 1) / 2]
    np.testing.assert_allclose(corners.mean(1), middle)
    assert corners[1, 1] - corners[1, 0] < height
    assert with_box.crop.to_image[0, 0] == pytest.approx(1.08 * 80 / 192)


def test_a_crop_of_the_detector_is_kept(photo, pose):
    own = replace(pose, crop=PoseCrop(np.zeros((64, 64, 3), np.uint8), np.eye(2, 3)))

    assert add_crops(photo, [own])[0] is own
