"""Drop poses that are the same person found twice."""

import numpy as np

from ..poses.pose import Pose2D


def keep_distinct(poses: list[Pose2D], least_distance: float = 0.12) -> list[Pose2D]:
    """Return the poses, best first, without those that lie on a better one.

    Two poses are the same person if their joints lie, in the confidence-weighted mean, within
    `least_distance` of the better one's extent.
    """
    kept: list[Pose2D] = []
    for pose in sorted(poses, key=lambda pose: -pose.score):
        if all(pose_distance(pose, better) > least_distance for better in kept):
            kept.append(pose)
    return kept


def pose_distance(pose: Pose2D, other: Pose2D) -> float:
    """Return the mean distance of the joints, weighted by confidence, over the other's extent."""
    weight = pose.confidence * other.confidence
    both = np.isfinite(pose.joints_px).all(1) & np.isfinite(other.joints_px).all(1)
    if not (weight * both).sum() > 0:
        return np.inf
    gap = np.linalg.norm(pose.joints_px - other.joints_px, axis=1)
    extent = np.ptp(other.joints_px[both], axis=0).max()
    mean = (gap * weight)[both].sum() / weight[both].sum()
    return float(mean / max(extent, 1e-6))
