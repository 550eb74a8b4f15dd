"""`lift3d eval crops` on a tiny pack made by code."""

import cv2
import numpy as np
import pytest
import torch

from lift3d.cli.main import main
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.training.export import export_hourglass


@pytest.fixture
def arguments(tmp_path):
    """Return the command for 4 noise crops and a small network with random filters."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 64, 64, 3), np.uint8)
    parts = [cv2.imencode(".png", image)[1].ravel() for image in images]
    np.savez(
        tmp_path / "crops.npz",
        image=np.concatenate(parts),
        offset=np.cumsum([0, *(len(part) for part in parts)]),
        joints=rng.uniform(10, 50, (4, 16, 2)).astype(np.float32),
        vis=np.full((4, 16), 2),
        box=np.full((4, 3), 135),
        split=np.ones(4),
        src=np.array(["lspet/0", "lspet/1", "coco_val2017/2#0", "coco_val2017/3#0"]),
    )
    torch.manual_seed(0)
    config = HourglassConfig(stacks=1, features=16, depth=1, output="softmax")
    weights = tmp_path / "own.safetensors"
    export_hourglass(weights, config, StackedHourglass(config).state_dict(), "mpii16", 64, {})
    given = ("--crops", tmp_path / "crops.npz", "--weights", weights, "--device", "cpu")
    return ("eval", "crops", *given)


def run(*arguments) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


def test_crops_are_scored_with_and_without_flip_by_source(arguments, capsys):
    assert run(*arguments) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["crops", "PCK@0.2", "ECE"]
    assert [row[:16].strip() for row in rows] == [
        *("coco, no flip", "lspet, no flip", "all, no flip"),
        *("coco, flip", "lspet, flip", "all, flip"),
    ]
    for row in rows:
        crops, pck, error = row[16:].split()
        assert int(crops) in (2, 4)
        assert 0 <= float(pck) <= 1
        assert 0 <= float(error) <= 1


def test_groupings_come_as_tables_in_the_order_asked_for(arguments, capsys):
    assert run(*arguments, "--by", "source, joint") == 0
    _, by_source, by_joint = capsys.readouterr().out.split("\n\n")
    assert by_source.split()[:3] == ["by", "source", "joints"]
    assert [line[:16].strip() for line in by_source.splitlines()[1:]] == ["coco", "lspet"]
    assert by_source.splitlines()[1].split()[1] == "24"  # two crops of twelve limb joints
    assert [line.split()[0] for line in by_joint.splitlines()[1:4]] == ["ankle", "knee", "hip"]


def test_an_unknown_grouping_is_one_line_before_anything_is_read(arguments, capsys):
    assert run(*arguments, "--by", "joint,colour") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "lift3d: joints can be grouped by joint, pose, size, occlusion, source, confidence, "
        "got 'colour'\n"
    )
