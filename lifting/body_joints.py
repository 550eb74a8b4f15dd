"""2D joints of any named skeleton as the h36m17 joints that the lifters take."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..poses import Pose2D, Skeleton, convert_joints, get_skeleton
from ..poses.errors import BadInput

BODY = get_skeleton("h36m17")
MIN_JOINTS = 4  # three joints fit any pose; with fewer than four what was learned speaks alone


def body_arrays(
    joints_px: ArrayLike, confidence: ArrayLike | None, skeleton: str | Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Return 2D joints (N, 17, 2) and weights (N, 17) from 0 to 1, both float64, in h36m17.

    Args:
        joints_px: (N, J, 2) pixels; NaN for a joint not found.
        confidence: (N, J), clipped to 0..1; None for ones.
        skeleton: which skeleton the J joints are.

    Raises:
        BadInput: shapes that do not fit the skeleton, or an unknown one.
    """
    source = get_skeleton(skeleton)
    shape = np.shape(joints_px)
    if len(shape) != 3 or shape[1:] != (source.n_joints, 2):
        raise BadInput(
            f"joints_px must have shape (N, {source.n_joints}, 2) for skeleton "
            f"{source.name!r}, got {shape}; pass the skeleton that the joints are in"
        )
    converted = convert_joints(joints_px, confidence, source, BODY)
    weights = np.clip(converted.confidence, 0.0, 1.0)
    return converted.joints.astype(np.float64), weights.astype(np.float64)


def body_poses(poses: Sequence[Pose2D]) -> tuple[np.ndarray, np.ndarray]:
    """Return the joints (N, 17, 2) and weights (N, 17) of poses of any mix of skeletons."""
    joints = np.zeros((len(poses), BODY.n_joints, 2))
    weights = np.zeros((len(poses), BODY.n_joints))
    for skeleton in dict.fromkeys(pose.skeleton for pose in poses):
        rows = [i for i, pose in enumerate(poses) if pose.skeleton == skeleton]
        joints_px = np.stack([poses[i].joints_px for i in rows])
        confidence = np.stack([poses[i].confidence for i in rows])
        joints[rows], weights[rows] = body_arrays(joints_px, confidence, skeleton)
    return joints, weights
