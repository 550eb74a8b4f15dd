"""3D poses from a lifter's joints: each with its camera, its confidences and its 2D pose."""

from collections.abc import Sequence

import numpy as np

from ..poses import Pose2D, Pose3D, Skeleton, WeakPerspective
from .fill_confidence import fill_confidence
from .weak_camera import fit_weak_cameras


def posed(
    poses: Sequence[Pose2D],
    joints_mm: np.ndarray,
    joints_px: np.ndarray,
    weights: np.ndarray,
    skeleton: Skeleton,
    sigma_mm: np.ndarray | None = None,
) -> list[Pose3D]:
    """Return a 3D pose for each 2D pose, with the weak-perspective camera that puts it there.

    A joint that the 2D pose lacks has half the mean confidence of its neighbours. A pose that no
    camera puts onto its joints has none.

    Args:
        poses: N of any skeletons.
        joints_mm: (N, J, 3) camera axes, relative to the root; NaN for a pose not lifted.
        joints_px: (N, J, 2) the 2D joints in the 3D skeleton.
        weights: (N, J) of the 2D joints, 0 for one that is lacking.
        skeleton: of the 3D poses.
        sigma_mm: (N, J) standard deviations, if they are known.
    """
    scale, offset_px = fit_weak_cameras(joints_mm, joints_px, weights)
    filled = fill_confidence(weights, skeleton)
    return [
        Pose3D(
            joints_mm=joints_mm[i],
            confidence=filled[i],
            skeleton=skeleton,
            camera=WeakPerspective(float(scale[i]), offset_px[i]) if scale[i] > 0 else None,
            pose2d=pose,
            sigma_mm=None if sigma_mm is None else sigma_mm[i],
        )
        for i, pose in enumerate(poses)
    ]
