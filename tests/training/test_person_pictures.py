"""The pictures that the finder learns from."""

import cv2
import numpy as np
import pytest

from lift3d.datasets.crops import CropSet
from lift3d.datasets.photos import PhotoSet
from lift3d.training.person_pictures import CALM_MIX, FinderPictures, PictureMix, joint_boxes


def test_joint_boxes_leave_a_border():
    joints = np.full((1, 16, 2), np.nan)
    joints[0, 0], joints[0, 5] = (10, 20), (60, 120)
    np.testing.assert_allclose(joint_boxes(joints), [[2, 12, 68, 128]])


@pytest.fixture
def pictures() -> FinderPictures:
    picture = np.full((90, 120, 3), 60, np.uint8)
    picture[20:80, 40:70] = 250
    encoded = cv2.imencode(".png", picture)[1].ravel()
    photos = PhotoSet(
        [encoded],
        np.array([0]),
        np.array([[40.0, 20, 69, 79]]),
        np.full((1, 17, 2), np.nan),
        np.array(["photo"]),
    )
    crop = np.full((1, 192, 192, 3), 60, np.uint8)
    crop[:, 40:150, 60:120] = 250
    joints = np.full((1, 16, 2), np.nan, np.float32)
    joints[0, 0], joints[0, 9] = (60, 150), (120, 40)
    return FinderPictures(photos, CropSet(crop, joints, np.array(["lspet"]), np.array(["1"])))


@pytest.mark.parametrize("mix", [PictureMix(), CALM_MIX], ids=["mix", "calm"])
def test_pictures_are_the_same_for_the_same_seed_and_hold_their_boxes(pictures, mix):
    first, second = (pictures.batch(16, 128, mix, seed=4) for _ in range(2))
    brightness = []
    for view, twin in zip(first, second, strict=True):
        np.testing.assert_array_equal(view.image, twin.image)
        np.testing.assert_array_equal(view.box_xyxy_px, twin.box_xyxy_px)
        assert view.image.shape == (128, 128, 3)
        for x0, y0, x1, y1 in view.box_xyxy_px.round().astype(int):
            middle = view.image[(y0 + y1) // 2, (x0 + x1) // 2]
            brightness.append(int(middle.min()))
    assert len(brightness) >= 12
    assert np.median(brightness) == 250
