"""Two looks at a person: joints where both together see them, in the second look's crop."""

import numpy as np
import pytest
import torch

from lift3d.detectors.crop_inference import CropJoints
from lift3d.detectors.heatmap import cells_to_px, decode_dark, encode_gaussian
from lift3d.detectors.merged_looks import merged_pose
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.boxes import apply_affine, invert_affine
from lift3d.poses.pose import PoseCrop

MPII = get_skeleton("mpii16")
SIZE = (48, 48)
PLAIN = np.array([[1.0, 0, 20], [0, 1, 10]])  # crop pixels -> image
TURNED = np.array([[-1.2, 0, 240], [0, -1.2, 230]])  # upside down, a fifth larger


def look(to_image, *modes):
    """Return a pose whose maps hold (place in the image, share) modes, the same for all joints."""
    heatmap_to_image = np.c_[to_image[:, :2] * 4, to_image[:, :2].sum(1) * 1.5 + to_image[:, 2]]
    maps = torch.zeros(16, *SIZE)
    for place, share in modes:
        cells = apply_affine(invert_affine(heatmap_to_image), np.array([place], float))
        maps += share * encode_gaussian(torch.from_numpy(cells), SIZE, 2.0, normalise=True)
    crop = PoseCrop(np.zeros((192, 192, 3), np.uint8), to_image, maps.numpy(), heatmap_to_image)
    return Pose2D(np.zeros((16, 2)), np.zeros(16), MPII, crop=crop)


def read(maps):
    cells = decode_dark(maps)
    return CropJoints(cells_to_px(cells, 4), maps.amax((-2, -1)), maps)


def test_looks_that_agree_give_the_place_that_both_see():
    place = [131.0, 117.0]
    merged = merged_pose(look(PLAIN, (place, 1)), look(TURNED, (place, 1)), read, True)
    np.testing.assert_allclose(merged.joints_px, [place] * 16, atol=1)
    assert merged.score == pytest.approx(merged.confidence.mean())


def test_the_look_that_is_sure_decides_where_the_other_one_is_torn():
    here, there = [90.0, 80.0], [150.0, 140.0]
    torn = look(PLAIN, (here, 0.55), (there, 0.45))
    for first, second in ((torn, look(TURNED, (there, 1))), (look(TURNED, (there, 1)), torn)):
        merged = merged_pose(first, second, read, True)
        np.testing.assert_allclose(merged.joints_px, [there] * 16, atol=1)


def test_the_mean_is_a_distribution_where_both_looks_are_and_in_the_second_ones_crop():
    first, second = look(PLAIN, ([110.0, 100.0], 1)), look(TURNED, ([150.0, 140.0], 1))
    merged = merged_pose(first, second, read, True).crop
    np.testing.assert_allclose(merged.heatmaps.sum((-2, -1)), 1, atol=0.02)
    np.testing.assert_array_equal(merged.to_image, TURNED)
    assert second.crop.heatmaps[0].max() > 1.4 * merged.heatmaps[0].max()  # stays as it was


def test_peaks_that_are_no_distributions_stay_as_high():
    place = [131.0, 117.0]
    first, second = look(PLAIN, (place, 1)), look(TURNED, (place, 1))
    peak = first.crop.heatmaps[0].max()
    merged = merged_pose(first, second, read, False).crop
    assert merged.heatmaps[0].max() == pytest.approx(peak, rel=0.1)
