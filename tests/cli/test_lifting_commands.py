"""`lift3d data lifting-set`, `lift3d eval lifting` and `lift3d train consensus`."""

import numpy as np
import pytest

from lift3d.cli.main import main
from lift3d.cli.train_consensus import train_consensus_command
from lift3d.evaluation.lifting_sets import read_lifting_set
from lift3d.poses import get_skeleton
from lift3d.training.consensus import ConsensusRecipe


def run(*arguments) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


@pytest.fixture
def mocap(tmp_path):
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 300, (17, 3)) + np.cumsum(rng.normal(0, 20, (60, 17, 3)), axis=0)
    path = tmp_path / "mocap.npz"
    np.savez(
        path,
        poses=poses.astype(np.int16),
        clip=np.repeat([0, 1], 30),
        parents=np.array(get_skeleton("h36m17").parents),
        clip_names=np.array(["a", "b"]),
        clip_subject=np.array([1, 2]),
        clip_fps=np.full(2, 25.0),
        clip_grade=np.zeros(2, int),
        clip_split=np.array([0, 1]),
        clip_description=np.array(["run", "walk"]),
    )
    return path


def test_a_lifting_set_is_written_and_its_hash_printed(mocap, tmp_path, capsys):
    path = tmp_path / "set.npz"

    code = run("data", "lifting-set", "--mocap", mocap, "-o", path, "--case", "hidden-2")

    assert code == 0
    assert capsys.readouterr().out == f"{read_lifting_set(path).digest()}  {path}\n"


def test_an_unknown_case_is_a_clear_line(mocap, tmp_path, capsys):
    code = run("data", "lifting-set", "--mocap", mocap, "-o", tmp_path / "s.npz", "--case", "fog")

    assert code == 2
    assert capsys.readouterr().err.startswith("lift3d: no case is called 'fog'; there are true,")


def test_a_set_that_cannot_be_written_is_a_clear_line(mocap, capsys):
    path = mocap / "set.npz"  # below a file

    assert run("data", "lifting-set", "--mocap", mocap, "-o", path) == 2
    assert capsys.readouterr().err == (
        f"lift3d: {path} cannot be written (File exists); choose another with -o\n"
    )


def test_lifters_are_measured_on_sets_and_on_motion_capture(mocap, tmp_path, capsys):
    path = tmp_path / "plain.npz"
    run("data", "lifting-set", "--mocap", mocap, "-o", path)
    capsys.readouterr()

    assert run("eval", "lifting", "--set", path, "--lifter", "ppca", "--kinds") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["root", "plain", "walking"]
    assert lines[1].split()[1:] == [*lines[2].split()[1:], read_lifting_set(path).digest()[:16]]

    assert run("eval", "lifting", "--mocap", mocap, "--lifter", "ppca") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:3]] == [
        "true",
        "noise-2",
    ]


def test_two_sets_of_one_name_are_both_measured(mocap, tmp_path, capsys):
    paths = [tmp_path / folder / "set.npz" for folder in ("one", "two")]
    for seed, path in enumerate(paths):
        run("data", "lifting-set", "--mocap", mocap, "-o", path, "--seed", seed)
    capsys.readouterr()

    assert run("eval", "lifting", "--set", paths[0], "--set", paths[1], "--lifter", "ppca") == 0

    lines = capsys.readouterr().out.splitlines()
    hashes = [read_lifting_set(path).digest()[:16] for path in paths]
    assert [line.split()[-1] for line in lines[1:]] == hashes
    assert hashes[0] != hashes[1]


def test_the_seed_of_the_cameras_is_not_negative(mocap, capsys):
    assert run("eval", "lifting", "--mocap", mocap, "--seed", -1) == 2
    assert "-1 is not in the range x>=0" in capsys.readouterr().err


def test_a_set_or_motion_capture_must_be_given(capsys):
    assert run("eval", "lifting") == 2
    assert "give either --mocap or --set" in capsys.readouterr().err


def test_the_group_lifter_is_trained_from_the_command_line(mocap, tmp_path, capsys):
    output = tmp_path / "runs"

    code = run(
        *("train", "consensus", "--mocap", mocap, "-o", output, "--samples", 32, "--batch", 16),
        *("--width", 8, "--device", "cpu"),
    )

    assert code == 0
    assert f"weights: {output / 'consensus.safetensors'}" in capsys.readouterr().err


def test_the_commands_defaults_are_the_recipes():
    recipe = ConsensusRecipe()
    names = {option.name for option in train_consensus_command.params} - {
        *("mocap", "output", "checkpoint_every", "device")
    }

    defaults = {option.name: option.default for option in train_consensus_command.params}

    assert {name: defaults[name] for name in names} == {
        name: getattr(recipe, name) for name in names
    }
