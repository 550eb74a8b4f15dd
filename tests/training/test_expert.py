"""A published network beside a trained hourglass: the product of what both say."""

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.models.encoder_hourglass import EncoderHourglassConfig
from lift3d.models.heatmap_net import bare_net
from lift3d.models.hourglass import HourglassConfig
from lift3d.models.load import load_hourglass
from lift3d.models.movenet import MoveNet
from lift3d.models.tensor_file import STEP, read_tensors
from lift3d.poses.errors import BadInput
from lift3d.training import expert
from lift3d.training.expert import add_expert
from lift3d.training.export import export_hourglass
from lift3d.training.hourglass import is_held_out

CPU = torch.device("cpu")
SMALL = EncoderHourglassConfig(features=16, residuals=1)


@pytest.fixture
def crops():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 64, 64, 3), np.uint8)
    joints_px = rng.uniform(8, 56, (60, 16, 2)).astype(np.float32)
    return CropSet(images, joints_px, np.full(60, "lspet"), np.arange(60).astype(str))


@pytest.fixture
def published(monkeypatch):
    """Return a MoveNet with random filters, which stands for the published one."""
    torch.manual_seed(1)
    net = MoveNet().eval()
    monkeypatch.setattr(expert, "load_movenet", lambda path: net)
    return net


def alone(path, config=SMALL, skeleton="mpii16"):
    torch.manual_seed(2)
    net = bare_net(config).eval()
    about = {"recipe": {"held_out": 4, "augmentation": {"upright": 0.7}}}
    about |= {"calibration": {"old": 1}, "validation": {"pck_lspet": 0.5}}
    export_hourglass(path, config, net.state_dict(), skeleton, 64, about)
    return path


@torch.no_grad()
def test_the_logarithms_add_up(tmp_path, published, crops):
    first = alone(tmp_path / "alone.safetensors")
    both = tmp_path / "new" / "both.safetensors"
    add_expert(first, tmp_path, crops, both, CPU, expert_weight=0.75)
    loaded = load_hourglass(both, CPU)
    images = torch.randn(2, 3, 64, 64)
    ours, theirs = bare_net(SMALL).eval(), published(images)
    ours.load_state_dict(
        {k: v for k, v in loaded.net.state_dict().items() if not k.startswith("expert.")}
    )
    product = ours(images)[0] + 0.75 * theirs
    # the filters of both are kept in 8 bits
    torch.testing.assert_close(loaded.net(images)[0], product, rtol=0.02, atol=0.02)
    assert loaded.upright == 0.7
    assert loaded.calibration is not None


def test_the_file_is_of_8_bits_and_may_get_another_expert(tmp_path, published, crops):
    first, both = alone(tmp_path / "alone.safetensors"), tmp_path / "both.safetensors"
    add_expert(first, tmp_path, crops, both, CPU)
    stored, metadata = read_tensors(both)
    assert "validation" not in metadata  # it was the hourglass's alone
    steps = [name for name in stored if name.endswith(STEP)]
    assert any(name.startswith("expert.") for name in steps)
    assert any(name.startswith("encoder.") for name in steps)
    assert all(stored[name.removesuffix(STEP)].dtype == torch.int8 for name in steps)
    numbers = sum(p.numel() for p in load_hourglass(both, CPU).net.parameters())
    assert both.stat().st_size < 1.3 * numbers
    again = tmp_path / "again.safetensors"
    add_expert(both, tmp_path, crops, again, CPU, expert_weight=0.5)
    assert load_hourglass(again, CPU).net.config.expert_weight == 0.5


def test_a_hourglass_without_encoder_or_joints_is_refused(tmp_path, published, crops):
    plain = HourglassConfig(stacks=1, features=8, depth=1, output="softmax")
    finder = EncoderHourglassConfig(features=16, residuals=1, outputs=5, output="linear")
    for config, skeleton in ((plain, "mpii16"), (finder, None)):
        path = alone(tmp_path / "other.safetensors", config, skeleton)
        with pytest.raises(BadInput, match="finds no joints through an encoder"):
            add_expert(path, tmp_path, crops, tmp_path / "both.safetensors", CPU)
    assert not (tmp_path / "both.safetensors").exists()


def test_crops_of_which_none_was_held_out_are_refused(tmp_path, published, crops):
    path, both = alone(tmp_path / "alone.safetensors"), tmp_path / "both.safetensors"
    none = crops.where(~is_held_out(crops.photo, 4))
    with pytest.raises(BadInput, match="no crop was held out of the training"):
        add_expert(path, tmp_path, none, both, CPU)
    assert not both.exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"expert": "openpose"}, "expert must be movenet-thunder or None, got 'openpose'"),
        ({"expert": "movenet-thunder", "outputs": 5}, "softmax of 16 joints, got softmax of 5"),
        ({"expert": "movenet-thunder", "output": "linear"}, "of 16 joints, got linear of 16"),
    ],
)
def test_experts_that_cannot_be_are_refused(setting, message):
    with pytest.raises(BadInput, match=message):
        EncoderHourglassConfig(**setting)
