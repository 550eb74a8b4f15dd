"""Confidence maps: drawn, read from a detector's, and taken over between skeletons."""

import numpy as np
import pytest
import torch

from lift3d.lifting.joint_maps import drawn_maps, plan_maps, read_maps, same_area
from lift3d.poses import Skeleton, get_skeleton
from lift3d.poses.errors import BadInput

MPII, COCO = get_skeleton("mpii16"), get_skeleton("coco17")


def test_a_drawn_map_is_a_gaussian_as_high_as_the_confidence():
    maps = drawn_maps(torch.tensor([[[2.0, 1.0]]]), torch.tensor([[0.8]]), 4, spread=0.25)

    # standard deviation 1 px: e^(-1/2) beside the joint, e^-1 across
    near, across = 0.8 * np.exp(-0.5), 0.8 * np.exp(-1.0)
    wanted = [[across, near, across], [near, 0.8, near], [across, near, across]]
    torch.testing.assert_close(maps[0, 0, :3, 1:], torch.tensor(wanted, dtype=torch.float32))


def test_joints_not_found_have_empty_maps():
    joints = torch.tensor([[[torch.nan, 1.0], [1.0, 1.0]]])

    maps = drawn_maps(joints, torch.tensor([[0.9, 0.0]]), 4)

    assert (maps == 0).all()


def test_each_pose_may_have_a_spread_of_its_own():
    joints = torch.full((2, 1, 2), 8.0)

    maps = drawn_maps(joints, torch.ones(2, 1), 17, torch.tensor([0.02, 0.2]))

    assert maps[0, 0, 8, 12] < 0.01 < maps[1, 0, 8, 12]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_the_peak_of_a_map_that_is_read_is_the_confidence_whatever_its_scale(scale):
    given = scale * drawn_maps(torch.tensor([[[3.0, 5.0]]]), torch.ones(1, 1), 12, 0.1)

    read = read_maps(given, torch.tensor([[0.6]]), same_area(12, 12)[None], 12)

    assert read.amax() == pytest.approx(0.6, rel=1e-5)
    assert read[0, 0, 5, 3] == read.amax()


def test_a_map_over_a_part_of_the_picture_lands_there_and_is_zero_outside():
    given = torch.zeros(1, 1, 4, 4)
    given[0, 0, 1, 2] = 1.0
    # the map's cells are pixels 6 to 9 of a picture of 12
    to_cells = torch.tensor([[[1.0, 0.0, -6.0], [0.0, 1.0, -6.0]]])

    read = read_maps(given, torch.ones(1, 1), to_cells, 12)

    assert read.sum() == pytest.approx(1.0)
    assert read[0, 0, 7, 8] == pytest.approx(1.0)


def test_a_map_of_a_quarter_of_the_size_stays_where_it_was():
    # joint at pixel 13.5 of 48, which is the centre of cell 3
    given = drawn_maps(torch.tensor([[[3.0, 3.0]]]), torch.ones(1, 1), 12, 0.1)

    read = read_maps(given, torch.ones(1, 1), same_area(48, 12)[None], 48)[0, 0]

    places = torch.arange(48.0)
    assert (read.sum(0) * places).sum() / read.sum() == pytest.approx(13.5, abs=0.05)


def test_an_empty_map_stays_empty():
    read = read_maps(torch.zeros(1, 2, 6, 6), torch.ones(1, 2), same_area(6, 6)[None], 6)
    assert (read == 0).all()


def test_maps_are_taken_over_by_joint_name():
    plan = plan_maps(COCO, MPII).source
    names = {MPII.joints[k]: None if i < 0 else COCO.joints[i] for k, i in enumerate(plan)}

    assert names["left_wrist"] == "left_wrist"
    assert [name for name, own in names.items() if own is None] == [
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
    ]


def test_the_same_skeleton_takes_over_every_map():
    assert plan_maps(MPII, MPII).source == tuple(range(16))


def test_a_skeleton_of_something_else_is_refused():
    hand = Skeleton("hand3", ("palm", "thumb", "little"), (-1, 0, 0), ())

    with pytest.raises(BadInput) as failure:
        plan_maps(hand, MPII)

    assert str(failure.value) == (
        "heatmaps of skeleton 'hand3' share fewer than 4 joints with 'mpii16', which the network "
        "was trained with; use a detector of whole bodies"
    )
