"""The person finder's targets, loss and pictures."""

import numpy as np
import torch

from lift3d.datasets.crops import CropSet
from lift3d.datasets.photos import PhotoSet
from lift3d.detectors.people import REACH, decode_boxes
from lift3d.training.person_finder import (
    FinderPictures,
    FinderRecipe,
    centre_gaussians,
    finder_loss,
    generalised_iou,
    joint_boxes,
    pad_boxes,
)
from lift3d.training.photo_augment import clip_boxes, turn_boxes


def test_distances_decode_to_the_box_worked_by_hand():
    maps = torch.zeros(1, 4, 3, 5)  # exp(0) * REACH cells of 4 px to each side
    x0, y0, x1, y1 = decode_boxes(maps, 4)[0, 1, 2].tolist()
    centre_x, centre_y = 2 * 4 + 1.5, 1 * 4 + 1.5
    reach = REACH * 4
    expected = [centre_x - reach, centre_y - reach, centre_x + reach, centre_y + reach]
    assert [x0, y0, x1, y1] == expected


def test_generalised_iou_worked_by_hand():
    a = torch.tensor([[0.0, 0, 2, 2]])
    # The same box; a third shared; apart: union 8, hull 4 x 2 = 8 -> 0 - 0; far: hull 10 x 2.
    others = torch.tensor([[0.0, 0, 2, 2], [1.0, 0, 3, 2], [2.0, 0, 4, 2], [8.0, 0, 10, 2]])
    values = generalised_iou(a.expand(4, 4), others)
    torch.testing.assert_close(values, torch.tensor([1.0, 1 / 3, 0.0, -12 / 20]))


def test_a_missing_box_gives_no_gaussian_and_others_peak_at_one():
    boxes = pad_boxes([np.array([[8.0, 8, 40, 56]]), np.zeros((0, 4))])
    gauss = centre_gaussians(boxes, (16, 16), 4)
    assert gauss[0].max() == 1
    assert (gauss[1] == 0).all()
    row, column = divmod(int(gauss[0, 0].argmax()), 16)
    assert (row, column) == (8, 6)  # centre (24, 32) px -> cells (5.6, 7.6), rounded


def test_the_loss_of_perfect_maps_is_almost_zero_and_of_empty_ones_is_not():
    boxes = torch.tensor([[[17.5, 17.5, 49.5, 49.5]]])  # centre 33.5 px = cell 8
    maps = torch.zeros(1, 5, 16, 16)
    maps[:, 0] = -12.0
    maps[0, 0, 8, 8] = 12.0
    cells = torch.arange(16) * 4 + 1.5
    for channel, distance in enumerate(
        (cells - 17.5, cells[:, None] - 17.5, 49.5 - cells, 49.5 - cells[:, None])
    ):
        reach = (distance.expand(16, 16) / (4 * REACH)).clamp_min(1e-3)
        maps[0, 1 + channel] = reach.log()
    perfect = finder_loss(maps, boxes, 4)
    maps[0, 0, 8, 8] = -12.0
    missed = finder_loss(maps, boxes, 4)
    assert perfect < 0.01
    assert missed > 10


def test_a_photo_without_people_only_teaches_that_there_are_none():
    maps = torch.zeros(1, 5, 16, 16, requires_grad=True)
    finder_loss(maps, pad_boxes([np.zeros((0, 4))]), 4).backward()
    assert (maps.grad[0, 0] > 0).all()
    assert (maps.grad[0, 1:] == 0).all()


def test_a_quarter_turn_exchanges_the_sides_of_a_box():
    turn = np.array([[0.0, -1, 100], [1, 0, 0]])
    boxes = turn_boxes(np.array([[10.0, 20, 30, 80]]), turn)
    np.testing.assert_allclose(boxes, [[20, 10, 80, 30]], atol=1e-9)


def test_people_mostly_outside_are_dropped():
    boxes = np.array([[-50.0, 10, 10, 50], [-10, 10, 50, 50], [200, 10, 260, 50]])
    np.testing.assert_allclose(clip_boxes(boxes, 100, 100), [[0, 10, 50, 50]])


def test_joint_boxes_leave_a_border():
    joints = np.full((1, 16, 2), np.nan)
    joints[0, 0], joints[0, 5] = (10, 20), (60, 120)
    np.testing.assert_allclose(joint_boxes(joints), [[2, 12, 68, 128]])


def test_pictures_are_the_same_for_the_same_seed_and_hold_their_boxes():
    import cv2

    picture = np.full((90, 120, 3), 60, np.uint8)
    picture[20:80, 40:70] = 250
    encoded = cv2.imencode(".png", picture)[1].ravel()
    photos = PhotoSet(
        [encoded], np.array([0]), np.array([[40.0, 20, 69, 79]]), np.full((1, 17, 2), np.nan)
    )
    crop = np.full((1, 192, 192, 3), 60, np.uint8)
    crop[:, 40:150, 60:120] = 250
    joints = np.full((1, 16, 2), np.nan, np.float32)
    joints[0, 0], joints[0, 9] = (60, 150), (120, 40)
    crops = CropSet(crop, joints, np.array(["lspet"]))
    pictures = FinderPictures(FinderRecipe(size=128), photos, crops)
    first, second = pictures.batch(12, seed=4), pictures.batch(12, seed=4)
    brightness = []
    for view, twin in zip(first, second, strict=True):
        np.testing.assert_array_equal(view.image, twin.image)
        assert view.image.shape == (128, 128, 3)
        for x0, y0, x1, y1 in view.box_xyxy_px.round().astype(int):
            middle = view.image[(y0 + y1) // 2, (x0 + x1) // 2]
            brightness.append(int(middle.min()))
    assert len(brightness) >= 12
    assert np.median(brightness) == 250
