"""Calibration: rising lines by hand, parts of crops, what is written into the weights file."""

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import load_hourglass
from lift3d.models.tensor_file import read_tensors
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput
from lift3d.training.calibrate import (
    KNOTS,
    calibrate_weights,
    cross_fitted,
    cut_off,
    fit_tables,
    rising_line,
)
from lift3d.training.export import export_hourglass

MPII = get_skeleton("mpii16")
CPU = torch.device("cpu")


def test_a_line_through_many_joints_is_their_frequency():
    raw = np.repeat(KNOTS, 400)
    share = KNOTS**2
    right = (np.arange(400) < 400 * share[:, None]).ravel()
    line = rising_line(raw, right, prior=np.zeros(len(KNOTS)), prior_weight=1e-6)
    np.testing.assert_allclose(line, share, atol=0.003)


def test_where_the_frequency_falls_the_line_is_level_at_the_mean():
    raw = np.repeat(KNOTS[[2, 6]], 10)
    right = np.r_[np.ones(10), np.zeros(10)]  # sure of the wrong ones
    line = rising_line(raw, right, prior=np.full(len(KNOTS), 0.5), prior_weight=1e-6)
    np.testing.assert_allclose(line, 0.5, atol=1e-3)


def test_without_joints_the_line_is_the_prior_and_few_joints_move_it_a_little():
    assert rising_line(np.zeros(0), np.zeros(0), KNOTS, 20.0) == pytest.approx(KNOTS)
    # 20 joints of weight one at 0.5 that are all right, against a prior of 0.5 for 20 joints
    line = rising_line(np.full(20, 0.5), np.ones(20), np.full(len(KNOTS), 0.5), 20.0)
    assert 0.5 < line[KNOTS.tolist().index(0.5)] <= 0.75
    assert (np.diff(line) >= -1e-9).all()


def joints_with_frequency(rng: np.random.Generator, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Return raw confidences (500, 16) and whether joints are right, by chance raw ** power."""
    raw = rng.uniform(size=(500, 16))
    return raw, rng.uniform(size=raw.shape) < raw**power


def test_left_and_right_have_one_line_and_joints_their_own():
    raw, right = joints_with_frequency(np.random.default_rng(0), 1)
    wrists = [MPII.index("left_wrist"), MPII.index("right_wrist")]
    right[:, wrists] = False
    tables = fit_tables(raw, right, np.ones(raw.shape, bool), MPII)
    assert tables.shape == (16, len(KNOTS))
    np.testing.assert_array_equal(tables, tables[MPII.flip_index])
    assert tables[wrists].max() < 0.4
    assert tables[wrists, :-1].max() < 0.2
    assert tables[MPII.index("left_knee"), -1] > 0.85


def test_cross_fitting_brings_overconfidence_near_to_the_frequency():
    raw, right = joints_with_frequency(np.random.default_rng(1), 3)
    half = np.arange(500) % 2
    crossed = cross_fitted(raw, right, np.ones(raw.shape, bool), half, MPII)
    assert np.abs(raw - raw**3).mean() > 0.2
    assert np.abs(crossed - raw**3).mean() < 0.04


def test_a_half_is_never_fitted_by_its_own_outcomes():
    raw, right = joints_with_frequency(np.random.default_rng(2), 1)
    half = np.arange(500) % 2
    before = cross_fitted(raw, right, np.ones(raw.shape, bool), half, MPII)
    changed = right ^ (half == 0)[:, None]
    after = cross_fitted(raw, changed, np.ones(raw.shape, bool), half, MPII)
    np.testing.assert_array_equal(before[half == 0], after[half == 0])
    assert np.abs(before[half == 1] - after[half == 1]).max() > 0.1


def dotted_crops(count: int, side: int = 64) -> CropSet:
    """Return black crops with white squares of 9 pixels at the labelled joints."""
    rng = np.random.default_rng(3)
    images = np.zeros((count, side, side, 3), np.uint8)
    joints = np.full((count, 16, 2), np.nan, np.float32)
    named = [MPII.index(f"{s}_{p}") for s in ("left", "right") for p in ("hip", "shoulder")]
    joints[:, named] = rng.integers(10, side - 10, (count, 4, 2))
    for image, places in zip(images, joints[:, named].astype(int), strict=True):
        for x, y in places:
            image[y - 4 : y + 5, x - 4 : x + 5] = 255
    names = np.arange(count).astype(str)
    return CropSet(images, joints, np.full(count, "coco"), names)


def test_parts_of_crops_keep_each_joint_on_its_pixels():
    crops = dotted_crops(12)
    parts = cut_off(crops)
    labelled = np.isfinite(parts.joints_px).all(-1)
    np.testing.assert_array_equal(labelled, np.isfinite(crops.joints_px).all(-1))
    inside = ((parts.joints_px > 1) & (parts.joints_px < 62)).all(-1)
    assert (labelled & ~inside).any()
    rows, joints = np.nonzero(labelled & inside)
    x, y = parts.joints_px[rows, joints].round().astype(int).T
    assert (parts.images[rows, y, x] > 200).all()
    np.testing.assert_array_equal(cut_off(crops).joints_px, parts.joints_px)  # drawn by a seed


@pytest.fixture
def weights(tmp_path):
    """Return the path of a small joint network's weights with random filters."""
    torch.manual_seed(0)
    config = HourglassConfig(stacks=1, features=16, depth=1, output="softmax")
    path = tmp_path / "own.safetensors"
    about = {"recipe": {"seed": 1}}
    export_hourglass(path, config, StackedHourglass(config).state_dict(), "mpii16", 64, about)
    return path


def test_the_file_gets_the_tables_and_keeps_all_else(weights):
    tensors, metadata = read_tensors(weights)
    scores = calibrate_weights(weights, dotted_crops(12), CPU)
    assert set(scores) == {"crops", "ece_raw_plain", "ece_plain", "ece_raw_flip", "ece_flip"}
    now, about = read_tensors(weights)
    assert all(torch.equal(now[name], tensor) for name, tensor in tensors.items())
    assert about.pop("calibration")["scores"] == scores
    assert about == metadata
    calibration = load_hourglass(weights, CPU).calibration
    assert calibration.flip.shape == (16, len(KNOTS))
    # a network with random filters finds nothing: its calibrated confidences are low
    assert float(calibration(torch.full((1, 16), 0.02), flip=True).max()) < 0.3
    assert list(weights.parent.iterdir()) == [weights]


def test_calibrating_again_gives_the_same_file(weights):
    calibrate_weights(weights, dotted_crops(6), CPU)
    once = weights.read_bytes()
    calibrate_weights(weights, dotted_crops(6), CPU)
    assert weights.read_bytes() == once


def test_crops_without_labels_are_refused_and_the_file_stays(weights):
    before = weights.read_bytes()
    crops = dotted_crops(2)
    crops.joints_px[:] = np.nan
    with pytest.raises(BadInput) as error:
        calibrate_weights(weights, crops, CPU)
    assert str(error.value) == (
        "the crops to calibrate with have no labelled joints and torsos; give others"
    )
    assert weights.read_bytes() == before


def test_no_crops_at_all_are_refused(weights):
    with pytest.raises(BadInput, match=r"^the crops to calibrate with have no labelled joints"):
        calibrate_weights(weights, dotted_crops(2).where(np.zeros(2, bool)), CPU)


def test_a_person_finder_is_refused(tmp_path):
    config = HourglassConfig(stacks=1, features=16, depth=1, outputs=5)
    path = tmp_path / "people.safetensors"
    export_hourglass(path, config, StackedHourglass(config).state_dict(), None, 64, {})
    with pytest.raises(BadInput) as error:
        calibrate_weights(path, dotted_crops(2), CPU)
    assert str(error.value) == (
        f"{path} is a person finder's; only joints have calibrated confidences"
    )
