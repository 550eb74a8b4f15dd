"""The facts of a crops pack: hidden joints and sizes, in the order of the crops."""

import numpy as np
import pytest

from lift3d.datasets.crop_facts import read_crop_facts
from lift3d.poses.errors import DecodeError


def test_hidden_joints_and_extents_are_those_of_the_split(tmp_path):
    path = tmp_path / "crops.npz"
    vis = np.zeros((3, 16), np.uint8)
    vis[1, 4], vis[1, 5], vis[2, 0] = 1, 2, 1
    box = np.array([[0, 0, 10], [5, 5, 135], [0, 0, 270]])
    np.savez(path, vis=vis, box=box, split=np.array([0, 1, 1]))
    facts = read_crop_facts(path, 1)
    assert np.argwhere(facts.hidden).tolist() == [[0, 4], [1, 0]]
    assert facts.extent_px == pytest.approx([100, 200])


VIS = "vis in {} must be finite numbers of shape (2, 16) beside split (2,), got "
BOX = "box in {} must be finite numbers of shape (2, 3) beside split (2,), got "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vis": np.zeros((2, 17))}, VIS + "float64 (2, 17)"),
        ({"vis": np.full((2, 16), "1")}, VIS + "<U1 (2, 16)"),
        ({"box": np.zeros((2, 4))}, BOX + "float64 (2, 4)"),
        ({"box": np.zeros((1, 3))}, BOX + "float64 (1, 3)"),
        ({"box": np.full((2, 3), "9")}, BOX + "<U1 (2, 3)"),
        (
            {"box": np.full((2, 3), np.nan)},
            "box in {} must be finite numbers, got 6 of 6 that are not",
        ),
        (
            {"split": np.float64(0)},
            "split in {} must be finite numbers of shape (N,), got float64 ()",
        ),
    ],
)
def test_arrays_of_another_form_are_one_line(tmp_path, changes, message):
    path = tmp_path / "crops.npz"
    content = {"vis": np.zeros((2, 16)), "box": np.zeros((2, 3)), "split": np.zeros(2)}
    np.savez(path, **(content | changes))
    with pytest.raises(DecodeError) as error:
        read_crop_facts(path, 0)
    assert str(error.value) == f"{message.format(path)}; mend the pack"


def test_a_pack_without_them_is_named(tmp_path):
    path = tmp_path / "crops.npz"
    np.savez(path, split=np.zeros(2))
    with pytest.raises(DecodeError, match=r"crops\.npz has no array 'vis'; expected a pack with"):
        read_crop_facts(path, 0)
