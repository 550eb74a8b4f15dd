"""Finding and mending wrong labels of LSP extended."""

import csv

import numpy as np
import pytest
import torch

from lift3d.datasets import lsp_faults
from lift3d.datasets.crops import CropSet
from lift3d.datasets.lsp_faults import ARMS, LEGS, mend_lsp_extended
from lift3d.poses.errors import BadInput
from lift3d.poses.skeleton import get_skeleton
from lift3d.training.crop_sources import mend_crops
from lift3d.training.lsp_faults import find_faults, look_crosswise, write_faults

MPII = get_skeleton("mpii16")
SURE = np.full((1, 16), 0.9)
AT = {
    "shoulder": (30, 60),
    "elbow": (45, 90),
    "wrist": (50, 120),
    "hip": (20, 120),
    "knee": (22, 150),
    "ankle": (24, 180),
}


def front() -> np.ndarray:
    """Return a person (1, 16, 2) seen from the front: their right is on the left."""
    joints = np.full((1, 16, 2), 96.0)
    for name, (x, y) in AT.items():
        joints[0, MPII.index(f"right_{name}")] = 96 - x, y
        joints[0, MPII.index(f"left_{name}")] = 96 + x, y
    return joints


def exchanged(joints: np.ndarray, part: list[int]) -> np.ndarray:
    swapped = joints.copy()
    swapped[:, part] = joints[:, MPII.flip_index[part]]
    return swapped


def test_right_labels_are_left_alone():
    assert find_faults(front(), front() + 3, SURE) == [""]


def test_the_part_that_was_seen_otherwise_is_exchanged():
    assert find_faults(exchanged(front(), ARMS), front(), SURE) == ["arms"]
    assert find_faults(exchanged(front(), LEGS), front(), SURE) == ["legs"]


def test_a_mirrored_person_is_exchanged_only_if_the_network_is_sure():
    labels = exchanged(front(), ARMS + LEGS)
    assert find_faults(labels, front(), SURE) == ["all"]
    assert find_faults(labels, front(), SURE / 3) == [""]


def test_labels_that_contradict_themselves_and_cannot_be_mended_are_dropped():
    labels = exchanged(front(), ARMS)
    unclear = front()
    unclear[0, ARMS + LEGS] = 96  # as far from either reading
    assert find_faults(labels, unclear, SURE) == ["drop"]


def test_labels_somewhere_else_are_dropped():
    assert find_faults(front() + 150, front(), SURE) == ["drop"]


def test_unlabelled_joints_do_not_count():
    labels = front()
    labels[0, LEGS] = np.nan
    assert find_faults(labels, front(), SURE) == [""]


def test_faults_are_written_in_order_and_mended(tmp_path, monkeypatch):
    path = tmp_path / "faults.csv"
    write_faults(path, np.array(["00009", "00002", "00004"]), ["drop", "arms", ""])
    with path.open() as file:
        assert list(csv.reader(file)) == [["photo", "fault"], ["2", "arms"], ["9", "drop"]]
    monkeypatch.setattr(lsp_faults, "PATH", path)
    lsp_faults.lsp_faults.cache_clear()
    labels = np.repeat(front(), 3, 0)
    mended, keep = mend_lsp_extended(np.array([9, 2, 4]), labels)
    assert keep.tolist() == [False, True, True]
    np.testing.assert_array_equal(mended[1:2], exchanged(front(), ARMS))
    np.testing.assert_array_equal(mended[2], labels[2])
    crops = CropSet(
        np.zeros((3, 4, 4, 3), np.uint8),
        labels.astype(np.float32),
        np.array(["lspet", "coco", "lspet"]),
        np.array(["im00009", "9", "00002"]),
    )
    kept = mend_crops(crops)
    assert kept.photo.tolist() == ["9", "00002"]
    np.testing.assert_array_equal(kept.joints_px[1:], exchanged(front(), ARMS))
    lsp_faults.lsp_faults.cache_clear()


def test_photos_may_be_called_as_in_the_release_and_no_other_way(tmp_path):
    path = tmp_path / "faults.csv"
    write_faults(path, np.array(["im00009"]), ["drop"])
    assert path.read_text() == "photo,fault\n9,drop\n"
    with pytest.raises(BadInput, match="are called im00001 or 00001, got 'p0x'"):
        write_faults(path, np.array(["p0x"]), ["drop"])
    assert path.read_text() == "photo,fault\n9,drop\n"


def test_photos_with_other_names_are_told_before_the_trainings(tmp_path):
    crops = CropSet(
        np.zeros((1, 4, 4, 3), np.uint8),
        front().astype(np.float32),
        np.array(["lspet"]),
        np.array(["p0x"]),
    )
    with pytest.raises(BadInput, match="are called im00001 or 00001, got 'p0x'"):
        look_crosswise(crops, crops, tmp_path, torch.device("cpu"), lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_the_list_that_ships_names_known_faults_of_photos_that_exist():
    faults = lsp_faults.lsp_faults()
    assert len(faults) > 100
    assert set(faults.values()) == {"arms", "legs", "all", "drop"}
    assert all(1 <= photo <= 10_000 for photo in faults)
