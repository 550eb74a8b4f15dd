"""Joints and confidences from a network's maps, with a network whose maps are given."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.detectors.crop_inference import infer_crops, raw_confidence, read_joints
from lift3d.detectors.heatmap import encode_gaussian
from lift3d.models.calibration import Calibration
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.poses import get_skeleton

FLIP = get_skeleton("mpii16").flip_index


@pytest.fixture(scope="module")
def net() -> StackedHourglass:
    """Return a small network with random filters."""
    torch.manual_seed(0)
    return StackedHourglass(
        HourglassConfig(stacks=1, features=16, depth=1, output="softmax")
    ).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Return three noise crops as network input."""
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def halving(flip_factor: float) -> Calibration:
    """Return lines that halve a raw confidence, times a factor with flip averaging."""
    line = np.tile([0.0, 0.5], (16, 1))
    return Calibration(np.array([0.0, 1.0]), line, line * flip_factor)


def test_flip_averaging_is_the_mean_of_two_passes(net, images):
    found = infer_crops(net, images, FLIP).maps
    plain = infer_crops(net, images).maps
    mirrored = infer_crops(net, images.flip(-1)).maps.flip(-1)[:, FLIP.copy()]
    torch.testing.assert_close(found, (plain + mirrored) / 2)


def test_only_crops_of_which_one_look_is_unsure_are_mirrored(net, images):
    plain, both = infer_crops(net, images), infer_crops(net, images, FLIP)
    sure = plain.confidence.mean(1).sort().values
    clear = float(sure[0] + sure[1]) / 2  # one of three is below
    found = infer_crops(net, images, FLIP, unsure=(0.0, clear))
    for name in ("joints_px", "confidence", "maps"):
        each = zip(*(getattr(joints, name) for joints in (found, plain, both)), strict=True)
        for k, (ours, once, twice) in enumerate(each):
            wanted = twice if plain.confidence[k].mean() < clear else once
            torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)
    for bounds in ((0.0, 0.0), (1.0, 1.1)):
        assert torch.equal(infer_crops(net, images, FLIP, unsure=bounds).maps, plain.maps)
    assert infer_crops(net, images[:0], FLIP, unsure=(0.0, 1.0)).maps.shape[0] == 0


@pytest.mark.parametrize(("flip_index", "factor"), [(None, 0.5), (FLIP, 0.1)])
def test_a_calibration_changes_the_confidences_and_nothing_else(net, images, flip_index, factor):
    raw = infer_crops(net, images, flip_index)
    found = infer_crops(net, images, flip_index, halving(0.2))
    torch.testing.assert_close(found.confidence, factor * raw.confidence)
    assert torch.equal(found.joints_px, raw.joints_px)
    assert torch.equal(found.maps, raw.maps)


def test_raw_confidence_is_the_mass_near_the_joint_or_the_peak():
    maps = torch.zeros(1, 1, 11, 11)
    maps[0, 0, 4, 4], maps[0, 0, 4, 8], maps[0, 0, 4, 9] = 0.5, 0.25, 0.25
    cells = torch.tensor([[[4.0, 4.0]]])
    assert raw_confidence(maps, cells, "softmax").item() == pytest.approx(0.75)
    assert raw_confidence(3 * maps, cells, "linear").item() == 1.0
    assert raw_confidence(maps, cells, "sigmoid").item() == pytest.approx(0.5)


def test_a_distribution_is_read_where_most_lies_near_and_another_map_at_its_peak():
    size = (32, 32)
    sharp = encode_gaussian(torch.tensor([[[6.0, 8.0]]]), size, 0.3, normalise=True)
    broad = encode_gaussian(torch.tensor([[[22.0, 21.0]]]), size, 4.0, normalise=True)
    maps = 0.3 * sharp + 0.7 * broad
    assert sharp.max() * 0.3 > broad.max() * 0.7
    near = read_joints(maps, "softmax")
    torch.testing.assert_close(near, torch.tensor([[[22.0, 21.0]]]), rtol=0, atol=0.05)
    peak = read_joints(maps, "linear")
    torch.testing.assert_close(peak, torch.tensor([[[6.0, 8.0]]]), rtol=0, atol=0.05)
