"""MPII Human Pose, in tiny releases with the real nesting of structs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from lift3d.datasets.mpii import read_mpii
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput, DecodeError

MPII = get_skeleton("mpii16")
EMPTY = np.zeros((0, 0))


def structs(*entries: dict[str, Any]) -> np.ndarray:
    """Return a 1 x n MATLAB struct array; a field that an entry lacks is empty."""
    fields = list(dict.fromkeys(name for entry in entries for name in entry))
    array = np.empty((1, len(entries)), [(name, object) for name in fields])
    for index, entry in enumerate(entries):
        array[0, index] = tuple(entry.get(name, EMPTY) for name in fields)
    return array


def cells(*contents: Any) -> np.ndarray:
    """Return an n x 1 MATLAB cell array."""
    array = np.empty((len(contents), 1), object)
    for index, content in enumerate(contents):
        array[index, 0] = content
    return array


def point(joint: int, x: float, y: float, **more: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "id": joint, **more}


def person(*points: dict[str, Any]) -> dict[str, Any]:
    return {"x1": 1.0, "scale": 2.0, "annopoints": structs({"point": structs(*points)})}


def photo(name: str, *people: dict[str, Any]) -> dict[str, Any]:
    return {
        "image": structs({"name": name}),
        "annorect": structs(*people) if people else EMPTY,
        "vididx": 1,
    }


def write_release(path: Path, train: list[int], single: list[Any], *photos: dict) -> Path:
    release = {
        "annolist": structs(*photos),
        "img_train": np.array([train]),
        "version": "1",
        "single_person": cells(*single),
    }
    savemat(path, {"RELEASE": release})
    return path


@pytest.fixture
def release(tmp_path: Path) -> Path:
    two = (
        person(point(0, 11.5, 21.0, is_visible=1), point(15, 31.0, 41.0, is_visible="0")),
        person(point(9, 51.0, 61.0), point(2, 71.0, 81.0, is_visible=0)),
    )
    return write_release(
        tmp_path / "mpii_human_pose_v1_u12_1.mat",
        [1, 0, 1, 1, 1],
        [np.array([[2.0]]), EMPTY, 1, EMPTY, EMPTY],
        photo("a.jpg", *two),
        photo("test.jpg", {"x1": 4.0, "scale": 1.0}),
        photo("b.jpg", person(point(3, 5.0, 6.0, is_visible="1"))),
        photo("no_people.jpg"),
        photo("no_joints.jpg", {"x1": 4.0, "annopoints": EMPTY}),
    )


def test_all_labelled_people_of_the_training_photos_are_read(release: Path) -> None:
    labels = read_mpii(release, "photos")
    assert labels.image_paths == [Path("photos/a.jpg"), Path("photos/b.jpg")]
    assert labels.photo.tolist() == [0, 0, 1]
    assert labels.source == "mpii"
    assert np.isfinite(labels.joints_px).all(-1).sum(1).tolist() == [2, 2, 1]
    assert np.isnan(labels.box_xyxy_px).all()


def test_pixels_count_from_zero(release: Path) -> None:
    joints = read_mpii(release, "photos").joints_px
    assert joints[0, MPII.index("right_ankle")].tolist() == [10.5, 20]
    assert joints[0, MPII.index("left_wrist")].tolist() == [30, 40]


def test_visibility_may_be_a_number_a_text_or_absent(release: Path) -> None:
    hidden = read_mpii(release, "photos").hidden
    assert np.argwhere(hidden).tolist() == [[0, 15], [1, 2]]


def test_points_without_any_visibility_field_count_as_seen(tmp_path: Path) -> None:
    people = photo("a.jpg", person(point(8, 3.0, 4.0), point(9, 3.0, 1.0)))
    path = write_release(tmp_path / "m.mat", [1, 1], [EMPTY, EMPTY], people, photo("b.jpg"))
    assert not read_mpii(path, "photos").hidden.any()


def test_single_keeps_the_people_that_stand_apart(release: Path) -> None:
    labels = read_mpii(release, "photos", "single")
    assert [path.name for path in labels.image_paths] == ["a.jpg", "b.jpg"]
    assert labels.photo.tolist() == [0, 1]
    assert labels.joints_px[0, MPII.index("head_top")].tolist() == [50, 60]


def test_a_release_of_one_photo_and_one_point_is_read(tmp_path: Path) -> None:
    path = write_release(
        tmp_path / "m.mat", [1], [np.array([[1, 2]])], photo("a.jpg", *[person(point(4, 9, 8))] * 2)
    )
    labels = read_mpii(path, "photos", "single")
    assert labels.photo.tolist() == [0, 0]
    assert labels.joints_px[:, 4].tolist() == [[8, 7], [8, 7]]


def test_another_word_for_the_people_is_refused(release: Path) -> None:
    with pytest.raises(BadInput) as error:
        read_mpii(release, "photos", "some")  # type: ignore[arg-type]
    assert str(error.value) == "people must be 'all' or 'single', got 'some'"


def test_a_release_without_labels_is_refused(tmp_path: Path) -> None:
    path = write_release(tmp_path / "m.mat", [0, 0], [EMPTY] * 2, *[photo("a.jpg")] * 2)
    with pytest.raises(DecodeError) as error:
        read_mpii(path, "photos")
    assert str(error.value) == f"{path} labels no joints; give the file with the training labels"


def test_a_file_of_another_layout_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.mat"
    savemat(path, {"RELEASE": {"annolist": structs(photo("a.jpg"))}})
    with pytest.raises(DecodeError, match=r"m\.mat is not laid out as MPII's release \(.+\)$"):
        read_mpii(path, "photos")
    write_release(path, [1, 1], [EMPTY], photo("a.jpg"))
    with pytest.raises(DecodeError) as error:
        read_mpii(path, "photos")
    assert str(error.value) == (
        f"{path} is not laid out as MPII's release (img_train has 2 entries for 1 photos)"
    )
    write_release(path, [1], [EMPTY], photo("a.jpg", person(point(16, 1.0, 2.0))))
    with pytest.raises(DecodeError) as error:
        read_mpii(path, "photos")
    assert str(error.value) == (
        f"{path} is not laid out as MPII's release (a joint has the id 16; ids are 0 to 15)"
    )
    savemat(path, {"joints": np.zeros(3)})
    with pytest.raises(DecodeError) as error:
        read_mpii(path, "photos")
    assert str(error.value) == f"{path} must hold the variable 'RELEASE', got joints"
