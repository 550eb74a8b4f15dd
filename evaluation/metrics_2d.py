"""Scores of 2D poses.

In all of them `predicted_px` and `true_px` are (N, J, 2) pixels. A joint that is NaN in `true_px`
or False in `mask` ((N, J) or (J,)) is left out; one that counts but is NaN in `predicted_px` is
wrong.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..poses.checks import float_array
from ..poses.errors import BadInput
from ..poses.skeleton import Skeleton, get_skeleton
from .pairs import joint_pairs, mean_of_counted

_NECKS = ("upper_neck", "neck", "neck_nose", "thorax")

# nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; published with COCO's code.
COCO_SIGMAS: tuple[float, ...] = (
    *(0.026, 0.025, 0.025, 0.035, 0.035),
    *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
"""How far annotators of COCO differ on each joint of `coco17`, in units of sqrt(area)."""


def torso_length_px(joints_px: ArrayLike, skeleton: str | Skeleton) -> np.ndarray:
    """Return the torso lengths (N,) of poses (N, J, 2), pixels.

    The mean of the diagonals left shoulder - right hip (the measure of LSP) and right shoulder -
    left hip, over those that are labelled; NaN where none is.

    >>> joints_px = np.zeros((1, 14, 2))
    >>> joints_px[0, 9] = [3, 4]                               # left shoulder: diagonals 5 and 0
    >>> torso_length_px(joints_px, "lsp14")
    array([2.5])
    """
    joints, skeleton = _poses(joints_px, skeleton)
    diagonals = [("left_shoulder", "right_hip"), ("right_shoulder", "left_hip")]
    lengths = np.stack([_distance(joints, skeleton, *diagonal) for diagonal in diagonals])
    return mean_of_counted(lengths, np.isfinite(lengths), axis=0)


def head_length_px(joints_px: ArrayLike, skeleton: str | Skeleton) -> np.ndarray:
    """Return the head lengths (N,) of poses (N, J, 2), pixels: head top to neck.

    The neck is MPII's upper neck, else the neck of LSP, else h36m17's neck_nose, else the thorax.
    MPII's own tables use 0.6 of the diagonal of a labelled head box instead; pass that to `pckh`
    where the boxes are at hand.

    Raises BadInput where the skeleton has no head top.

    >>> joints_px = np.zeros((1, 16, 2))
    >>> joints_px[0, 9] = [3, 4]
    >>> head_length_px(joints_px, "mpii16")
    array([5.])
    """
    joints, skeleton = _poses(joints_px, skeleton)
    neck = next((name for name in _NECKS if name in skeleton.joints), "upper_neck")
    return _distance(joints, skeleton, "head_top", neck)


def pck_torso(
    predicted_px: ArrayLike,
    true_px: ArrayLike,
    torso_px: ArrayLike,
    threshold: float = 0.2,
    mask: ArrayLike | None = None,
) -> float:
    """Return the fraction of joints at most `threshold` torso lengths off, 0 to 1.

    PCK@0.2 of Yang and Ramanan 2013 as used for LSP. `torso_px` (N,) are the lengths, see
    `torso_length_px`; a pose whose length is NaN or 0 does not count. NaN where nothing counts.

    >>> true_px = np.zeros((1, 2, 2))
    >>> pck_torso([[[0.0, 20], [0, 21]]], true_px, [100.0])
    0.5
    """
    return _pck(predicted_px, true_px, "torso_px", torso_px, threshold, mask)


def pckh(
    predicted_px: ArrayLike,
    true_px: ArrayLike,
    head_px: ArrayLike,
    threshold: float = 0.5,
    mask: ArrayLike | None = None,
) -> float:
    """Return the fraction of joints at most `threshold` head lengths off, 0 to 1.

    PCKh@0.5 of Andriluka et al. 2014. `head_px` (N,) are the lengths, see `head_length_px`; a pose
    whose length is NaN or 0 does not count. NaN where nothing counts.

    >>> true_px = np.zeros((1, 2, 2))
    >>> pckh([[[0.0, 15], [0, 16]]], true_px, [30.0])
    0.5
    """
    return _pck(predicted_px, true_px, "head_px", head_px, threshold, mask)


def oks(
    predicted_px: ArrayLike,
    true_px: ArrayLike,
    area_px2: ArrayLike,
    sigmas: ArrayLike = COCO_SIGMAS,
    mask: ArrayLike | None = None,
) -> np.ndarray:
    """Return the object keypoint similarity (N,) of each pose, 0 to 1.

    COCO's mean over labelled joints of exp(-d^2 / (2 area (2 sigma)^2)), d the error in pixels,
    `area_px2` (N,) the area of the person's segment, `sigmas` (J,) for `coco17` by default. NaN
    where no joint counts.

    Raises BadInput where shapes differ or areas or sigmas are not positive.

    >>> true_px = np.zeros((1, 17, 2))
    >>> true_px[0, 1:] = np.nan
    >>> predicted_px = np.zeros((1, 17, 2))
    >>> predicted_px[0, 0, 0] = 5.2                            # nose: (2 * 0.026) * sqrt(10000)
    >>> oks(predicted_px, true_px, [10000.0]).round(4)         # exp(-1 / 2)
    array([0.6065])
    """
    p, t, counts = _counted_poses(predicted_px, true_px, mask)
    area = _per_pose("area_px2", area_px2, len(p))
    spread = float_array("sigmas", sigmas)
    if spread.shape != (p.shape[1],):
        raise BadInput(
            f"sigmas must have shape ({p.shape[1]},), got {spread.shape}; "
            "the default is for the joints of coco17"
        )
    if not (spread > 0).all() or not (area > 0).all():
        raise BadInput("area_px2 and sigmas must be positive; leave persons without area out")
    squared = np.sum((p - t) ** 2, axis=-1)
    similarity = np.exp(-squared / (2 * area[:, None] * (2 * spread) ** 2))
    return mean_of_counted(np.nan_to_num(similarity, nan=0.0), counts, axis=-1)


def _pck(
    predicted_px: ArrayLike,
    true_px: ArrayLike,
    name: str,
    reference_px: ArrayLike,
    threshold: float,
    mask: ArrayLike | None,
) -> float:
    p, t, counts = _counted_poses(predicted_px, true_px, mask)
    reference = _per_pose(name, reference_px, len(p))
    usable = np.isfinite(reference) & (reference > 0)
    correct = np.linalg.norm(p - t, axis=-1) <= threshold * reference[:, None]
    return float(mean_of_counted(correct, counts & usable[:, None], axis=None))


def _counted_poses(
    predicted_px: ArrayLike, true_px: ArrayLike, mask: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p, t, counts = joint_pairs(predicted_px, true_px, mask, D=2)
    if p.ndim != 3:
        raise BadInput(
            f"predicted and true must have shape (N, J, 2), got {p.shape}; "
            "put one pose into a batch: pose[None]"
        )
    return p, t, counts


def _per_pose(name: str, value: ArrayLike, N: int) -> np.ndarray:
    array = float_array(name, value)
    if array.shape != (N,):
        raise BadInput(f"{name} must have shape ({N},), got {array.shape}; give one value a pose")
    return array


def _poses(joints_px: ArrayLike, skeleton: str | Skeleton) -> tuple[np.ndarray, Skeleton]:
    skeleton = get_skeleton(skeleton)
    joints = float_array("joints_px", joints_px)
    if joints.ndim != 3 or joints.shape[1:] != (skeleton.n_joints, 2):
        raise BadInput(
            f"joints_px must have shape (N, {skeleton.n_joints}, 2) for skeleton "
            f"{skeleton.name!r}, got {joints.shape}; pass the skeleton that the joints have"
        )
    return joints, skeleton


def _distance(joints: np.ndarray, skeleton: Skeleton, a: str, b: str) -> np.ndarray:
    difference = joints[:, skeleton.index(a)] - joints[:, skeleton.index(b)]
    return np.linalg.norm(difference, axis=-1)
