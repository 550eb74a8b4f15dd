"""Recall and precision of people in photos, worked by hand."""

import numpy as np
import pytest

from lift3d.datasets.photos import PhotoSet
from lift3d.evaluation.people import match_greedily, pose_similarity, recall_precision
from lift3d.poses import Pose2D, get_skeleton

MPII = get_skeleton("mpii16")
COCO = get_skeleton("coco17")


def photos(*heights: float) -> PhotoSet:
    """Return one photo a person, fully labelled, joints on a diagonal of the box."""
    boxes = np.array([[0, 0, 60, height] for height in heights], np.float32)
    line = np.linspace(0.1, 0.9, 17)[None, :, None]
    joints = boxes[:, None, :2] + line * (boxes[:, None, 2:] - boxes[:, None, :2])
    return PhotoSet([np.zeros(0)] * len(heights), np.arange(len(heights)), boxes, joints)


def test_small_people_do_not_count_for_recall_but_for_precision():
    found = [np.array([[0.9]]), np.array([[0.9]]), np.array([[0.2]])]
    recall, precision = recall_precision(photos(100, 60, 200), found)
    assert recall == 0.5  # 100 px found, 200 px missed; 60 px is small
    assert precision == pytest.approx(2 / 3)


def test_a_person_found_twice_is_one_hit_and_one_false_alarm():
    recall, precision = recall_precision(photos(100), [np.array([[0.9], [0.8]])])
    assert (recall, precision) == (1.0, 0.5)


def test_photos_without_detections_do_not_count_for_precision():
    found = [np.zeros((0, 1)), np.array([[0.7]])]
    assert recall_precision(photos(100, 100), found) == (0.5, 1.0)


def test_people_with_few_labels_do_not_count_for_recall():
    data = photos(100, 100)
    data.coco17_px[1, 7:] = np.nan
    assert recall_precision(data, [np.array([[0.9]]), np.zeros((0, 1))])[0] == 1.0


def test_matching_gives_the_best_detection_its_best_person():
    similarity = np.array([[0.6, 0.9], [0.7, 0.8], [0.9, 0.9]])
    assert match_greedily(similarity, 0.5) == [(0, 1), (1, 0)]


def test_a_pose_on_its_joints_is_similar_by_oks_though_its_box_is_not():
    data = photos(100)
    joints = np.full((16, 2), 500.0)
    for row, name in enumerate(MPII.joints):
        if name in COCO.joints:
            joints[row] = data.coco17_px[0, COCO.index(name)]
    pose = Pose2D(joints, np.ones(16), MPII, np.array([400.0, 400, 500, 500]))
    assert pose_similarity([pose], data, 0)[0, 0] == pytest.approx(1)
    moved = Pose2D(joints + 300, np.ones(16), MPII, np.array([0.0, 0, 60, 100]))
    assert pose_similarity([moved], data, 0)[0, 0] == pytest.approx(1)  # by its box
