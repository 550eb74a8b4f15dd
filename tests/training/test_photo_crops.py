"""Person crops cut from photos of packs and of official layouts."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from lift3d.datasets.labels import PersonLabels
from lift3d.datasets.photos import PhotoSet
from lift3d.poses import get_skeleton
from lift3d.training.photo_crops import crops_from_labels, crops_from_photos, cut_person_crops

COCO, MPII = get_skeleton("coco17"), get_skeleton("mpii16")
LIMBS = [name for name in MPII.joints if name in COCO.joints]


@pytest.fixture
def picture() -> np.ndarray:
    """Return a dark photo with a bright 5 x 5 patch centred at (120, 80)."""
    image = np.full((160, 200, 3), 30, np.uint8)
    image[78:83, 118:123] = 240
    return image


@pytest.fixture
def joints() -> np.ndarray:
    """Return two people (2, 16, 2): joints in x 60..160 and y 40..140, the second with three."""
    joints = np.full((2, 16, 2), np.nan, np.float32)
    rows = [MPII.index(name) for name in LIMBS]
    joints[0, rows] = np.linspace((60, 40), (160, 140), len(rows))
    joints[0, MPII.index("left_wrist")] = 120, 80
    joints[1, rows[:3]] = joints[0, rows[:3]]
    return joints


def test_a_joint_stays_on_its_pixels(picture: np.ndarray, joints: np.ndarray) -> None:
    crops = cut_person_crops(lambda _: picture, np.zeros(2, int), joints, "lsp", size=96)
    assert len(crops) == 1
    assert crops.source.tolist() == ["lsp"]
    x, y = crops.joints_px[0, MPII.index("left_wrist")]
    bright = np.argwhere(crops.images[0, ..., 0] > 150).mean(0)
    assert (y, x) == pytest.approx(tuple(bright), abs=0.6)


def test_the_square_has_a_margin_round_the_joints(picture: np.ndarray, joints: np.ndarray) -> None:
    crops = cut_person_crops(lambda _: picture, np.zeros(2, int), joints, "lsp", size=96)
    found = crops.joints_px[0]
    low, high = np.nanmin(found, 0), np.nanmax(found, 0)
    assert (high - low).max() == pytest.approx(96 / 1.35, abs=1e-3)
    assert (low + high) / 2 == pytest.approx([47.5, 47.5], abs=1e-3)


def test_unlabelled_trunk_joints_are_derived(picture: np.ndarray, joints: np.ndarray) -> None:
    found = cut_person_crops(lambda _: picture, np.zeros(2, int), joints, "lsp").joints_px[0]
    hips = found[[MPII.index("left_hip"), MPII.index("right_hip")]]
    assert found[MPII.index("pelvis")] == pytest.approx(hips.mean(0))


def test_few_joints_and_small_people_are_left_out(picture: np.ndarray, joints: np.ndarray) -> None:
    both = np.zeros(2, int)
    fewer = cut_person_crops(lambda _: picture, both, joints, "lsp", min_joints=3, min_side_px=1)
    assert len(fewer) == 2
    none = cut_person_crops(lambda _: picture, both, joints, "lsp", min_side_px=101)
    assert none.images.shape == (0, 192, 192, 3)


def test_each_photo_is_loaded_once_and_crops_keep_the_order_of_the_people(
    picture: np.ndarray, joints: np.ndarray
) -> None:
    loaded = []

    def load(index: int) -> np.ndarray:
        loaded.append(index)
        return np.full_like(picture, 40 * index)

    people = np.repeat(joints[:1], 4, 0)
    crops = cut_person_crops(load, np.array([2, 1, 2, 1]), people, "coco", size=32)
    assert loaded == [1, 2]
    assert crops.images[:, 16, 16, 0].tolist() == [80, 40, 80, 40]


def test_pack_and_folder_give_the_same_crops(
    tmp_path: Path, picture: np.ndarray, joints: np.ndarray
) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), picture)
    coco = np.full((2, 17, 2), np.nan, np.float32)
    for name in LIMBS:
        coco[:, COCO.index(name)] = joints[:, MPII.index(name)]
    boxes = np.full((2, 4), np.nan, np.float32)
    both = np.zeros(2, int)
    hidden = np.zeros((2, 16), bool)
    photos = PhotoSet([np.fromfile(path, np.uint8)], both, boxes, coco, np.array(["photo"]))
    labels = PersonLabels([path], both, joints, hidden, boxes, "coco")
    one, other = crops_from_photos(photos, 64), crops_from_labels(labels, 64)
    assert len(one) == len(other) == 1
    assert np.array_equal(one.images, other.images)
    assert np.array_equal(one.joints_px, other.joints_px, equal_nan=True)
    assert one.source.tolist() == other.source.tolist() == ["coco"]
    assert one.photo.tolist() == other.photo.tolist() == ["photo"]
