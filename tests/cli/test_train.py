"""`lift3d train` and `lift3d eval` on tiny packs made by code."""

import json
from functools import partial

import cv2
import numpy as np
import pytest
import torch

from lift3d.cli.main import main
from lift3d.cli.train import train_people_command
from lift3d.cli.train_hourglass import train_hourglass_command
from lift3d.models.encoder_hourglass import EncoderHourglassConfig
from lift3d.models.heatmap_net import bare_net
from lift3d.models.load import load_hourglass
from lift3d.training import hourglass, person_finder
from lift3d.training.export import export_hourglass
from lift3d.training.hourglass import HourglassRecipe
from lift3d.training.person_finder import FinderRecipe
from lift3d.training.schedule import parse_phases
from lift3d.training.start import usual_encoder_rate


def encode(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return encoded pictures one after the other, and their offsets."""
    parts = [cv2.imencode(".png", image)[1].ravel() for image in images]
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])


@pytest.fixture
def crops_pack(tmp_path):
    """Return a crops pack of 12 noise crops, a third of them for validation."""
    rng = np.random.default_rng(0)
    image, offset = encode(list(rng.integers(0, 256, (12, 192, 192, 3), np.uint8)))
    joints = rng.uniform(40, 150, (12, 16, 2)).astype(np.float32)
    joints[:, 6:8] = np.nan
    source = np.array([f"lspet/{i}" if i % 2 else f"coco_val2017/{i}#0" for i in range(12)])
    path = tmp_path / "crops.npz"
    split = (np.arange(12) >= 8).astype(np.uint8)
    np.savez(path, image=image, offset=offset, joints=joints, split=split, src=source)
    return path


@pytest.fixture
def photos_pack(tmp_path):
    """Return a photos pack of 6 noise photos with one person each, two for validation."""
    rng = np.random.default_rng(1)
    image, offset = encode(list(rng.integers(0, 256, (6, 120, 160, 3), np.uint8)))
    coco17 = np.concatenate(
        [rng.uniform(15, 110, (6, 17, 2)), np.full((6, 17, 1), 2.0)], -1
    ).astype(np.float32)
    box = np.tile(np.float32([10, 10, 115, 115]), (6, 1))
    path = tmp_path / "photos.npz"
    split = (np.arange(6) >= 4).astype(np.uint8)
    photo = np.arange(6)
    people = {"photo": photo, "box": box, "coco17": coco17}
    source = np.array([f"coco_val2017/{i}" for i in photo])
    np.savez(path, image=image, offset=offset, split=split, src=source, **people)
    return path


def run(*arguments) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


TINY = ("--encoder", "none", "--stacks", 1, "--features", 16, "--batch", 4, "--device", "cpu")


def test_what_crops_are_drawn_and_how_is_a_setting_of_the_recipe(crops_pack, tmp_path, monkeypatch):
    recipes = []
    monkeypatch.setattr(hourglass, "train_hourglass", lambda recipe, *_: recipes.append(recipe))
    train = ("train", "hourglass", "--crops", crops_pack, "-o", tmp_path / "run", *TINY)
    chosen = ("--upright", 0.7, "--placed", 0.5, "--sport", 0.4)
    assert run(*train, "--phases", "64:4", *chosen) == 0
    assert run(*train, "--phases", "64:4") == 0
    assert [r.augmentation.upright for r in recipes] == [0.7, 0.0]
    assert [r.calm.upright for r in recipes] == [0.7, 0.0]
    assert [r.augmentation.placed for r in recipes] == [0.0, 0.0]
    assert [r.calm.placed for r in recipes] == [0.5, 0.0]
    assert [r.balance["lspet"] for r in recipes] == [0.4, 0.55]
    assert recipes[1].calm == hourglass.CALM


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
def test_hourglass_trains_goes_on_and_is_measured(crops_pack, photos_pack, tmp_path, capsys, loss):
    folder = tmp_path / "run"
    train = ("train", "hourglass", "--crops", crops_pack, "--photos", photos_pack, "-o", folder)
    assert run(*train, *TINY, "--loss", loss, "--phases", "64:8,128:4") == 0
    assert run(*train, *TINY, "--loss", loss, "--phases", "64:8,128:8") == 0
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["seen"] for row in rows] == [12, 16]
    assert set(rows[0]) == {"seen", "loss", "pck_coco", "pck_lspet"}
    capsys.readouterr()
    weights = folder / "hourglass.safetensors"
    evaluate = ("eval", "crops", "--crops", crops_pack, "--weights", weights, "--device", "cpu")
    assert run(*evaluate) == 0
    names = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == ["coco", "lspet", "all"] * 4


def test_people_trains_from_a_joint_network(crops_pack, photos_pack, tmp_path, monkeypatch):
    small = partial(FinderRecipe, sizes=(64,), input_size=64, batch=4)
    monkeypatch.setattr(person_finder, "FinderRecipe", small)
    config = EncoderHourglassConfig(features=16, residuals=1)
    start = tmp_path / "joints.safetensors"
    export_hourglass(start, config, bare_net(config).state_dict(), "mpii16", 64, {})
    folder = tmp_path / "people"
    arguments = ("--photos", photos_pack, "--crops", crops_pack, "--start-from", start)
    train = ("train", "people", *arguments, "-o", folder, "--device", "cpu")
    assert run(*train, "--samples", 4) == 0
    assert run(*train, "--samples", 8) == 0
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["seen"] for row in rows] == [4, 8]
    assert 0 <= rows[1]["recall"] <= 1
    assert 0 < rows[1]["threshold"] < 1
    loaded = load_hourglass(folder / "finder.safetensors", torch.device("cpu"))
    assert (loaded.skeleton, loaded.input_size) == (None, 64)


def test_an_expert_out_of_another_package_is_one_line(crops_pack, tmp_path, capsys):
    package, folder = tmp_path / "pose.tgz", tmp_path / "run"
    package.write_bytes(b"no package")
    start = tmp_path / "joints.safetensors"
    config = EncoderHourglassConfig(features=16, residuals=1)
    export_hourglass(start, config, bare_net(config).state_dict(), "mpii16", 64, {})
    arguments = ("--crops", crops_pack, "--start-from", start, "--expert", package)
    assert run("train", "hourglass", *arguments, "--features", 16, "-o", folder) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "pose.tgz has no movenet-thunder.json and movenet-thunder.bin" in lines[-1]
    assert "Traceback" not in "".join(lines)
    assert not folder.exists()


def test_an_expert_beside_the_papers_network_is_refused(crops_pack, tmp_path, capsys):
    package = tmp_path / "package.tgz"
    package.write_bytes(b"")
    train = ("train", "hourglass", "--crops", crops_pack, "-o", tmp_path / "run", *TINY)
    assert run(*train, "--expert", package) == 2
    assert "--expert needs an encoder" in capsys.readouterr().err


def test_the_commands_defaults_are_the_recipes():
    defaults = {
        command.name: {option.name: option.default for option in command.params}
        for command in (train_hourglass_command, train_people_command)
    }
    recipe = HourglassRecipe()
    hourglass = defaults["hourglass"]
    assert parse_phases(hourglass["phases"]) == recipe.phases
    assert (hourglass["stacks"], hourglass["features"]) == (
        recipe.config.stacks,
        recipe.config.features,
    )
    assert (hourglass["batch"], hourglass["rate"], hourglass["seed"]) == (
        recipe.batch,
        recipe.rate,
        recipe.seed,
    )
    assert usual_encoder_rate(recipe.config.encoder) == recipe.encoder_rate
    assert defaults["people"]["samples"] == FinderRecipe().samples


def test_training_without_data_says_what_to_pass(tmp_path, capsys):
    assert run("train", "hourglass", "-o", tmp_path / "run", "--device", "cpu") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "lift3d: no data given; pass --crops, --photos, --lsp, --lspet, --mpii, --coco "
        "or --synthetic"
    )


def test_a_size_that_does_not_halve_is_refused_before_the_data_are_read(tmp_path, capsys):
    arguments = ("train", "hourglass", "-o", tmp_path / "run", "--phases", "64:8,100:8")
    assert run(*arguments) == 2
    assert capsys.readouterr().err == "lift3d: sizes must be multiples of 32, got 100\n"


def test_a_pack_that_is_none_is_one_line(tmp_path, capsys):
    path = tmp_path / "crops.npz"
    path.write_text("hello")
    assert run("train", "hourglass", "--crops", path, "-o", tmp_path / "run") == 2
    assert "is no readable npz pack" in capsys.readouterr().err.splitlines()[-1]


def test_a_missing_pack_is_a_usage_error(tmp_path, capsys):
    assert run("train", "ppca", "--mocap", tmp_path / "nowhere.npz") == 2
    assert "does not exist" in capsys.readouterr().err
