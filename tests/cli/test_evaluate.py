"""`lift3d eval crops` and `lift3d eval photos` on tiny packs made by code."""

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


def test_crops_are_scored_by_source_in_each_way_of_looking(arguments, capsys):
    assert run(*arguments) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["crops", "PCK@0.2", "ECE"]
    assert [row[:16].strip() for row in rows] == [
        *("coco, no flip", "lspet, no flip", "all, no flip"),
        *("coco, flip", "lspet, flip", "all, flip"),
        *("coco, again", "lspet, again", "all, again"),
        *("coco, turned", "lspet, turned", "all, turned"),
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


def test_the_person_finder_is_no_network_of_joints(arguments, capsys):
    before, after = arguments[: arguments.index("--weights")], arguments[-2:]
    assert run(*before, "--weights", "people", *after) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "lift3d: weights 'people' are a person finder's; give a joint network's\n"
    )


def test_facts_of_another_form_are_one_line_before_anything_is_scored(arguments, capsys):
    pack = arguments[arguments.index("--crops") + 1]
    with np.load(pack) as archive:
        content = dict(archive)
    np.savez(pack, **(content | {"box": np.full((4, 3), "135")}))
    assert run(*arguments, "--by", "size") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"lift3d: box in {pack} must be finite numbers of shape (4, 3) beside split (4,), "
        "got <U3 (4, 3); mend the pack\n"
    )


STEADY = """
import numpy as np
from lift3d.poses import Pose2D, get_skeleton

class Detector:
    skeleton = get_skeleton("mpii16")
    def detect(self, images):
        joints, box = np.full((16, 2), 40.0), np.array([10.0, 10, 60, 110])
        return [[Pose2D(joints, np.ones(16), self.skeleton, box_xyxy_px=box)] for _ in images]

def detector():
    return Detector()
"""


@pytest.mark.parametrize(("options", "recall"), [((), 1), (("--upside-down",), 0)])
def test_photos_are_scored_as_they_are_or_upside_down(tmp_path, capsys, options, recall):
    photo = cv2.imencode(".png", np.zeros((130, 200, 3), np.uint8))[1].ravel()
    coco17 = np.full((1, 17, 3), 2.0)
    coco17[..., :2] = np.linspace(20, 50, 17)[None, :, None]
    np.savez(
        tmp_path / "photos.npz",
        image=photo,
        offset=np.array([0, len(photo)]),
        photo=np.zeros(1, int),
        box=np.array([[10, 10, 60, 110]], np.float32),
        coco17=coco17.astype(np.float32),
        split=np.ones(1, int),
        src=np.array(["val2017/1.jpg"]),
    )
    (tmp_path / "own.py").write_text(STEADY)
    own = f"{tmp_path / 'own.py'}:detector"
    given = ("eval", "photos", "--photos", tmp_path / "photos.npz", "--detector", own)
    assert run(*given, *options) == 0
    scores = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert float(scores["recall"]) == recall
    assert float(scores["precision"]) == recall
