"""Scores of joints found in crops, worked by hand; raw and calibrated confidences."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import lift3d
from lift3d.datasets.crops import CropSet
from lift3d.detectors import HourglassDetector
from lift3d.evaluation.crops import find_joints, look_for_joints, score_joints
from lift3d.models.calibration import Calibration
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import load_hourglass
from lift3d.poses import get_skeleton

MPII = get_skeleton("mpii16")
EXAMPLE = Path(lift3d.__file__).parent / "examples" / "person.jpg"
DIAGONALS = ("left_shoulder", "right_hip", "right_shoulder", "left_hip")


@pytest.fixture
def crops() -> CropSet:
    """Return three crops with torsos of 50 px; the last one has no labels."""
    joints = np.full((3, 16, 2), np.nan, np.float32)
    for name, place in zip(DIAGONALS, [(40, 0), (0, 30), (0, 0), (40, 30)], strict=True):
        joints[:2, MPII.index(name)] = place
    source = np.array(["coco", "lspet", "lspet"])
    return CropSet(np.zeros((3, 64, 64, 3), np.uint8), joints, source, source)


def test_scores_by_source_and_of_all_worked_by_hand(crops):
    found = np.nan_to_num(crops.joints_px)
    found[1, MPII.index("left_hip")] += 11  # 0.2 torso lengths are 10 px
    confidence = np.full((3, 16), 0.9)
    coco, lspet, everything = score_joints(found, confidence, crops)
    assert [s.source for s in (coco, lspet, everything)] == ["coco", "lspet", "all"]
    assert [s.crops for s in (coco, lspet, everything)] == [1, 2, 3]
    assert [s.pck for s in (coco, lspet, everything)] == [1, 0.75, 0.875]
    errors = [s.calibration_error for s in (coco, lspet, everything)]
    assert errors == pytest.approx([0.1, 0.15, 0.025])


def test_one_source_has_one_row(crops):
    one = crops.where(np.array([True, False, False]))
    assert [s.source for s in score_joints(one.joints_px, np.ones((1, 16)), one)] == ["coco"]


def test_joints_found_get_calibrated_confidences(crops):
    torch.manual_seed(0)
    config = HourglassConfig(stacks=1, features=16, depth=1, output="softmax")
    net = StackedHourglass(config).eval()
    line = np.tile([0.5, 1.0], (16, 1))
    calibration = Calibration(np.array([0.0, 1.0]), line, line)
    joints, raw = find_joints(net, crops, 64, torch.device("cpu"))
    same, calibrated = find_joints(net, crops, 64, torch.device("cpu"), calibration=calibration)
    np.testing.assert_array_equal(joints, same)
    np.testing.assert_allclose(calibrated, 0.5 + 0.5 * raw, atol=1e-6)


def test_a_detector_that_looks_once_finds_what_the_network_finds(crops):
    cpu, weights = torch.device("cpu"), load_hourglass("hourglass-s", torch.device("cpu"))
    image = lift3d.read_image(EXAMPLE)[100:420, 80:400]
    images = np.stack([cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)] * 3)
    alike = replace(crops, images=images)
    once = HourglassDetector(
        device="cpu", flip=True, second_look=False, quarter_turns=False, precision="float32"
    )
    joints, confidence = look_for_joints(once, alike)
    net = weights.net, alike, weights.input_size, cpu, True
    wanted, wanted_confidence = find_joints(*net, weights.calibration)
    sure = wanted_confidence > 0.5
    assert sure.sum() > 12
    apart = np.linalg.norm(joints - wanted, axis=-1)[sure]  # scaled in two ways
    assert np.median(apart) < 0.3
    assert apart.max() < 2
    np.testing.assert_allclose(confidence[sure], wanted_confidence[sure], atol=0.1)
