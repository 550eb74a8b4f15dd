"""Average precision of the poses in whole photos, by COCO's object keypoint similarity.

The protocol is COCO's (Lin et al., ECCV 2014; the keypoint challenge's evaluation): detections of
all photos by falling score, each takes the most similar person of its photo that is still free,
precision is made monotone and read at 101 recalls. Two things are done differently, because the
data differ. Only the twelve limb joints count (shoulders, elbows, wrists, hips, knees, ankles, with
COCO's sigmas), since a skeleton such as `mpii16` has no nose, eyes and ears. And the area by which
COCO scales the similarity, that of the person's segment, is taken as a part of the box's.
"""

from collections.abc import Sequence

import numpy as np

from ..datasets.photos import PhotoSet
from ..poses.boxes import box_iou
from ..poses.convert import convert_joints
from ..poses.pose import Pose2D
from .metrics_2d import COCO_SIGMAS, oks

LIMBS = np.arange(5, 17)  # of coco17
BOX_FILL = 0.53  # mean share of a person's box that COCO's segment fills
RECALLS = np.linspace(0, 1, 101)


def limb_oks(poses: Sequence[Pose2D], photos: PhotoSet, index: int) -> np.ndarray:
    """Return the similarity (found, labelled) of poses and the people of one photo.

    A joint that was not found counts as wrong. Of people without a labelled limb joint, who are
    not asked for, it is the IoU of the boxes, so that finding one is no error.
    """
    rows = photos.people(index)
    joints = photos.coco17_px[rows][:, LIMBS]
    boxes = photos.box_xyxy_px[rows]
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1) * BOX_FILL, 1.0)
    sigmas = np.array(COCO_SIGMAS)[LIMBS]
    values = np.zeros((len(poses), len(rows)))
    for k, pose in enumerate(poses):
        found = convert_joints(pose.joints_px, pose.confidence, pose.skeleton, "coco17").joints
        values[k] = oks(np.broadcast_to(found[LIMBS], joints.shape), joints, area, sigmas)
        if pose.box_xyxy_px is not None:
            overlap = box_iou(pose.box_xyxy_px[None], boxes)[0]
            values[k] = np.where(np.isnan(values[k]), overlap, values[k])
    return np.nan_to_num(values)


def pose_average_precision(
    found: Sequence[Sequence[Pose2D]], photos: PhotoSet, least: float = 0.5, tall_px: float = 0.0
) -> float:
    """Return the AP at one similarity, 0 to 1.

    People whom COCO does not label, tiny ones and crowds, count as false alarms.

    Args:
        found: the poses of each photo, with scores; those that the detector leaves out
            because of its threshold are not in the curve.
        photos: with all labelled people.
        least: similarity from which a person is found (0.5: AP@0.5).
        tall_px: people whose box is not taller are neither asked for nor an error.
    """
    score, right, asked = [], [], 0
    for index, poses in enumerate(found):
        rows = photos.people(index)
        boxes = photos.box_xyxy_px[rows]
        best_first = sorted(poses, key=lambda pose: -pose.score)
        similarity = limb_oks(best_first, photos, index)
        labelled = ~np.isnan(photos.coco17_px[rows][:, LIMBS]).any(-1).all(1)
        counted = labelled & (boxes[:, 3] - boxes[:, 1] > tall_px)
        asked += int(counted.sum())
        taken = assign(similarity, counted, least)
        for pose, column in zip(best_first, taken, strict=True):
            small = column < 0 and pose_height_px(pose) <= tall_px
            if not small and (column < 0 or counted[column]):
                score.append(pose.score)
                right.append(column >= 0)
    return average_precision(np.array(score), np.array(right, bool), asked)


def assign(similarity: np.ndarray, counted: np.ndarray, least: float) -> np.ndarray:
    """Return for each detection, best first, the person it takes, -1 for none.

    A person is taken once; one that does not count is taken only where none that counts is left.

    Args:
        similarity: (D, L).
        counted: bool (L,).
        least: similarity that is needed.
    """
    free = np.ones(similarity.shape[1], bool)
    taken = np.full(len(similarity), -1)
    for row, values in enumerate(similarity):
        fits = free & (values >= least)
        for group in (fits & counted, fits & ~counted):
            if taken[row] < 0 and group.any():
                taken[row] = int(np.where(group, values, -1.0).argmax())
        if taken[row] >= 0:
            free[taken[row]] = False
    return taken


def average_precision(score: np.ndarray, right: np.ndarray, asked: int) -> float:
    """Return the area under the curve of precision and recall, read at 101 recalls.

    Args:
        score: (D,) of the detections.
        right: bool (D,).
        asked: number of people to be found.

    >>> average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 2).__round__(3)
    0.835
    """
    if not asked or not len(score):
        return 0.0
    hits = np.cumsum(right[np.argsort(-score, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(hits / asked, RECALLS - 1e-9)
    return float(np.append(precision, 0.0)[np.minimum(at, len(hits))].mean())


def pose_height_px(pose: Pose2D) -> float:
    """Return the height of a pose's box, or of its joints where it has none."""
    if pose.box_xyxy_px is not None:
        return float(pose.box_xyxy_px[3] - pose.box_xyxy_px[1])
    y = pose.joints_px[np.isfinite(pose.joints_px).all(1), 1]
    return float(np.ptp(y)) if len(y) else 0.0
