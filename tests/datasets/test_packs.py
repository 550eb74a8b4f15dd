"""Packs of encoded pictures and their readers, with small packs made here."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from lift3d.datasets.crops import derive_trunk, join_crops, read_crops_pack
from lift3d.datasets.labels import PersonLabels
from lift3d.datasets.packs import decode_rgb, read_fields, read_pack
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


def write_photos(path: Path, **changes: Any) -> Path:
    joints = np.full((4, 17, 3), np.nan, np.float32)
    joints[:, COCO.index("left_knee")] = np.c_[np.arange(4), np.arange(4) * 2, np.full(4, 2)]
    content = encode(COLOURS, 24) | {
        "photo": np.array([0, 1, 2, 2]),
        "box": np.arange(16, dtype=np.float32).reshape(4, 4),
        "coco17": joints,
        "split": np.array([1, 0, 1]),
        "src": np.array(["coco/7", "coco/8", "coco/9"]),
    }
    np.savez(path, **(content | changes))
    return path


def giant_png() -> bytes:
    """Return a PNG that claims 40,000 x 40,000 pixels, more than OpenCV's 2^30."""
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(10))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_crops_of_one_split_are_decoded_to_rgb_in_order(tmp_path: Path) -> None:
    crops = read_crops_pack(write_crops(tmp_path / "crops.npz"), 0)
    assert crops.images.shape == (2, 16, 16, 3)
    assert crops.images[:, 0, 0].tolist() == [list(COLOURS[0]), list(COLOURS[2])]
    assert crops.source.tolist() == ["lspet", "coco"]
    assert crops.photo.tolist() == ["im00001", "1"]
    assert crops.joints_px.dtype == np.float32
    assert crops.joints_px[0, MPII.index("pelvis")].tolist() == [6, 5]


def test_a_damaged_picture_in_a_pack_is_named(tmp_path: Path) -> None:
    content = encode(COLOURS, 16)
    content["image"][content["offset"][2] :] = 0
    path = write_crops(tmp_path / "crops.npz", image=content["image"])
    with pytest.raises(DecodeError) as error:
        read_crops_pack(path, 0)
    assert str(error.value) == f"picture 2 in {path} cannot be decoded as a picture; fetch it again"


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
        f"{path} has no array 'split'; expected a pack with image, offset, split, src, joints"
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


def test_damaged_bytes_of_a_picture_are_refused() -> None:
    message = "photo 7 cannot be decoded as a picture; fetch it again"
    with pytest.raises(DecodeError) as error:
        decode_rgb(np.arange(50, dtype=np.uint8), "photo 7")
    assert str(error.value) == message
    with pytest.raises(DecodeError) as error:
        decode_rgb(np.zeros(0, np.uint8), "photo 7")
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


WRONG_PICTURES = [
    ({"split": np.int64(0)}, "split in {} must be finite numbers of shape (N,), got int64 ()"),
    (
        {"split": np.array(["0", "1", "0"])},
        "split in {} must be finite numbers of shape (N,), got <U1 (3,)",
    ),
    (
        {"src": np.array(["coco/7", "coco/8"])},
        "src in {} must be text of shape (3,) beside split (3,), got <U6 (2,)",
    ),
    (
        {"src": np.arange(3)},
        "src in {} must be text of shape (3,) beside split (3,), got int64 (3,)",
    ),
    (
        {"image": np.zeros(9, np.uint16)},
        "image in {} must be bytes of shape (N,), got uint16 (9,)",
    ),
    (
        {"offset": np.zeros(4)},
        "offset in {} must be whole numbers of shape (N,), got float64 (4,)",
    ),
    ({"offset": np.int64(0)}, "offset in {} must be whole numbers of shape (N,), got int64 ()"),
    (
        {"offset": np.arange(3)},
        "offset in {} must have shape (4,), one more than split, got (3,)",
    ),
    (
        {"image": np.zeros(9, np.uint8), "offset": np.array([0, 3, 10, 12])},
        "offset in {} must rise within the 9 bytes of image, got 3 to 10 for picture 1",
    ),
    (
        {"image": np.zeros(9, np.uint8), "offset": np.array([-4, 3, 6, 9])},
        "offset in {} must rise within the 9 bytes of image, got -4 to 3 for picture 0",
    ),
    (
        {"image": np.zeros(9, np.uint8), "offset": np.array([0, 3, 3, 9], np.uint32)},
        "offset in {} must rise within the 9 bytes of image, got 3 to 3 for picture 1",
    ),
    (
        {"image": np.zeros(9, np.uint8), "offset": np.array([0, 6, 9, 7], np.uint64)},
        "offset in {} must rise within the 9 bytes of image, got 9 to 7 for picture 2",
    ),
]


def refusal(path: Path, read: Any) -> str:
    """Return what is said of a pack that cannot be read."""
    with pytest.raises(DecodeError) as error:
        read(path, 0)
    return str(error.value)


@pytest.mark.parametrize(
    ("write", "read"), [(write_crops, read_crops_pack), (write_photos, read_photos_pack)]
)
@pytest.mark.parametrize(("changes", "message"), WRONG_PICTURES)
def test_pictures_of_another_form_are_one_line(
    tmp_path: Path, write: Any, read: Any, changes: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "pack.npz", **changes)
    assert refusal(path, read) == f"{message.format(path)}; mend the pack"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"joints": np.zeros((2, 16, 2))},
            "joints in {} must be finite numbers or NaN of shape (3, 16, 2) beside split (3,), "
            "got float64 (2, 16, 2)",
        ),
        (
            {"joints": np.zeros((3, 16, 3))},
            "joints in {} must be finite numbers or NaN of shape (3, 16, 2) beside split (3,), "
            "got float64 (3, 16, 3)",
        ),
        (
            {"joints": np.full((3, 16, 2), "4")},
            "joints in {} must be finite numbers or NaN of shape (3, 16, 2) beside split (3,), "
            "got <U1 (3, 16, 2)",
        ),
        (
            {"joints": np.full((3, 16, 2), np.inf)},
            "joints in {} must be finite numbers or NaN, got 96 of 96 that are not",
        ),
    ],
)
def test_joints_of_another_form_are_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = write_crops(tmp_path / "crops.npz", **changes)
    assert refusal(path, read_crops_pack) == f"{message.format(path)}; mend the pack"


@pytest.mark.parametrize(
    ("sides", "shown"),
    [
        ([(64, 32), (64, 32), (64, 32)], "32 x 64"),
        ([(16, 16), (24, 24), (24, 24)], "16 x 16 and 24 x 24"),
        ([(16, 16), (16, 16), (24, 16)], "16 x 16 and 16 x 24"),
    ],
)
def test_crops_must_be_squares_of_one_size(
    tmp_path: Path, sides: list[tuple[int, int]], shown: str
) -> None:
    parts = [cv2.imencode(".png", np.zeros((*side, 3), np.uint8))[1].ravel() for side in sides]
    offset = np.cumsum([0, *(len(part) for part in parts)])
    changes = {"image": np.concatenate(parts), "offset": offset, "split": np.zeros(3)}
    path = write_crops(tmp_path / "crops.npz", **changes)
    with pytest.raises(DecodeError) as error:
        read_crops_pack(path, 0)
    assert str(error.value) == (
        f"image in {path} must be square pictures of one size, got {shown} px; mend the pack"
    )


PHOTO = "photo in {} must be "
BOX = "box in {} must be finite numbers"
COCO17 = "coco17 in {} must be finite numbers or NaN of shape (4, 17, 3) beside photo (4,), got "
ONE_NAN, ONE_INF = np.ones((4, 4)), np.ones((4, 4), np.float32)
ONE_NAN[1, 2], ONE_INF[3, 0] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"photo": np.zeros(4)}, PHOTO + "whole numbers of shape (N,), got float64 (4,)"),
        ({"photo": np.full(4, "0")}, PHOTO + "whole numbers of shape (N,), got <U1 (4,)"),
        (
            {"photo": np.array([0, 1, 2, 3])},
            PHOTO + "at least 0 and below 3, the number of photos, got 0 to 3",
        ),
        (
            {"photo": np.full(4, -1, np.int32)},
            PHOTO + "at least 0 and below 3, the number of photos, got -1 to -1",
        ),
        (
            {"photo": np.array([0, 1])},
            BOX + " of shape (2, 4) beside photo (2,), got float32 (4, 4)",
        ),
        (
            {"box": np.zeros((4, 3))},
            BOX + " of shape (4, 4) beside photo (4,), got float64 (4, 3)",
        ),
        (
            {"box": np.zeros((3, 4))},
            BOX + " of shape (4, 4) beside photo (4,), got float64 (3, 4)",
        ),
        (
            {"box": np.full((4, 4), "1")},
            BOX + " of shape (4, 4) beside photo (4,), got <U1 (4, 4)",
        ),
        ({"box": ONE_NAN}, BOX + ", got 1 of 16 that are not"),
        ({"box": ONE_INF}, BOX + ", got 1 of 16 that are not"),
        ({"box": np.full((4, 4), 1e300)}, BOX + ", got 16 of 16 that are not"),
        ({"coco17": np.zeros(4)}, COCO17 + "float64 (4,)"),
        ({"coco17": np.zeros((3, 17, 3))}, COCO17 + "float64 (3, 17, 3)"),
        ({"coco17": np.zeros((4, 16, 3))}, COCO17 + "float64 (4, 16, 3)"),
        ({"coco17": np.zeros((4, 17, 3), complex)}, COCO17 + "complex128 (4, 17, 3)"),
    ],
)
def test_people_of_another_form_are_one_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = write_photos(tmp_path / "photos.npz", **changes)
    with pytest.raises(DecodeError) as error:
        read_photos_pack(path, 1)
    assert str(error.value) == f"{message.format(path)}; mend the pack"


def test_any_whole_and_real_numbers_do(tmp_path: Path) -> None:
    offset = encode(COLOURS, 24)["offset"]
    path = write_photos(
        tmp_path / "photos.npz",
        offset=offset.astype(np.uint64),
        photo=np.array([0, 1, 2, 2], np.uint64),
        box=np.arange(16).reshape(4, 4),
        split=np.array([True, False, True]),
    )
    photos = read_photos_pack(path, 1)
    assert photos.load(1)[0, 0].tolist() == list(COLOURS[2])
    assert photos.person_photo.tolist() == [0, 1, 1]
    assert photos.box_xyxy_px.dtype == np.float32


def test_a_photos_pack_may_have_no_people(tmp_path: Path) -> None:
    people = {"photo": np.zeros(0, int), "box": np.zeros((0, 4)), "coco17": np.zeros((0, 17, 3))}
    photos = read_photos_pack(write_photos(tmp_path / "photos.npz", **people), 1)
    assert len(photos) == 2
    assert photos.mpii16_px().shape == (0, 16, 2)


def test_a_table_of_fields_need_not_have_pictures(tmp_path: Path) -> None:
    path = tmp_path / "pack.npz"
    np.savez(path, clip=np.arange(3), fps=np.ones((3, 2)), more=np.zeros(1))
    read = read_fields(
        path, {"clip": ("whole numbers", ("N",)), "fps": ("finite numbers", ("clip", "N"))}
    )
    assert list(read) == ["clip", "fps"]


def test_a_picture_above_the_limit_of_pixels_is_refused_as_unreadable(tmp_path: Path) -> None:
    with pytest.raises(DecodeError) as error:
        decode_rgb(np.frombuffer(giant_png(), np.uint8), "this")
    assert str(error.value) == "this cannot be decoded as a picture; fetch it again"
    path = tmp_path / "giant.png"
    path.write_bytes(giant_png())
    nobody = np.zeros((0, 16, 2), np.float32)
    labels = PersonLabels(
        [path], np.zeros(0, int), nobody, nobody[..., 0] > 0, np.zeros((0, 4), np.float32), "lsp"
    )
    with pytest.raises(DecodeError) as error:
        labels.load(0)
    assert str(error.value) == f"{path} cannot be decoded as a picture; fetch it again"
