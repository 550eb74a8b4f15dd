"""Packs of encoded pictures and their readers, with small packs made here."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lift3d.datasets.crops import derive_trunk, join_crops, read_crops_pack
from lift3d.datasets.packs import decode_rgb, read_pack
from lift3d.datasets.photos import read_photos_pack
from lift3d.poses import get_skeleton
from lift3d.poses.errors import DecodeError

COCO, MPII = get_skeleton("coco17"), get_skeleton("mpii16")
COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]  # RGB


def encode(colours: list[tuple[int, int, int]], size: int) -> dict[str, np.ndarray]:
    pictures = [np.full((size, size, 3), colour[::-1], np.uint8) for colour in colours]
    encoded = [cv2.imencode(".png", picture)[1].ravel() for picture in pictures]
    return {
        "image": np.concatenate(encoded),
        "offset": np.cumsum([0, *(len(part) for part in encoded)]),
    }


def write_crops(path: Path, **changes: Any) -> Path:
    joints = np.full((3, 16, 2), np.nan, np.float16)
    joints[:, MPII.index("left_hip")] = 8, 4
    joints[:, MPII.index("right_hip")] = 4, 6
    content = encode(COLOURS, 16) | {
        "joints": joints,
        "split": np.array([0, 1, 0]),
        "src": np.array(["lspet/im00001", "coco/000000000042#3", "coco_extra/1"]),
    }
    np.savez(path, **(content | changes))
    return path


def write_photos(path: Path) -> Path:
    joints = np.full((4, 17, 3), np.nan, np.float32)
    joints[:, COCO.index("left_knee")] = np.c_[np.arange(4), np.arange(4) * 2, np.full(4, 2)]
    np.savez(
        path,
        **encode(COLOURS, 24),
        photo=np.array([0, 1, 2, 2]),
        box=np.arange(16, dtype=np.float32).reshape(4, 4),
        coco17=joints,
        split=np.array([1, 0, 1]),
        src=np.array(["coco/7", "coco/8", "coco/9"]),
    )
    return path


def test_crops_of_one_split_are_decoded_to_rgb_in_order(tmp_path: Path) -> None:
    crops = read_crops_pack(write_crops(tmp_path / "crops.npz"), 0)
    assert crops.images.shape == (2, 16, 16, 3)
    assert crops.images[:, 0, 0].tolist() == [list(COLOURS[0]), list(COLOURS[2])]
    assert crops.source.tolist() == ["lspet", "coco"]
    assert crops.photo.tolist() == ["im00001", "1"]
    assert crops.joints_px.dtype == np.float32
    assert crops.joints_px[0, MPII.index("pelvis")].tolist() == [6, 5]


def test_a_selection_joined_to_itself_keeps_its_rows(tmp_path: Path) -> None:
    crops = read_crops_pack(write_crops(tmp_path / "crops.npz"), 0)
    both = join_crops([crops.where(np.array([False, True])), crops.where(np.array([0]))])
    assert len(both) == 2
    assert both.source.tolist() == ["coco", "lspet"]


def test_derive_trunk_keeps_what_is_labelled_and_invents_nothing() -> None:
    joints = np.full((2, 16, 2), np.nan)
    joints[0, MPII.index("pelvis")] = 1, 1
    joints[0, [MPII.index("left_hip"), MPII.index("right_hip")]] = [[8, 4], [4, 6]]
    joints[1, MPII.index("left_shoulder")] = 3, 3
    derived = derive_trunk(joints)
    assert derived[0, MPII.index("pelvis")].tolist() == [1, 1]
    assert np.isnan(derived[1, MPII.index("thorax")]).all()


def test_photos_of_one_split_keep_their_people_and_joints_by_name(tmp_path: Path) -> None:
    photos = read_photos_pack(write_photos(tmp_path / "photos.npz"), 1)
    assert len(photos) == 2
    assert photos.load(1)[0, 0].tolist() == list(COLOURS[2])
    assert photos.person_photo.tolist() == [0, 1, 1]
    assert photos.people(1).tolist() == [1, 2]
    assert photos.box_xyxy_px[0].tolist() == [0, 1, 2, 3]
    joints = photos.mpii16_px()
    assert joints[:, MPII.index("left_knee")].tolist() == [[0, 0], [2, 4], [3, 6]]
    assert np.isnan(np.delete(joints, MPII.index("left_knee"), 1)).all()


def test_a_missing_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecodeError) as error:
        read_pack(tmp_path / "no.npz", ("image",))
    assert str(error.value) == (
        f"{tmp_path / 'no.npz'} does not exist; give the path of the data pack"
    )


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    path = tmp_path / "crops.npz"
    np.savez(path, image=np.zeros(3, np.uint8), offset=np.zeros(1))
    with pytest.raises(DecodeError) as error:
        read_crops_pack(path, 0)
    assert str(error.value) == (
        f"{path} has no array 'joints'; expected a pack with image, offset, joints, split, src"
    )


def test_a_file_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    whole = write_crops(tmp_path / "crops.npz").read_bytes()
    np.save(tmp_path / "one.npy", np.zeros(3))
    contents = (b"", b"no pack", whole[:-200], (tmp_path / "one.npy").read_bytes())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(DecodeError, match=r"damaged\.npz is no readable npz pack"):
            read_crops_pack(path, 0)


def test_arrays_of_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = write_crops(tmp_path / "crops.npz", src=np.array([{}, {}, {}], object))
    with pytest.raises(DecodeError, match="is no readable npz pack"):
        read_crops_pack(path, 0)


def test_damaged_bytes_of_a_picture_are_refused(tmp_path: Path) -> None:
    message = "a picture in the pack cannot be decoded; the file may be damaged"
    with pytest.raises(DecodeError) as error:
        decode_rgb(np.arange(50, dtype=np.uint8))
    assert str(error.value) == message
    with pytest.raises(DecodeError) as error:
        decode_rgb(np.zeros(0, np.uint8))
    assert str(error.value) == message
    image = encode(COLOURS, 16)["image"]
    path = write_crops(tmp_path / "crops.npz", image=np.zeros_like(image))
    with pytest.raises(DecodeError) as error:
        read_crops_pack(path, 0)
    assert str(error.value) == message


def test_a_flipped_byte_in_a_compressed_pack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez_compressed(path, joints=np.random.default_rng(0).normal(size=1000))
    data = bytearray(path.read_bytes())
    for at in range(200, 400):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="is no readable npz pack"):
        read_pack(path, ("joints",))


def test_sources_may_have_several_folders_but_not_none(tmp_path: Path) -> None:
    names = np.array(["own/7", "coco/8", "mine/day1/9"])
    crops = read_crops_pack(write_crops(tmp_path / "crops.npz", src=names), 0)
    assert crops.source.tolist() == ["own", "mine"]
    assert crops.photo.tolist() == ["7", "day1/9"]
    names = np.array(["7", "coco/8", "mine/9"])
    with pytest.raises(DecodeError, match="has a crop whose `src` is no SET/NAME"):
        read_crops_pack(write_crops(tmp_path / "crops.npz", src=names), 0)


def test_photos_without_any_of_a_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"has no photos of split 2; 0 is for training"):
        read_photos_pack(write_photos(tmp_path / "photos.npz"), 2)
