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


def test_arrays_of_another_form_are_one_line(tmp_path):
    path = tmp_path / "crops.npz"
    np.savez(path, vis=np.zeros((2, 17)), box=np.zeros((2, 4)), split=np.zeros(2))
    with pytest.raises(DecodeError) as error:
        read_crop_facts(path, 0)
    assert str(error.value) == (
        f"{path} has vis (2, 17) and box (2, 4) for 2 crops; expected (2, 16) and (2, 3)"
    )


def test_a_pack_without_them_is_named(tmp_path):
    path = tmp_path / "crops.npz"
    np.savez(path, split=np.zeros(2))
    with pytest.raises(DecodeError, match=r"crops\.npz has no array 'vis'; expected a pack with"):
        read_crop_facts(path, 0)
