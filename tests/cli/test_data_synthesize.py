"""`lift3d data synthesize` and `lift3d data body` from the command line."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from lift3d.cli.data import data
from lift3d.datasets.synthetic import capsule_body
from lift3d.pipelines.run_lock import RunLock
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput


@pytest.fixture
def mocap(tmp_path: Path) -> Path:
    np.savez(
        tmp_path / "mocap.npz",
        poses=np.tile(capsule_body().joints_mm, (2, 1, 1)).astype(np.int16),
        clip=np.array([0, 1]),
        parents=np.array(get_skeleton("h36m17").parents),
        clip_names=np.array(["01_01", "02_01"]),
        clip_subject=np.array([1, 2]),
        clip_fps=np.array([24.0, 24.0]),
        clip_grade=np.array([0, 0]),
        clip_split=np.array([0, 1]),
    )
    return tmp_path / "mocap.npz"


def test_synthesize_writes_tars_and_says_how_many(mocap: Path, tmp_path: Path) -> None:
    out = tmp_path / "people"
    arguments = ["synthesize", "-n", "2", "-o", str(out), "--mocap", str(mocap), "--size", "32"]
    done = CliRunner().invoke(data, arguments)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert f"2 in {out}" in done.stderr
    assert [path.name for path in sorted(out.iterdir())] == ["people-000000.tar", "set.json"]
    again = CliRunner().invoke(data, arguments)
    assert again.stderr.startswith("0 people made")


def test_a_second_run_into_the_folder_is_refused(mocap: Path, tmp_path: Path) -> None:
    out = tmp_path / "people"
    arguments = ["synthesize", "-n", "1", "-o", str(out), "--mocap", str(mocap), "--size", "32"]
    with RunLock(out):
        done = CliRunner().invoke(data, arguments)
    assert isinstance(done.exception, BadInput)
    assert "is in use by another run" in str(done.exception)
    assert list(out.iterdir()) == []


def test_synthesize_wants_a_number_or_the_fixed_set(mocap: Path, tmp_path: Path) -> None:
    base = ["synthesize", "-o", str(tmp_path / "x"), "--mocap", str(mocap)]
    done = CliRunner().invoke(data, base)
    assert done.exit_code == 2
    assert "say how many people with -n, or take the fixed set: --validation" in done.stderr
    done = CliRunner().invoke(data, [*base, "--validation", "-n", "5"])
    assert done.exit_code == 2
    assert "--validation fixes -n, --seed and --split; leave them out" in done.stderr


def test_body_refuses_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    arguments = ["body", str(tmp_path), "-o", str(tmp_path / "body.npz")]
    done = CliRunner().invoke(data, arguments)
    assert isinstance(done.exception, BadInput)
    assert "is no checkout of MakeHuman" in str(done.exception)


@pytest.mark.parametrize(("options", "grey"), [([], 40), (["--split", "validation"], 200)])
def test_backgrounds_are_cut_from_the_photos_of_one_part_of_a_pack(
    tmp_path: Path, options: list[str], grey: int
) -> None:
    encoded = [
        cv2.imencode(".png", np.full((150, 300, 3), level, np.uint8))[1].ravel()
        for level in (40, 200)
    ]
    np.savez(
        tmp_path / "photos.npz",
        image=np.concatenate(encoded),
        offset=np.cumsum([0, *(len(each) for each in encoded)]),
        split=np.array([0, 1]),
        photo=np.array([0, 1]),
        box=np.array([[0, 0, 100, 150]] * 2, np.float32),
        coco17=np.full((2, 17, 3), np.nan, np.float32),
        src=np.array(["a", "b"]),
    )
    out = tmp_path / "backgrounds"

    arguments = ["backgrounds", str(tmp_path / "photos.npz"), "-o", str(out), *options]
    result = CliRunner().invoke(data, arguments)

    assert result.exit_code == 0, result.output
    assert [path.name for path in out.iterdir()] == ["00000.jpg"]
    assert abs(cv2.imread(str(out / "00000.jpg")).mean() - grey) < 2
