"""COCO keypoints, in tiny files of the official form."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lift3d.datasets.coco import read_coco
from lift3d.poses import get_skeleton
from lift3d.poses.errors import DecodeError

COCO, MPII = get_skeleton("coco17"), get_skeleton("mpii16")


def annotation(image: int, joints: dict[str, tuple[int, int, int]], **more: Any) -> dict[str, Any]:
    keypoints = [0] * 51
    for name, triple in joints.items():
        keypoints[3 * COCO.index(name) : 3 * COCO.index(name) + 3] = triple
    return {
        "image_id": image,
        "keypoints": keypoints,
        "bbox": [10.0, 20.0, 30.0, 40.0],
        "iscrowd": 0,
        **more,
    }


def write_coco(folder: Path, *annotations: dict[str, Any]) -> Path:
    path = folder / "person_keypoints_val2017.json"
    images = [{"id": key, "file_name": f"{key:012d}.jpg"} for key in (42, 7, 99)]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    return write_coco(
        tmp_path,
        annotation(99, {"left_wrist": (5, 6, 2), "right_hip": (7, 8, 1), "nose": (1, 2, 2)}),
        annotation(42, {"left_ankle": (3, 4, 2)}),
        annotation(42, {"left_ankle": (9, 9, 2)}, iscrowd=1),
        annotation(7, {}),
    )


def test_people_with_labelled_joints_are_read_and_crowds_left_out(coco: Path) -> None:
    labels = read_coco(coco, "val2017")
    names = [Path("val2017/000000000042.jpg"), Path("val2017/000000000099.jpg")]
    assert labels.image_paths == names
    assert labels.photo.tolist() == [1, 0]
    assert labels.source == "coco"


def test_keypoints_stay_as_they_are_and_go_by_name(coco: Path) -> None:
    labels = read_coco(coco, "val2017")
    assert np.isfinite(labels.joints_px).all(-1).sum(1).tolist() == [2, 1]
    assert labels.joints_px[0, MPII.index("left_wrist")].tolist() == [5, 6]
    assert labels.joints_px[0, MPII.index("right_hip")].tolist() == [7, 8]
    assert labels.joints_px[1, MPII.index("left_ankle")].tolist() == [3, 4]
    assert np.argwhere(labels.hidden).tolist() == [[0, MPII.index("right_hip")]]


def test_boxes_move_by_half_a_pixel(coco: Path) -> None:
    assert read_coco(coco, "val2017").box_xyxy_px[0].tolist() == [9.5, 19.5, 39.5, 59.5]


def test_a_file_without_labelled_people_gives_empty_arrays(tmp_path: Path) -> None:
    labels = read_coco(write_coco(tmp_path), "val2017")
    assert labels.image_paths == []
    assert labels.joints_px.shape == (0, 16, 2)
    assert labels.box_xyxy_px.shape == (0, 4)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecodeError) as error:
        read_coco(tmp_path / "no.json", "val2017")
    expected = f"{tmp_path / 'no.json'} does not exist; give a person_keypoints_*.json"
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"images": [', "is no readable JSON file (Expecting value: line 1 column 13 (char 12))"),
        (b"[" * 100_000, "is no readable JSON file ("),
        (b"[]", "is not laid out as COCO keypoints (TypeError: "),
        (b'{"images": []}', "is not laid out as COCO keypoints (KeyError: 'annotations')"),
        (
            b'{"images": [], "annotations": [{"image_id": 1, "keypoints": [1, 1, 2]}]}',
            "is not laid out as COCO keypoints (KeyError: 1)",
        ),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "damaged.json"
    path.write_bytes(content)
    with pytest.raises(DecodeError) as error:
        read_coco(path, "val2017")
    assert str(error.value).startswith(f"{path} {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "field", [{"keypoints": [1, 1, 2] * 16 + [1, np.nan, 2]}, {"bbox": [0, 0, np.inf, 1]}]
)
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, field: dict[str, Any]) -> None:
    path = write_coco(tmp_path, annotation(7, {"nose": (1, 2, 2)}, **field))
    with pytest.raises(DecodeError) as error:
        read_coco(path, "val2017")
    message = f"{path} has keypoints or boxes that are not finite; mend the file"
    assert str(error.value) == message


def test_people_with_other_than_17_joints_are_refused(tmp_path: Path) -> None:
    path = write_coco(tmp_path, annotation(7, {}, keypoints=[1, 1, 2] * 14))
    with pytest.raises(DecodeError, match="is not laid out as COCO keypoints"):
        read_coco(path, "val2017")


def test_boxes_of_other_than_four_numbers_are_refused(tmp_path: Path) -> None:
    people = [annotation(7, {"nose": (1, 2, 2)}, bbox=[1, 2, 3]) for _ in range(4)]
    with pytest.raises(DecodeError, match="is not laid out as COCO keypoints"):
        read_coco(write_coco(tmp_path, *people), "val2017")


@pytest.mark.parametrize(
    "changes", [{"keypoints": [10**400, 2, 2] * 17}, {"bbox": [1, 2, 10**400, 4]}]
)
def test_numbers_beyond_all_floats_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, list[int]]
) -> None:
    path = write_coco(tmp_path, annotation(7, {"nose": (1, 2, 2)}, **changes))
    with pytest.raises(DecodeError) as error:
        read_coco(path, "val2017")
    assert str(error.value) == (
        f"{path} is not laid out as COCO keypoints "
        "(OverflowError: int too large to convert to float)"
    )
