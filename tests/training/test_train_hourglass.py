"""The recipe of the hourglass: what it begins with, and what it no longer needs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.models.encoder_hourglass import EXPERT, EncoderHourglassConfig
from lift3d.models.heatmap_net import bare_net
from lift3d.models.hourglass import HourglassConfig
from lift3d.models.load import load_hourglass
from lift3d.models.movenet import MoveNet
from lift3d.models.tensor_file import STEP, read_tensors
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.training import hourglass, start
from lift3d.training.export import export_hourglass
from lift3d.training.hourglass import HourglassRecipe, train_hourglass
from lift3d.training.schedule import Phase

CONFIG = HourglassConfig(stacks=1, features=16, depth=2, output="softmax")
RECIPE = HourglassRecipe(config=CONFIG, phases=(Phase(32, 8),), batch=4, warm_up=4, balance={})


@pytest.fixture
def crops():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 32, 32, 3), np.uint8)
    joints_px = rng.uniform(4, 28, (6, 16, 2)).astype(np.float32)
    return CropSet(images, joints_px, np.full(6, "lspet"), np.arange(6).astype(str))


def train(recipe, crops, folder, start_from):
    cpu = torch.device("cpu")
    return train_hourglass(recipe, crops, crops, folder, cpu, 8, start_from=start_from)


def test_a_training_that_is_gone_on_with_needs_its_first_weights_no_more(crops, tmp_path):
    first, nowhere = tmp_path / "first.safetensors", tmp_path / "nowhere.safetensors"
    export_hourglass(first, CONFIG, bare_net(CONFIG).state_dict(), "mpii16", 32, {})
    train(RECIPE, crops, tmp_path / "run", first)
    first.unlink()

    longer = replace(RECIPE, phases=(Phase(32, 16),))
    path = train(longer, crops, tmp_path / "run", nowhere)

    assert len(Path(path).with_name("log.jsonl").read_text().splitlines()) == 2
    with pytest.raises(WeightsMissing, match=r"nowhere\.safetensors does not exist"):
        train(longer, crops, tmp_path / "other", nowhere)


def test_a_training_does_not_go_on_with_other_crops(crops, tmp_path):
    first = tmp_path / "first.safetensors"
    export_hourglass(first, CONFIG, bare_net(CONFIG).state_dict(), "mpii16", 32, {})
    train(RECIPE, crops, tmp_path, first)
    with pytest.raises(BadInput, match="was trained with crops 6, got 5; go on with its settings"):
        train(RECIPE, crops.where(np.arange(6) < 5), tmp_path, first)


@pytest.fixture
def movenet(monkeypatch):
    """Return a MoveNet with random filters, which stands for the published one."""
    torch.manual_seed(1)
    net = MoveNet().eval()
    monkeypatch.setattr(start, "load_movenet", lambda path: net)
    return net


def test_a_network_learns_beside_an_expert_that_does_not(movenet, tmp_path, monkeypatch):
    monkeypatch.setattr(hourglass, "LEAST_TO_CALIBRATE", 1)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 32, 32, 3), np.uint8)
    joints_px = rng.uniform(4, 28, (60, 16, 2)).astype(np.float32)
    crops = CropSet(images, joints_px, np.full(60, "lspet"), np.arange(60).astype(str))
    alone = EncoderHourglassConfig(features=16, residuals=1)
    first = tmp_path / "first.safetensors"
    began = bare_net(alone).state_dict()
    export_hourglass(first, alone, began, "mpii16", 32, {})
    recipe = replace(RECIPE, config=replace(alone, expert=EXPERT))
    folder, cpu = tmp_path / "run", torch.device("cpu")
    for length in (8, 16):  # gone on with
        longer = replace(recipe, phases=(Phase(32, length),))
        path = train_hourglass(
            longer, crops, crops, folder, cpu, 8, start_from=first, expert=tmp_path / "package.tgz"
        )
    assert len((folder / "log.jsonl").read_text().splitlines()) == 2
    loaded = load_hourglass(path, cpu)
    assert loaded.net.config.expert == EXPERT
    for name, value in movenet.state_dict().items():  # kept in 8 bits
        stored = loaded.net.expert.state_dict()[name]
        torch.testing.assert_close(stored, value, rtol=0.01, atol=0.01 * float(value.abs().max()))
    now = loaded.net.state_dict()
    assert not torch.allclose(now["score.weight"], began["score.weight"], rtol=1e-3)
    tensors, metadata = read_tensors(path)
    assert "calibration" in metadata
    steps = [name for name in tensors if name.endswith(STEP)]
    assert all(tensors[name.removesuffix(STEP)].dtype == torch.int8 for name in steps)
    assert path.stat().st_size < 1.3 * sum(p.numel() for p in loaded.net.parameters())
    assert any(name.startswith("expert.") for name in steps)
    assert any(name.startswith("encoder.") for name in steps)
