"""Tables that turn raw confidences into frequencies, worked by hand; their place in the file."""

import json

import numpy as np
import pytest
import torch

from lift3d.models.calibration import Calibration
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import load_hourglass
from lift3d.models.tensor_file import read_tensors, write_tensors
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.training.export import export_hourglass

CPU = torch.device("cpu")
KNOTS = np.array([0.0, 0.5, 1.0])
PLAIN = np.array([[0.0, 0.2, 1.0], [0.1, 0.1, 0.5]])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([0.0, 0.0], [0.0, 0.1]),
        ([0.25, 0.4], [0.1, 0.1]),
        ([0.5, 0.5], [0.2, 0.1]),
        ([0.75, 0.75], [0.6, 0.3]),
        ([1.0, 1.0], [1.0, 0.5]),
        ([1.5, -0.5], [1.0, 0.1]),  # beyond the knots the line stays level
    ],
)
def test_each_joint_goes_by_its_own_line(raw, expected):
    calibration = Calibration(KNOTS, PLAIN, PLAIN / 2)
    given = torch.tensor([raw, raw])
    for flip, factor in ((False, 1.0), (True, 0.5)):
        np.testing.assert_allclose(
            calibration(given, flip), factor * np.array([expected] * 2), atol=1e-6
        )


def test_it_agrees_with_interpolation_for_many_values():
    raw = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    found = Calibration(KNOTS, PLAIN, PLAIN)(raw, flip=True)
    for j in range(2):
        np.testing.assert_allclose(found[:, j], np.interp(raw[:, j], KNOTS, PLAIN[j]), atol=1e-6)


def test_no_crops_have_no_confidences():
    assert Calibration(KNOTS, PLAIN, PLAIN)(torch.zeros(0, 2), flip=False).shape == (0, 2)


def test_it_comes_back_from_json():
    calibration = Calibration(KNOTS, PLAIN, PLAIN / 2)
    back = Calibration.from_dict(json.loads(json.dumps(calibration.to_dict())))
    for name in ("knots", "plain", "flip"):
        np.testing.assert_allclose(getattr(back, name), getattr(calibration, name), atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"knots": KNOTS[::-1]}, "knots must be 2 or more ascending numbers, got [1.0, 0.5, 0.0]"),
        ({"knots": KNOTS[:1]}, "knots must be 2 or more ascending numbers, got [0.0]"),
        ({"plain": PLAIN[:, :2]}, "plain must have shape (J, 3), got (2, 2)"),
        ({"flip": PLAIN[:1]}, "flip must have shape (J, 3), got (1, 3)"),
        ({"plain": PLAIN[:, ::-1]}, "plain must rise from knot to knot within 0..1"),
        ({"flip": PLAIN + 0.1}, "flip must rise from knot to knot within 0..1"),
        ({"flip": PLAIN * np.nan}, "flip must rise from knot to knot within 0..1"),
    ],
)
def test_what_is_no_calibration_is_refused(changed, message):
    with pytest.raises(BadInput) as error:
        Calibration(**{"knots": KNOTS, "plain": PLAIN, "flip": PLAIN, **changed})
    assert str(error.value) == message


@pytest.fixture
def weights(tmp_path):
    """Return a function that writes a network of 16 joints with a calibration in its file."""
    config = HourglassConfig(stacks=1, features=16, depth=1, outputs=16, output="softmax")
    path = tmp_path / "own.safetensors"
    export_hourglass(path, config, StackedHourglass(config).state_dict(), "mpii16", 64, {})

    def write(calibration):
        tensors, metadata = read_tensors(path)
        write_tensors(path, tensors, {**metadata, "calibration": calibration})
        return path

    return write


def test_loading_reads_the_calibration(weights):
    tables = PLAIN[[0, 1] * 8]  # of 16 joints
    path = weights({**Calibration(KNOTS, tables, tables / 2).to_dict(), "scores": {"crops": 1.0}})
    found = load_hourglass(path, CPU).calibration
    np.testing.assert_allclose(found.flip, tables / 2, atol=1e-4)


def test_the_shipped_finder_has_none():
    assert load_hourglass("people", CPU).calibration is None


@pytest.mark.parametrize("broken", [{}, {"knots": [0, 1]}, "none", None, 5])
def test_a_damaged_calibration_is_one_line(weights, broken):
    path = weights(broken)
    with pytest.raises(WeightsMissing) as error:
        load_hourglass(path, CPU)
    assert str(error.value) == f"{path} does not fit its own configuration; train it anew"


def test_a_calibration_of_other_joints_is_refused(weights):
    line = PLAIN[[0, 0, 0]]
    path = weights(Calibration(KNOTS, line, line).to_dict())
    with pytest.raises(WeightsMissing, match="does not fit its own configuration"):
        load_hourglass(path, CPU)
