"""The recipe of the hourglass: what it begins with, and what it no longer needs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.models.heatmap_net import bare_net
from lift3d.models.hourglass import HourglassConfig
from lift3d.poses.errors import WeightsMissing
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
