"""Recall and precision of people in photos, worked by hand."""

from dataclasses import fields

import cv2
import numpy as np
import pytest

from lift3d.datasets.photos import PhotoSet
from lift3d.evaluation.people import (
    PhotoResult,
    choose_threshold,
    detector_scores,
    match_greedily,
    pose_similarity,
    recall_by_group,
    recall_precision,
    score_curve,
)
from lift3d.poses import Pose2D, get_skeleton

MPII = get_skeleton("mpii16")
COCO = get_skeleton("coco17")


def photos(*heights: float) -> PhotoSet:
    """Return one photo a person, fully labelled, joints on a diagonal of the box."""
    boxes = np.array([[0, 0, 60, height] for height in heights], np.float32)
    line = np.linspace(0.1, 0.9, 17)[None, :, None]
    joints = boxes[:, None, :2] + line * (boxes[:, None, 2:] - boxes[:, None, :2])
    numbers = np.arange(len(heights))
    return PhotoSet([np.zeros(0)] * len(heights), numbers, boxes, joints, numbers.astype(str))


def results(*similarity: list[list[float]], height_px: float = 100.0) -> list[PhotoResult]:
    """Return what was found in each photo, the scores falling from 0.9 by 0.1."""
    found = []
    for rows in similarity:
        values = np.array(rows, float).reshape(len(rows), -1) if rows else np.zeros((0, 1))
        score = 0.9 - 0.1 * np.arange(len(rows))
        found.append(PhotoResult(values, score, np.full(len(rows), height_px), (200, 300)))
    return found


def test_small_people_do_not_count_for_recall_but_for_precision():
    scores = recall_precision(photos(100, 60, 200), results([[0.9]], [[0.9]], [[0.2]]))
    assert scores["recall"] == 0.5  # 100 px found, 200 px missed; 60 px is small
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["precision_tall"] == 0.5  # the one at the small person is left out


def test_small_false_alarms_are_left_out_of_the_precision_of_tall_ones():
    found = [*results([[0.9], [0.1]]), *results([[0.1]], height_px=50.0)]
    scores = recall_precision(photos(100, 100), found)
    assert scores["precision"] == pytest.approx((0.5 + 0) / 2)
    assert scores["precision_tall"] == 0.5


def test_a_person_found_twice_is_one_hit_and_one_false_alarm():
    scores = recall_precision(photos(100), results([[0.9], [0.8]]))
    assert (scores["recall"], scores["precision"]) == (1.0, 0.5)


def test_photos_without_detections_do_not_count_for_precision():
    scores = recall_precision(photos(100, 100), results([], [[0.7]]))
    assert (scores["recall"], scores["precision"]) == (0.5, 1.0)


def test_people_with_few_labels_do_not_count_for_recall():
    data = photos(100, 100)
    data.coco17_px[1, 7:] = np.nan
    assert recall_precision(data, results([[0.9]], []))["recall"] == 1.0


def test_recall_by_size_and_at_the_border():
    data = photos(100, 130, 200, 250)
    data.box_xyxy_px[:3] += 20
    found = results([[0.9]], [[0.1]], [[0.9]], [[0.1]])
    assert recall_by_group(data, found) == {
        "recall_small": 1.0,
        "recall_medium": 0.0,
        "recall_large": 0.5,
        "recall_cut": 0.0,
        "recall_apart": pytest.approx(2 / 3),
    }


def test_four_people_are_a_crowd():
    data = photos(100, 100, 100, 100)
    data.person_photo[:] = 0
    data.box_xyxy_px[:] += 20
    one = PhotoResult(np.array([[0.9, 0, 0, 0]]), np.ones(1), np.ones(1), (200, 300))
    assert recall_by_group(data, [one])["recall_crowd"] == 0.25


def test_the_lowest_threshold_with_the_precision_is_chosen():
    data = photos(100, 100)
    curve = score_curve(data, results([[0.9], [0.1]], [[0.9]]), (0.1, 0.85, 0.95))
    assert [at["precision"] for at in curve.values()] == [0.75, 1.0, 0.0]
    assert [at["recall"] for at in curve.values()] == [1.0, 1.0, 0.0]
    assert choose_threshold(curve, 0.7) == 0.1
    assert choose_threshold(curve, 0.8) == 0.85
    assert choose_threshold(curve, 1.1) == 0.85  # none is as good: the best


class OnItsJoints:
    """Finds the first person of the first photo, and then nobody."""

    skeleton = COCO

    def __init__(self, data: PhotoSet) -> None:
        self.poses = [Pose2D(data.coco17_px[0], np.ones(17), COCO, data.box_xyxy_px[0])]

    def detect(self, images):
        found, self.poses = self.poses, []
        return [found]


def test_a_whole_detector_has_recall_precision_groups_and_ap():
    picture = cv2.imencode(".png", np.zeros((220, 100, 3), np.uint8))[1].ravel()
    data = photos(100, 100)
    data = PhotoSet([picture] * 2, *(getattr(data, f.name) for f in fields(data)[1:]))
    scores = detector_scores(OnItsJoints(data), data)
    assert (scores["recall"], scores["precision"]) == (0.5, 1.0)
    assert scores["recall_small"] == 0.5
    assert scores["ap50"] == scores["ap50_tall"] == pytest.approx(51 / 101)


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


def test_joints_that_a_pose_did_not_find_count_as_wrong():
    data = photos(100)
    joints = np.full((17, 2), np.nan)
    joints[COCO.index("right_wrist")] = data.coco17_px[0, COCO.index("right_wrist")]
    pose = Pose2D(joints, np.ones(17), COCO)
    assert pose_similarity([pose], data, 0)[0, 0] == pytest.approx(1 / 17)
