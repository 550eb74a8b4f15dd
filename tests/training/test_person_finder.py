"""The person finder's targets and loss, worked by hand."""

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.datasets.photos import PhotoSet
from lift3d.detectors.people import REACH, decode_boxes
from lift3d.poses.errors import BadInput
from lift3d.training.person_finder import FinderRecipe, train_finder
from lift3d.training.person_targets import (
    cells_inside,
    centre_gaussians,
    finder_loss,
    generalised_iou,
    pad_boxes,
)

NOBODY = pad_boxes([np.zeros((0, 4))])


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
    perfect = finder_loss(maps, boxes, NOBODY, 4)
    maps[0, 0, 8, 8] = -12.0
    missed = finder_loss(maps, boxes, NOBODY, 4)
    assert perfect < 0.01
    assert missed > 10


def test_a_photo_without_people_only_teaches_that_there_are_none():
    maps = torch.zeros(1, 5, 16, 16, requires_grad=True)
    finder_loss(maps, NOBODY, NOBODY, 4).backward()
    assert (maps.grad[0, 0] > 0).all()
    assert (maps.grad[0, 1:] == 0).all()


def test_where_it_is_not_known_nothing_is_taught():
    maps = torch.zeros(1, 5, 16, 16, requires_grad=True)
    ignored = torch.tensor([[[9.5, 17.5, 25.5, 33.5]]])  # cells 2..6 and 4..8, and one more around
    finder_loss(maps, NOBODY, ignored, 4).backward()
    taught = maps.grad[0, 0] > 0
    expected = torch.ones(16, 16, dtype=torch.bool)
    expected[3:10, 1:8] = False
    assert torch.equal(taught, expected)


def test_a_person_in_a_place_that_is_not_known_is_asked_for_all_the_same():
    boxes = torch.tensor([[[17.5, 17.5, 49.5, 49.5]]])
    maps = torch.zeros(1, 5, 16, 16, requires_grad=True)
    finder_loss(maps, boxes, boxes, 4).backward()
    assert maps.grad[0, 0, 8, 8] < 0
    assert maps.grad[0, 0, 8, 9] == 0
    assert maps.grad[0, 0, 0, 0] > 0


def test_no_cell_is_inside_of_a_missing_box():
    assert not cells_inside(NOBODY, (4, 4), 4).any()


@pytest.mark.parametrize(
    ("one_in", "crops", "message"),
    [
        (1, 1, "all 6 photos are held out, by their names, to calibrate by; give more"),
        (10_000, 0, "there are no crops of people to paste; "),
    ],
)
def test_too_few_photos_or_crops_are_told_before_the_training(tmp_path, one_in, crops, message):
    boxes, joints = np.zeros((6, 4), np.float32), np.zeros((6, 17, 2), np.float32)
    names = np.array([f"{k}.jpg" for k in range(6)])
    photos = PhotoSet([np.zeros(1, np.uint8)] * 6, np.arange(6), boxes, joints, names)
    people = CropSet(
        np.zeros((crops, 8, 8, 3), np.uint8),
        np.zeros((crops, 16, 2), np.float32),
        np.full(crops, "lspet"),
        np.full(crops, "00001"),
    )
    recipe = FinderRecipe(held_out=one_in)
    with pytest.raises(BadInput) as error:
        train_finder(recipe, photos, people, photos, tmp_path, torch.device("cpu"))
    assert str(error.value).startswith(message)
    assert list(tmp_path.iterdir()) == []
