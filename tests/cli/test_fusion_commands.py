"""`lift3d train fusion`, `lift3d eval fusion` and `fusion-streams` on a few capsule people."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from lift3d.cli.evaluate_fusion import evaluate_fusion, evaluate_fusion_streams
from lift3d.cli.train_fusion import train_fusion_command
from lift3d.datasets.mocap import MocapPack
from lift3d.datasets.synthetic.capsules import capsule_body
from lift3d.datasets.synthetic.people import SyntheticPeople
from lift3d.datasets.synthetic.shards import write_shards
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.tensor_file import write_tensors
from lift3d.poses.errors import BadInput
from lift3d.training.fusion import FusionRecipe

TINY = ("--size", "small", "--width", "0.1", "--batch", "2", "--workers", "0", "--device", "cpu")
TINY += ("--found", "64", "--joint-samples", "512")


@pytest.fixture(scope="module")
def pack():
    """Return motion capture of somebody who stands."""
    body = capsule_body()
    joints = body.joints_mm - body.joints_mm[0] + [0, 900, 0]
    return MocapPack(
        poses_mm=np.repeat(joints[None], 4, 0).astype(np.float32),
        clip=np.repeat([0, 1], 2),
        clip_names=np.array(["a", "b"]),
        clip_subject=np.array([1, 2]),
        clip_fps=np.full(2, 25.0),
        clip_grade=np.zeros(2, int),
        clip_split=np.array([0, 1]),
        clip_description=np.array(["stand", "stand"]),
    )


@pytest.fixture(scope="module")
def shards(pack, tmp_path_factory):
    """Return a folder with three people."""
    folder = tmp_path_factory.mktemp("shards")
    people = SyntheticPeople(capsule_body(), pack, size=64, variety=None)
    write_shards(replace(people, scenes=replace(people.scenes, others=0, props=0)), 3, folder)
    return folder


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """Return the file of an untrained hourglass."""
    config = HourglassConfig(stacks=1, features=16, depth=2, output="softmax")
    path = tmp_path_factory.mktemp("detector") / "tiny.safetensors"
    state = dict(StackedHourglass(config).state_dict())
    about = {"kind": "hourglass", "config": config.to_dict(), "skeleton": "mpii16"}
    write_tensors(path, state, {**about, "input_size": 64})
    return path


@pytest.fixture(scope="module")
def trained(shards, detector, tmp_path_factory):
    """Return the weights of a training of two steps."""
    folder = tmp_path_factory.mktemp("run")
    data = ("--shards", shards, "--validation", shards, "--validation-samples", 2)
    done = run(
        train_fusion_command, *data, "--detector", detector, "-o", folder, "--samples", 4, *TINY
    )
    assert done.exit_code == 0, done.output
    return folder / "fusion.safetensors"


def run(command, *arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)


def test_training_writes_weights_and_a_log(trained):
    rows = (trained.parent / "log.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["seen"] == 4
    assert trained.exists()


def test_people_may_be_made_while_training(pack, tmp_path, monkeypatch):
    monkeypatch.setattr("lift3d.datasets.mocap.read_mocap", lambda path: pack)
    mocap = tmp_path / "mocap.npz"
    mocap.touch()

    done = run(
        train_fusion_command, "--mocap", mocap, "--detector", "none", "-o", tmp_path / "run",
        "--samples", 2, "--validation-samples", 1, *TINY, "--joint-samples", 1024,
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    row = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert np.isfinite(row["root_mm"])


def test_the_table_has_a_row_for_each_network_and_the_lifter_beside(trained, shards, detector):
    done = run(
        evaluate_fusion, "--shards", shards, "--weights", trained, "--detector", detector,
        "--beside", "ppca",
    )  # fmt: skip

    lines = done.stdout.splitlines()
    assert lines[0].startswith("3 people, sha256 ")
    assert "(layer 5 of 10)" in lines[2]
    assert lines[3].startswith("ppca (joints alone)")
    assert all(np.isfinite(float(line.split()[-2])) for line in lines[2:])


def test_photos_are_scored_and_drawn(trained, shards, detector, tmp_path):
    rng = np.random.default_rng(0)
    parts = [cv2.imencode(".png", i)[1].ravel() for i in rng.integers(0, 256, (3, 64, 64, 3))]
    crops = tmp_path / "crops.npz"
    np.savez(
        crops,
        image=np.concatenate(parts),
        offset=np.cumsum([0, *map(len, parts)]),
        joints=rng.uniform(5, 59, (3, 16, 2)).astype(np.float32),
        split=np.ones(3, np.uint8),
        src=np.array(["lspet/1", "lspet/2", "coco_val2017/3#0"]),
    )

    done = run(
        evaluate_fusion, "--shards", shards, "--weights", trained, "--detector", detector,
        "--beside", "ppca", "--samples", 2, "--crops", crops, "--sheet", tmp_path / "sheet.png",
    )  # fmt: skip

    assert all(0 <= float(line.split()[-2]) <= 1 for line in done.stdout.splitlines()[2:])
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (128, 3 * 64, 3)


def test_the_streams_are_correlated_and_drawn(trained, shards, detector, tmp_path):
    picture = tmp_path / "streams.png"
    done = run(
        evaluate_fusion_streams, "--shards", shards, "--weights", trained, "--images", 3,
        "--detector", detector, "-o", picture,
    )  # fmt: skip

    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "3",
        "image",
        "maps",
        "across",
    ]
    height, width, _ = cv2.imread(str(picture)).shape
    assert height > width > 0  # a scale lies below


def test_the_commands_defaults_are_the_recipes():
    defaults = {option.name: option.default for option in train_fusion_command.params}
    recipe = FusionRecipe()
    for name in ("samples", "batch", "rate", "seed", "photo_share", "joint_samples"):
        assert defaults[name] == getattr(recipe, name)
    assert defaults["sharpness"] == recipe.loss.sharpness
    assert defaults["fusion"] == recipe.config.fusion


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "give either --mocap or --shards: where synthetic people come from"),
        (("--shards", "."), "--shards needs --validation, shards of the validation subjects"),
    ],
)
def test_training_without_people_says_what_to_pass(arguments, line, tmp_path):
    done = run(train_fusion_command, *arguments, "-o", tmp_path / "run", "--device", "cpu")
    assert done.exit_code == 2
    assert done.output.splitlines()[-1] == f"Error: {line}"


def test_a_fusion_that_is_none_is_refused_before_the_data_are_read(tmp_path):
    with pytest.raises(BadInput, match="fusion must be trainable, early, late, image, maps or a l"):
        run(train_fusion_command, "--shards", tmp_path, "--fusion", "11", "-o", tmp_path / "run")
