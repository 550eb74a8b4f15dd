"""Backgrounds cut from labelled photos: the squares meet nobody, and the files are whole."""

import cv2
import numpy as np
import pytest

from lift3d.datasets.photos import PhotoSet
from lift3d.datasets.synthetic.background_cuts import free_square, write_backgrounds
from lift3d.poses.errors import BadInput


def photo_set(boxes):
    """Return one photo (100, 300), red where people are and green elsewhere, for each box."""
    encoded = []
    for x0, y0, x1, y1 in boxes:
        image = np.full((100, 300, 3), (0, 200, 0), np.uint8)
        image[y0:y1, x0:x1] = (0, 0, 200)
        encoded.append(cv2.imencode(".png", image)[1].ravel())
    count = len(boxes)
    joints = np.full((count, 17, 2), np.nan, np.float32)
    numbers = np.arange(count)
    return PhotoSet(encoded, numbers, np.array(boxes, np.float32), joints, numbers.astype(str))


@pytest.mark.parametrize("box", [(0, 0, 60, 100), (220, 20, 300, 90), (130, 10, 170, 90)])
def test_the_square_is_large_and_meets_nobody(box):
    x, y, side = free_square((100, 300), np.array([box], float))

    assert 95 <= side <= 100
    assert min(x, y) >= 0
    assert x + side <= 300
    assert y + side <= 100
    assert x + side <= box[0] or x >= box[2]


def test_a_photo_full_of_people_has_no_square():
    assert free_square((50, 50), np.array([[0, 0, 49, 49.0]]))[2] == 0


def test_the_files_show_no_person(tmp_path):
    count = write_backgrounds(photo_set([(0, 0, 60, 100), (0, 0, 300, 100)]), tmp_path, 90)

    assert count == 1
    (path,) = tmp_path.iterdir()
    image = cv2.imread(str(path))
    assert image.shape == (99, 99, 3)
    assert image[..., 1].min() > 150  # green everywhere


def test_photos_without_room_are_one_line(tmp_path):
    with pytest.raises(BadInput) as error:
        write_backgrounds(photo_set([(0, 0, 300, 100)]), tmp_path / "none", 90)
    assert str(error.value) == (
        "none of the 1 photos has a square of 90 px without people; give other photos"
    )
    assert not (tmp_path / "none").exists()


def test_a_folder_with_photos_of_another_part_is_refused(tmp_path):
    write_backgrounds(photo_set([(0, 0, 60, 100), (0, 0, 300, 100)]), tmp_path, 90)
    with pytest.raises(BadInput, match="holds photos already; give a new folder, or empty it"):
        write_backgrounds(photo_set([(0, 0, 60, 100)]), tmp_path, 90)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch, error):
    def fails(path, content):
        path.touch()
        raise error

    monkeypatch.setattr("pathlib.Path.write_bytes", fails)
    with pytest.raises((BadInput, KeyboardInterrupt)) as failure:
        write_backgrounds(photo_set([(0, 0, 60, 100)]), tmp_path / "new", 90)
    if isinstance(error, OSError):
        assert str(failure.value) == (
            f"{tmp_path / 'new'} cannot be written (No space left on device); choose another "
            "with -o"
        )
    assert list((tmp_path / "new").iterdir()) == []
