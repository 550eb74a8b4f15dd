"""How well people are found in whole photos: recall and precision."""

from collections.abc import Sequence

import numpy as np
import torch

from ..datasets.photos import PhotoSet
from ..detectors.people import find_people
from ..models.hourglass import StackedHourglass
from ..pipelines.parts import Detector
from ..poses.boxes import box_iou
from ..poses.convert import convert_joints
from ..poses.pose import Pose2D
from .metrics_2d import oks

TALL_PX = 80.0
LEAST_JOINTS = 8
BOX_FILL = 0.53  # COCO scales OKS by the segment's area; of a person's box it is about half


def finder_scores(
    net: StackedHourglass,
    photos: PhotoSet,
    size: int,
    device: torch.device,
    thresholds: Sequence[float] = (0.3, 0.4, 0.5),
) -> dict[str, float]:
    """Return recall and precision of a finder's boxes alone, at some thresholds of the score."""
    found = [
        find_people(net, photos.load(i), device, size, min(thresholds)) for i in range(len(photos))
    ]
    scores = {}
    for threshold in thresholds:
        boxes = [people.box_xyxy_px[people.score >= threshold] for people in found]
        recall, precision = recall_precision(
            photos, [box_iou(b, photos.box_xyxy_px[photos.people(i)]) for i, b in enumerate(boxes)]
        )
        scores[f"recall@{threshold}"], scores[f"precision@{threshold}"] = recall, precision
    return scores


def detector_scores(detector: Detector, photos: PhotoSet) -> dict[str, float]:
    """Return the recall and the precision of a whole detector, by the larger of OKS and box IoU.

    The people are taken as the detector gives them, at its own threshold.
    """
    found = [
        pose_similarity(detector.detect([photos.load(i)])[0], photos, i) for i in range(len(photos))
    ]
    recall, precision = recall_precision(photos, found)
    return {"recall": recall, "precision": precision}


def pose_similarity(poses: list[Pose2D], photos: PhotoSet, index: int) -> np.ndarray:
    """Return the larger of OKS and box IoU (found, labelled) in one photo."""
    rows = photos.people(index)
    boxes, joints = photos.box_xyxy_px[rows], photos.coco17_px[rows]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1) * BOX_FILL
    values = np.zeros((len(poses), len(rows)))
    for k, pose in enumerate(poses):
        found = convert_joints(pose.joints_px, pose.confidence, pose.skeleton, "coco17").joints
        shown = ~np.isnan(found).any(-1)
        repeated = np.broadcast_to(found, joints.shape)
        similar = oks(repeated, joints, area, mask=np.broadcast_to(shown, joints.shape[:2]))
        values[k] = np.nan_to_num(similar)
        if pose.box_xyxy_px is not None:
            values[k] = np.maximum(values[k], box_iou(pose.box_xyxy_px[None], boxes)[0])
    return values


def recall_precision(
    photos: PhotoSet, similarity: Sequence[np.ndarray], least: float = 0.5
) -> tuple[float, float]:
    """Return the recall over tall, well labelled people and the mean precision over photos.

    Args:
        photos: with all labelled people.
        similarity: for each photo (found, labelled), IoU of boxes or OKS or the larger of both.
        least: a person is found if the best similarity reaches it.

    Returns:
        recall: share of the people taller than 80 px with at least 8 labelled joints that are
            found; precision: share of the detections that are some labelled person, no two the
            same one, averaged over the photos with detections.
    """
    hits, people, precisions = 0, 0, []
    for index, values in enumerate(similarity):
        rows = photos.people(index)
        boxes, joints = photos.box_xyxy_px[rows], photos.coco17_px[rows]
        counted = (boxes[:, 3] - boxes[:, 1] > TALL_PX) & (
            (~np.isnan(joints).any(-1)).sum(1) >= LEAST_JOINTS
        )
        people += int(counted.sum())
        if len(values):
            hits += int((values[:, counted].max(0) >= least).sum())
            precisions.append(len(match_greedily(values, least)) / len(values))
    return hits / max(1, people), float(np.mean(precisions)) if precisions else 0.0


def match_greedily(similarity: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Pair rows (best detection first) with columns, each used once, similarity >= `least`."""
    pairs: list[tuple[int, int]] = []
    free = np.ones(similarity.shape[1], bool)
    for row, values in enumerate(similarity):
        if free.any():
            column = int(np.where(free, values, -1.0).argmax())
            if values[column] >= least:
                pairs.append((row, column))
                free[column] = False
    return pairs
