"""AP of poses, worked by hand."""

import numpy as np
import pytest

from lift3d.datasets.photos import PhotoSet
from lift3d.evaluation.average_precision import (
    assign,
    average_precision,
    limb_oks,
    pose_average_precision,
)
from lift3d.poses import Pose2D, get_skeleton

COCO = get_skeleton("coco17")


def photos(*heights: float) -> PhotoSet:
    """Return photos with one person each, joints on the diagonal of the box."""
    boxes = np.array([[0, 0, 60, height] for height in heights], np.float32)
    line = np.linspace(0.1, 0.9, 17)[None, :, None]
    joints = boxes[:, None, :2] + line * (boxes[:, None, 2:] - boxes[:, None, :2])
    numbers = np.arange(len(heights))
    return PhotoSet([np.zeros(0)] * len(heights), numbers, boxes, joints, numbers.astype(str))


def pose(data: PhotoSet, person: int, score: float, shift_px: float = 0.0) -> Pose2D:
    joints = data.coco17_px[person] + shift_px
    return Pose2D(joints, np.ones(17), COCO, data.box_xyxy_px[person] + shift_px, score)


def test_the_face_does_not_count_and_a_limb_that_was_not_found_is_wrong():
    data = photos(100)
    found = pose(data, 0, 1.0)
    joints = np.array(found.joints_px)
    joints[0] += 500
    joints[10] = np.nan
    lost = Pose2D(joints, np.where(np.arange(17) == 10, 0.0, 1.0), COCO, found.box_xyxy_px)
    assert limb_oks([found, lost], data, 0)[:, 0] == pytest.approx([1, 11 / 12])


def test_average_precision_of_all_none_and_half():
    assert average_precision(np.array([0.9, 0.8]), np.array([True, True]), 2) == 1
    assert average_precision(np.array([0.9]), np.array([False]), 2) == 0
    # recall stops at a half: 51 of the 101 points
    assert average_precision(np.array([0.9]), np.array([True]), 2) == pytest.approx(51 / 101)
    assert average_precision(np.zeros(0), np.zeros(0, bool), 2) == 0


def test_a_false_alarm_costs_by_its_score():
    data = photos(100, 100)
    right = [pose(data, 0, 0.9)], [pose(data, 1, 0.7)]
    assert pose_average_precision(right, data) == pytest.approx(1)
    false = pose(data, 0, 0.5, shift_px=300)
    assert pose_average_precision([[*right[0], false], right[1]], data) == pytest.approx(1)
    false = pose(data, 0, 0.8, shift_px=300)
    # precision 1 up to a recall of a half (51 points), 2 / 3 behind it
    expected = (51 + 50 * 2 / 3) / 101
    assert pose_average_precision([[*right[0], false], right[1]], data) == pytest.approx(expected)


def test_a_person_found_twice_is_one_false_alarm():
    data = photos(100, 100)
    found = [[pose(data, 0, 0.9), pose(data, 0, 0.8)], [pose(data, 1, 0.7)]]
    assert pose_average_precision(found, data) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_people_who_are_not_asked_for_are_no_error_either():
    data = photos(100, 60)
    both = [[pose(data, 0, 0.8)], [pose(data, 1, 0.9)]]
    assert pose_average_precision(both, data, tall_px=80) == pytest.approx(1)
    assert pose_average_precision([both[0], []], data, tall_px=80) == pytest.approx(1)
    assert pose_average_precision([both[0], []], data) == pytest.approx(51 / 101)
    data.coco17_px[1, 5:] = np.nan  # only the face is labelled: told by the box
    assert pose_average_precision(both, data) == pytest.approx(1)


def test_a_person_that_does_not_count_is_taken_last():
    counted = np.array([False, True])
    assert assign(np.array([[0.9, 0.6], [0.8, 0.7]]), counted, 0.5).tolist() == [1, 0]
    assert assign(np.array([[0.4, 0.4]]), counted, 0.5).tolist() == [-1]
