"""Photos with all their people: choosing some, turning them."""

import cv2
import numpy as np
import pytest

from lift3d.datasets.photos import PhotoSet, turn_upside_down


@pytest.fixture
def photos() -> PhotoSet:
    """Return a photo without people, then one with two, the first on four bright pixels."""
    picture = np.zeros((30, 40, 3), np.uint8)
    picture[5:7, 10:12] = 255, 128, 0  # BGR
    encoded = [cv2.imencode(".png", image)[1].ravel() for image in (picture * 0, picture)]
    coco17 = np.full((2, 17, 2), np.nan, np.float32)
    coco17[0, 5] = 10, 6
    box = np.array([[10, 5, 11, 6], [0, 0, 39, 20]], np.float32)
    return PhotoSet(encoded, np.array([1, 1]), box, coco17, np.array(["a", "b"]))


def test_the_people_of_chosen_photos_come_along(photos):
    second = photos.where(np.array([False, True]))
    assert second.name.tolist() == ["b"]
    assert second.people(0).tolist() == [0, 1]
    assert second.load(0).max() == 255
    first = photos.where(np.array([True, False]))
    assert (len(first), len(first.box_xyxy_px), first.load(0).max()) == (1, 0, 0)


def test_upside_down_the_labels_stay_on_the_people(photos):
    turned = turn_upside_down(photos)
    x0, y0, x1, y1 = turned.box_xyxy_px[0].astype(int)
    image = turned.load(1)
    assert (image[y0 : y1 + 1, x0 : x1 + 1] == [0, 128, 255]).all()
    assert np.count_nonzero(image.any(2)) == 4
    np.testing.assert_array_equal(turned.coco17_px[0, 5], [29, 23])
    np.testing.assert_array_equal(turned.box_xyxy_px[1], [0, 9, 39, 29])
    again = turn_upside_down(turned)
    np.testing.assert_array_equal(again.load(1), photos.load(1))
    np.testing.assert_array_equal(again.box_xyxy_px, photos.box_xyxy_px)
