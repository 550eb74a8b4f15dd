"""The percentage of correct parts, in the image or in space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..poses.errors import BadInput
from ..poses.skeleton import Skeleton, get_skeleton
from .pairs import joint_pairs, mean_of_counted

Parts = Mapping[str, Sequence[tuple[str, str]]]

KTH_PARTS: Parts = {
    "pelvis": [("right_hip", "left_hip")],
    "torso": [("right_shoulder", "right_hip"), ("left_shoulder", "left_hip")],
    "upper_arms": [("right_shoulder", "right_elbow"), ("left_shoulder", "left_elbow")],
    "lower_arms": [("right_elbow", "right_wrist"), ("left_elbow", "left_wrist")],
    "upper_legs": [("right_hip", "right_knee"), ("left_hip", "left_knee")],
    "lower_legs": [("right_knee", "right_ankle"), ("left_knee", "left_ankle")],
}
"""The parts of the tables for KTH Multiview Football II, as segments between named joints.

The papers do not say which segment their torso is; here it is both of its sides.
"""


def pcp(
    predicted: ArrayLike,
    true: ArrayLike,
    skeleton: str | Skeleton,
    parts: Parts = KTH_PARTS,
    alpha: float = 0.5,
    mask: ArrayLike | None = None,
) -> dict[str, float]:
    """Return the fraction of correct segments, 0 to 1, for every part.

    A segment is correct where its two ends are on average at most `alpha` of its true length off
    (Burenius et al. 2013). `predicted` and `true` are (..., J, D), pixels or millimetres, in one
    frame: nothing is aligned here. A segment counts where both true ends are finite and `mask`
    ((..., J) or (J,)) is True; one that was not predicted is wrong. NaN where none counts.

    Raises BadInput where shapes differ or the skeleton lacks a part's joint.

    >>> true = np.zeros((14, 3))
    >>> true[[8, 7, 6], 1] = [0, 300, 600]                     # right shoulder, elbow, wrist
    >>> predicted = true.copy()
    >>> predicted[6, 2] = 301                                  # (0 + 301) / 2 > 0.5 * 300
    >>> upper, lower = ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")
    >>> pcp(predicted, true, "kth14", {"upper": [upper], "lower": [lower]})
    {'upper': 1.0, 'lower': 0.0}
    """
    skeleton = get_skeleton(skeleton)
    p, t, counts = joint_pairs(predicted, true, mask)
    if p.shape[-2] != skeleton.n_joints:
        raise BadInput(
            f"predicted must have {skeleton.n_joints} joints for skeleton {skeleton.name!r}, "
            f"got {p.shape}; convert it first"
        )
    error = np.linalg.norm(p - t, axis=-1)
    result = {}
    for part, segments in parts.items():
        start, end = ([skeleton.index(segment[side]) for segment in segments] for side in (0, 1))
        length = np.linalg.norm(t[..., end, :] - t[..., start, :], axis=-1)  # (..., S)
        correct = (error[..., start] + error[..., end]) / 2 <= alpha * length
        both = counts[..., start] & counts[..., end]
        result[part] = float(mean_of_counted(correct, both, axis=None))
    return result
