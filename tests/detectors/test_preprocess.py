"""Crops and scaled photos: geometry and grey borders."""

import numpy as np
import pytest
import torch

from lift3d.detectors.people import fit_photo, suppress
from lift3d.detectors.preprocess import GREY, check_image, cut_square, stack_images, to_input
from lift3d.poses.boxes import apply_affine, box_iou, invert_affine, square_affine
from lift3d.poses.errors import BadInput


def spot(height: int, width: int, x: int, y: int, reach: int = 0) -> np.ndarray:
    """Return a black image with a white square around a pixel."""
    image = np.zeros((height, width, 3), np.uint8)
    image[y - reach : y + reach + 1, x - reach : x + reach + 1] = 255
    return image


def test_a_square_of_the_crops_size_is_copied():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    crop = cut_square(image, np.array([19.5, 19.5]), 20, 20)
    np.testing.assert_array_equal(crop, image[10:30, 10:30])


@pytest.mark.parametrize("side", [64, 200, 450, 900])
def test_a_spot_lands_where_the_affine_map_says(side):
    centre = np.array([510.0, 560.0])
    reach = max(1, side // 40)
    crop = cut_square(spot(1100, 1050, 530, 550, reach), centre, side, 64)
    mass = crop[..., 0].astype(float)
    found = np.array([(mass.sum(0) * range(64)).sum(), (mass.sum(1) * range(64)).sum()])
    expected = square_affine(centre, side, 64) @ [530, 550, 1]
    np.testing.assert_allclose(found / mass.sum(), expected, atol=0.25)


def test_outside_of_the_image_is_grey():
    crop = cut_square(np.zeros((30, 30, 3), np.uint8), np.array([200.0, 200.0]), 40, 16)
    assert (crop == GREY).all()


@pytest.mark.parametrize("centre", [(-5000.0, 10.0), (5000.0, 5000.0)])
def test_a_large_square_far_outside_is_grey(centre):
    crop = cut_square(np.zeros((30, 30, 3), np.uint8), np.array(centre), 2000, 32)
    assert (crop == GREY).all()


def test_the_grey_of_the_border_becomes_zero():
    assert (to_input(torch.full((1, 3, 2, 2), GREY, dtype=torch.uint8)) == 0).all()


def test_images_are_stacked_channels_first():
    image = np.zeros((4, 6, 3), np.uint8)
    image[1, 2] = (GREY, 255, 0)
    batch = stack_images([image, image], torch.device("cpu"))
    assert batch.shape == (2, 3, 4, 6)
    assert batch[0, 0, 1, 2] == 0
    assert batch[1, 1, 1, 2] > 0 > batch[1, 2, 1, 2]


FORM = "an image must be an RGB uint8 array of shape (H, W, 3), got"


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (np.zeros((4, 4), np.uint8), f"{FORM} uint8 (4, 4)"),
        (np.zeros((4, 4, 3)), f"{FORM} float64 (4, 4, 3)"),
        (np.zeros((4, 4, 4), np.uint8), "an image must have shape (H, W, 3), got (4, 4, 4)"),
        (np.zeros((0, 4, 3), np.uint8), "an image must have shape (H, W, 3), got (0, 4, 3)"),
    ],
)
def test_what_is_no_rgb_image_is_refused(image, text):
    with pytest.raises(BadInput) as error:
        check_image(image)
    assert str(error.value) == text


def test_a_photo_is_fitted_and_padded_to_the_networks_multiple():
    picture, factor = fit_photo(np.zeros((300, 640, 3), np.uint8), 320, 64)
    assert picture.shape == (192, 320, 3)
    assert factor == 2
    assert (picture[150:] == GREY).all()
    assert (picture[:150] == 0).all()


def test_overlapping_boxes_are_suppressed_best_first():
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 10, 10], [20, 0, 30, 10]])
    assert suppress(boxes, np.array([0.5, 0.9, 0.6])).tolist() == [1, 2]


def test_no_box_gives_no_box():
    assert suppress(np.zeros((0, 4)), np.zeros(0)).tolist() == []


def test_iou_worked_by_hand():
    a, b = np.array([[0.0, 0, 4, 2]]), np.array([[2.0, 0, 6, 2], [0, 0, 4, 2], [9, 9, 10, 10]])
    np.testing.assert_allclose(box_iou(a, b), [[1 / 3, 1, 0]])


def test_an_affine_map_and_its_inverse_cancel():
    affine = np.array([[[2.0, 0.5, 7], [-0.3, 1.5, -4]]])
    points = np.array([[[1.0, 2], [np.nan, np.nan], [-5, 6]]])
    back = apply_affine(invert_affine(affine), apply_affine(affine, points))
    np.testing.assert_allclose(back, points)
