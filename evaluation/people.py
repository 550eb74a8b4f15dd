"""How well people are found in whole photos: recall and precision, by threshold and by group.

Only labelled people can be told from false alarms: COCO's labels leave out tiny people and those in
crowds, so that some of what counts as a false alarm here is somebody. `precision_tall` leaves
out detections that are not taller than 80 pixels, where most of these are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..datasets.photos import PhotoSet
from ..detectors.people import find_people
from ..models.heatmap_net import HeatmapNet
from ..pipelines.parts import Detector
from ..poses.boxes import box_iou
from ..poses.convert import convert_joints
from ..poses.pose import Pose2D
from ..poses.skeleton import get_skeleton
from .average_precision import BOX_FILL, pose_average_precision, pose_height_px
from .metrics_2d import oks

TALL_PX = 80.0
LARGE_PX = 160.0
LEAST_JOINTS = 8
CROWD = 4
BORDER_PX = 2.0
LEAST_SIMILARITY = 0.5  # from which a person is found
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))


@dataclass(frozen=True)
class PhotoResult:
    """What was found in one photo, best first.

    Attributes:
        similarity: (D, L) of detections and labelled people, IoU of boxes or the larger of IoU
            and OKS.
        score: (D,) of the detections.
        height_px: (D,) of their boxes.
        size_px: (width, height) of the photo.
    """

    similarity: np.ndarray
    score: np.ndarray
    height_px: np.ndarray
    size_px: tuple[int, int]

    def above(self, threshold: float) -> "PhotoResult":
        """Return what scores at least so much."""
        kept = self.score >= threshold
        return PhotoResult(
            self.similarity[kept], self.score[kept], self.height_px[kept], self.size_px
        )


def search_photos(
    net: HeatmapNet, photos: PhotoSet, size: int, device: torch.device, threshold: float = 0.03
) -> list[PhotoResult]:
    """Return what a finder finds in each photo, by the IoU of boxes alone."""
    results = []
    for index in range(len(photos)):
        image = photos.load(index)
        found = find_people(net, image, device, size, threshold)
        boxes = found.box_xyxy_px
        overlap = box_iou(boxes, photos.box_xyxy_px[photos.people(index)])
        height = boxes[:, 3] - boxes[:, 1]
        results.append(PhotoResult(overlap, found.score, height, image.shape[1::-1]))
    return results


def detector_scores(detector: Detector, photos: PhotoSet) -> dict[str, float]:
    """Return recall and precision of a whole detector, its recall by group, and its AP@0.5.

    The people are taken as the detector gives them, at its own threshold, and compared by the
    larger of OKS and box IoU; the AP (see `average_precision.py`) is by OKS alone, of all people
    with a labelled limb joint and of those taller than 80 px.
    """
    results, found = detect_people(detector, photos)
    return {
        **recall_precision(photos, results),
        **recall_by_group(photos, results),
        "ap50": pose_average_precision(found, photos),
        "ap50_tall": pose_average_precision(found, photos, tall_px=TALL_PX),
    }


def detect_people(
    detector: Detector, photos: PhotoSet
) -> tuple[list[PhotoResult], list[list[Pose2D]]]:
    """Return what a whole detector finds in each photo, as results and as poses, best first."""
    results, found = [], []
    for index in range(len(photos)):
        image = photos.load(index)
        poses = sorted(detector.detect([image])[0], key=lambda pose: -pose.score)
        found.append(poses)
        results.append(pose_result(poses, photos, index, image.shape[1::-1]))
    return results, found


def pose_result(
    poses: list[Pose2D], photos: PhotoSet, index: int, size_px: tuple[int, int]
) -> PhotoResult:
    """Return the poses of one photo, best first, as a result."""
    height = np.array([pose_height_px(pose) for pose in poses], float)
    score = np.array([pose.score for pose in poses], float)
    return PhotoResult(pose_similarity(poses, photos, index), score, height, size_px)


def pose_similarity(poses: list[Pose2D], photos: PhotoSet, index: int) -> np.ndarray:
    """Return the larger of OKS and box IoU (found, labelled) in one photo."""
    rows = photos.people(index)
    boxes, joints = photos.box_xyxy_px[rows], photos.coco17_px[rows]
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1.0) * BOX_FILL
    values = np.zeros((len(poses), len(rows)))
    for k, pose in enumerate(poses):
        found = convert_joints(pose.joints_px, pose.confidence, pose.skeleton, "coco17")
        # a joint that was not found counts as wrong, one that the skeleton lacks not at all
        known = np.array([name not in found.missing for name in get_skeleton("coco17").joints])
        repeated = np.broadcast_to(found.joints, joints.shape)
        similar = oks(repeated, joints, area, mask=np.broadcast_to(known, joints.shape[:2]))
        values[k] = np.nan_to_num(similar)
        if pose.box_xyxy_px is not None:
            values[k] = np.maximum(values[k], box_iou(pose.box_xyxy_px[None], boxes)[0])
    return values


def recall_precision(photos: PhotoSet, results: Sequence[PhotoResult]) -> dict[str, float]:
    """Return the recall over tall, well labelled people and the mean precision over photos.

    Returns:
        recall: share of the people taller than 80 px with at least 8 labelled joints that are
            found; precision: share of the detections that are some labelled person, no two the
            same one, averaged over the photos with detections; precision_tall: the same of the
            detections taller than 80 px or of people who are, others than these are left out.
    """
    every, tall = [], []
    for index, result in enumerate(results):
        boxes = photos.box_xyxy_px[photos.people(index)]
        right = np.full(len(result.score), -1)
        for row, column in match_greedily(result.similarity):
            right[row] = column
        if len(right):
            every.append((right >= 0).mean())
        size = np.append(boxes[:, 3] - boxes[:, 1], 0)[right]
        size = np.where(right >= 0, size, result.height_px)
        if (size > TALL_PX).any():
            tall.append((right >= 0)[size > TALL_PX].mean())
    return {
        "recall": _share_found(photos, results, counted_people(photos)),
        "precision": float(np.mean(every)) if every else 0.0,
        "precision_tall": float(np.mean(tall)) if tall else 0.0,
    }


def recall_by_group(photos: PhotoSet, results: Sequence[PhotoResult]) -> dict[str, float]:
    """Return the recall among those counted people who are small, medium, large, in crowds, cut.

    Small: 80 to 120 px tall, medium: up to 160 px; crowd: of photos with four labelled people or
    more; cut: the box touches the photo's border; apart: all others than these two. A group
    without people is left out.
    """
    counted = counted_people(photos)
    height = photos.box_xyxy_px[:, 3] - photos.box_xyxy_px[:, 1]
    crowd = np.bincount(photos.person_photo, minlength=len(photos))[photos.person_photo] >= CROWD
    size = np.array([result.size_px for result in results])[photos.person_photo]
    box = photos.box_xyxy_px
    cut = (box[:, :2] < BORDER_PX).any(1) | (box[:, 2:] > size - 1 - BORDER_PX).any(1)
    groups = {
        "small": height <= 1.5 * TALL_PX,
        "medium": (height > 1.5 * TALL_PX) & (height <= LARGE_PX),
        "large": height > LARGE_PX,
        "crowd": crowd,
        "cut": cut,
        "apart": ~crowd & ~cut,
    }
    return {
        f"recall_{name}": _share_found(photos, results, counted & group)
        for name, group in groups.items()
        if (counted & group).any()
    }


def counted_people(photos: PhotoSet) -> np.ndarray:
    """Return who counts for the recall (M,): taller than 80 px, at least 8 labelled joints."""
    height = photos.box_xyxy_px[:, 3] - photos.box_xyxy_px[:, 1]
    labelled = (~np.isnan(photos.coco17_px).any(-1)).sum(1)
    return (height > TALL_PX) & (labelled >= LEAST_JOINTS)


def _share_found(photos: PhotoSet, results: Sequence[PhotoResult], counted: np.ndarray) -> float:
    """Return the share of some people (M,) to whom some detection is similar enough."""
    hits = 0
    for index, result in enumerate(results):
        rows = photos.people(index)
        if len(result.score):
            best = result.similarity.max(0)
            hits += int((best[counted[rows]] >= LEAST_SIMILARITY).sum())
    return hits / max(1, int(counted.sum()))


def score_curve(
    photos: PhotoSet,
    results: Sequence[PhotoResult],
    thresholds: Sequence[float] = THRESHOLDS,
) -> dict[float, dict[str, float]]:
    """Return what `recall_precision` does, for each of some thresholds of the score."""
    return {
        threshold: recall_precision(photos, [result.above(threshold) for result in results])
        for threshold in thresholds
    }


def choose_threshold(curve: dict[float, dict[str, float]], precision: float = 0.85) -> float:
    """Return the lowest threshold of a curve with such a precision; without one, the best's.

    >>> choose_threshold({0.2: {"precision": 0.8}, 0.3: {"precision": 0.9}})
    0.3
    """
    good = [threshold for threshold, at in curve.items() if at["precision"] >= precision]
    return min(good) if good else max(curve, key=lambda threshold: curve[threshold]["precision"])


def match_greedily(
    similarity: np.ndarray, least: float = LEAST_SIMILARITY
) -> list[tuple[int, int]]:
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
