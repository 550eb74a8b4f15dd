"""Which detection is which person: similarity of boxes and joints, solved as one assignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..poses.boxes import box_iou
from ..poses.pose import Pose2D
from .tracking_person import FULL_TRUST, TrackedPerson, size_of

Array = NDArray[np.floating]

JOINT_SHARE = 0.5  # of the joints in the similarity, the rest is the boxes'
JOINT_SPREAD = 0.08  # a joint's tolerance, as a part of the person's size
LIMB_SPEED = 0.5  # how fast the tolerance grows with the time since the last frame, sizes a second
LIMB_LIMIT = 0.25  # and how far
SHARPNESS = 0.25  # how much a narrow prediction is preferred
SIZE_SPREAD = 0.3  # standard deviation of the logarithm of a person's size
PLACE_SPREAD = 2.0  # people start and stop
SAME_MOTION = 16.0
LEAST_SIMILARITY = 0.5


def match(
    tracked: Sequence[TrackedPerson], poses: Sequence[Pose2D], boxes_px: Array
) -> list[tuple[int, int]]:
    """Return the pairs (index of person, index of pose) that belong together.

    The assignment with the largest summed similarity (Kuhn 1955), without the pairs that are not
    alike.

    Args:
        tracked: the people, predicted to the poses' time.
        poses: D poses found in one frame.
        boxes_px: (D, 4) their boxes.
    """
    from scipy.optimize import linear_sum_assignment

    if not tracked or not poses:
        return []
    values = similarity(tracked, poses, boxes_px)
    values = np.where(values >= LEAST_SIMILARITY, values, 0.0) * certainty(tracked)[:, None]
    values = values * place_likelihood(tracked, poses, boxes_px, values > 0)
    rows, columns = linear_sum_assignment(values, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if values[r, c] > 0]


def same_motion(person: TrackedPerson, lost: Sequence[TrackedPerson]) -> TrackedPerson | None:
    """Return who of the lost people moves as this one does, and is where this one is, or None.

    The squared Mahalanobis distance of place and velocity, with the logarithm of the sizes beside
    them, must be at most `SAME_MOTION`.
    """
    best, least = None, SAME_MOTION
    for other in lost:
        gaps = np.stack([person.place_px - other.place_px, person.velocity - other.velocity])
        S = person.covariance + other.covariance
        distance = float(np.einsum("ad,ab,bd->", gaps, np.linalg.inv(S), gaps))
        distance += (np.log(person.size_px / other.size_px) / SIZE_SPREAD) ** 2
        if distance <= least:
            best, least = other, distance
    return best


def similarity(tracked: Sequence[TrackedPerson], poses: Sequence[Pose2D], boxes_px: Array) -> Array:
    """Return how well each pose fits each person (P, D), 0 to 1.

    The mean of object keypoint similarity and of the overlap of boxes. The longer a person was not
    seen, the wider the joints' tolerance and the larger the boxes: both are widened by the
    prediction's standard deviation (for boxes: Yang et al., "Hard to track objects with irregular
    motions and similar appearances?", WACV 2023).
    """
    spread = np.sqrt([person.variance_px2 for person in tracked])
    joints, trust = joint_similarity(tracked, poses, spread)
    grow = spread[:, None] * [-1, -1, 1, 1]
    predicted = np.stack([person.box_xyxy_px for person in tracked])
    overlap = np.stack(
        [box_iou((box + g)[None], boxes_px + g)[0] for box, g in zip(predicted, grow, strict=True)]
    )
    share = JOINT_SHARE * np.minimum(1.0, trust / FULL_TRUST)
    size = np.array([person.size_px for person in tracked])
    ratio = np.log([size_of(box) for box in boxes_px]) - np.log(size)[:, None]
    return (share * joints + (1 - share) * overlap) * np.exp(-((ratio / SIZE_SPREAD) ** 2) / 2)


def certainty(tracked: Sequence[TrackedPerson]) -> Array:
    """Return how narrow each prediction (P,) is, 1 for someone seen in the frame before.

    Without it a person whose place is uncertain would fit whatever is found near by better than
    the one who is there.
    """
    width = np.sqrt(_variance(tracked, np.sqrt([person.variance_px2 for person in tracked])))
    return (JOINT_SPREAD * np.array([person.size_px for person in tracked]) / width) ** SHARPNESS


def place_likelihood(
    tracked: Sequence[TrackedPerson],
    poses: Sequence[Pose2D],
    boxes_px: Array,
    asked: NDArray[np.bool_],
) -> Array:
    """Return how likely each body (P, D) moved there, 0 to 1: exp(-d^2 / 2) of the filter.

    d is the distance of body and prediction in standard deviations, over `PLACE_SPREAD`. Computed
    for the pairs that are `asked` (P, D) for, 0 elsewhere.
    """
    values = np.zeros((len(tracked), len(poses)))
    for row, column in zip(*np.nonzero(asked), strict=True):
        gap_px, variance = tracked[row].innovation(poses[column], boxes_px[column])
        variance = (variance + tracked[row].variance_px2) * PLACE_SPREAD**2
        values[row, column] = np.exp(-(gap_px @ gap_px) / (2 * variance))
    return values


def joint_similarity(
    tracked: Sequence[TrackedPerson], poses: Sequence[Pose2D], spread_px: Array
) -> tuple[Array, Array]:
    """Return the object keypoint similarity (P, D) and the confidence (P, D) it rests on.

    COCO's mean of exp(-d^2 / (2 s^2)) over the joints that both have, weighted by confidence; s is
    the joint's tolerance and the prediction's spread `spread_px` (P,) together.
    """
    variance = _variance(tracked, spread_px)
    predicted = np.stack([person.joints_px for person in tracked])  # (P, J, 2)
    found = np.stack([pose.joints_px for pose in poses]).astype(float)  # (D, J, 2)
    trust = np.stack([person.trust for person in tracked])
    weight = trust[:, None] * np.stack([pose.confidence for pose in poses])  # (P, D, J)
    gaps = np.where(weight[..., None] > 0, predicted[:, None] - found, 0.0)
    near = np.exp(-(gaps**2).sum(-1) / (2 * variance[:, None, None]))
    total = weight.sum(-1)
    return (weight * near).sum(-1) / np.maximum(total, 1e-9), total


def _variance(tracked: Sequence[TrackedPerson], spread_px: Array) -> Array:
    """Return the squared tolerance (P,) of the joints of each person, px^2."""
    size = np.array([person.size_px for person in tracked])
    unseen_s = np.array([person.time_s - person.seen_s for person in tracked])
    tolerance = JOINT_SPREAD + np.minimum(LIMB_SPEED * unseen_s, LIMB_LIMIT)
    return (tolerance * size) ** 2 + spread_px**2
