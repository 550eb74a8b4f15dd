"""Confidence maps to train on: drawn with errors, or made by a frozen detector."""

import numpy as np
import pytest
import torch

from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import LoadedHourglass
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput
from lift3d.training.fusion_maps import MapDraws, TrainingMaps

EXACT = MapDraws(detected=0.0, exact=1.0, hidden=0.0, headless=0.0)
MPII = get_skeleton("mpii16")


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    config = HourglassConfig(stacks=1, features=16, depth=2, output="softmax")
    net = StackedHourglass(config).eval().requires_grad_(False)
    return LoadedHourglass(net, "mpii16", 64)


def batch(count=4):
    rng = np.random.default_rng(0)
    crops = torch.from_numpy(rng.uniform(0, 255, (count, 3, 64, 64))).float()
    return crops, torch.from_numpy(rng.uniform(10, 54, (count, 16, 2))).float()


def make(maps, crops, joints_px, seed=0, size=32):
    return maps(crops, joints_px, size, torch.Generator().manual_seed(seed))


def test_exact_maps_peak_at_the_joints():
    crops, joints_px = batch()

    maps = make(TrainingMaps(EXACT, None), crops, joints_px)

    peak = maps.flatten(2).argmax(2)
    found = torch.stack([peak % 32, peak // 32], -1)
    # a head joint that goes through h36m17 and back is the same one
    np.testing.assert_allclose(found, (joints_px + 0.5) / 2 - 0.5, atol=0.51)
    assert float(maps.amin((2, 3)).max()) + 1e-9 > 0
    assert float(maps.amax()) <= 1


def test_drawn_maps_carry_a_detectors_errors():
    crops, joints_px = batch(16)
    draws = MapDraws(detected=0.0, exact=0.0, skill=(0.0, 0.0), hidden=0.0, headless=0.0)

    maps = make(TrainingMaps(draws, None), crops, joints_px)

    peak = maps.flatten(2).argmax(2)
    found = torch.stack([peak % 32, peak // 32], -1)
    apart = (found - (joints_px + 0.5) / 2 + 0.5).norm(dim=-1)
    assert apart.mean() > 1


def test_labels_that_are_missing_give_empty_maps_and_no_warning():
    crops, joints_px = batch()
    joints_px[:, 10] = torch.nan
    joints_px[3] = torch.nan

    maps = make(TrainingMaps(EXACT, None), crops, joints_px)

    assert (maps[:, 10] == 0).all()
    assert (maps[3] == 0).all()
    assert maps.isfinite().all()


def test_maps_are_hidden_and_the_heads_top_is_missing_in_the_shares_asked_for():
    crops, joints_px = batch(32)
    draws = MapDraws(detected=0.0, exact=1.0, hidden=1.0, headless=1.0)

    maps = make(TrainingMaps(draws, None), crops, joints_px)

    empty = (maps == 0).all(-1).all(-1)
    assert empty[:, MPII.index("head_top")].all()
    assert ((empty.sum(1) >= 1) & (empty.sum(1) <= 5)).all()
    assert empty.float().mean() > 1.5 / 16


def test_a_detector_makes_the_maps_that_it_finds(detector):
    crops, joints_px = batch()
    draws = MapDraws(detected=1.0, hidden=0.0, headless=0.0)

    one, other = (
        make(TrainingMaps(draws, detector), crops, joints, size=32)
        for joints in (joints_px, joints_px + 5)
    )

    assert torch.equal(one, other)  # the labels do not count
    assert one.shape == (4, 16, 32, 32)
    assert (one.amax((2, 3)) > 0).all()


def test_joints_are_read_in_float32_where_the_network_runs_in_16_bits(detector, monkeypatch):
    def half(device):
        return torch.autocast(device.type, torch.bfloat16)

    monkeypatch.setattr("lift3d.training.fusion_maps.quick_autocast", half)
    joints_px, confidence, maps = TrainingMaps(MapDraws(), detector).look(batch()[0])
    assert joints_px.dtype == confidence.dtype == maps.dtype == torch.float32
    assert (joints_px != joints_px.bfloat16().float()).float().mean() > 0.9


def test_photos_without_labels_go_to_the_detector(detector):
    crops, joints_px = batch()
    joints_px[1] = torch.nan

    maps = make(TrainingMaps(EXACT, detector), crops, joints_px)

    assert (maps[1].amax((1, 2)) > 0).all()


def test_the_same_generator_gives_the_same_maps(detector):
    crops, joints_px = batch()
    one, same, other = (
        make(TrainingMaps(MapDraws(), detector), crops, joints_px, seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_person_finder_is_refused(detector):
    with pytest.raises(BadInput) as failure:
        TrainingMaps(MapDraws(), LoadedHourglass(detector.net, None, 64))
    assert str(failure.value) == (
        "the detector's weights are a person finder's; give a joint network's"
    )


def test_a_share_out_of_range_is_named():
    with pytest.raises(BadInput) as failure:
        MapDraws(detected=1.5)
    assert str(failure.value) == "detected must be from 0 to 1, got 1.5"
