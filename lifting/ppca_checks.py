"""Check what a pose model is learned from, and how it is to lift."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..poses import Skeleton
from ..poses.checks import float_array
from ..poses.errors import BadInput


def check_settings(
    n_rotations: int,
    tilts_deg: Sequence[float],
    rolls_deg: Sequence[float],
    noise: float | Sequence[float],
    candidates: int,
    refine_steps: int,
) -> None:
    """Raise BadInput where nothing could be lifted with a `PPCALifter`'s settings."""
    counts = (("n_rotations", n_rotations, 1), ("candidates", candidates, 1))
    for name, count, least in (*counts, ("refine_steps", refine_steps, 0)):
        if count < least:
            raise BadInput(f"{name} must be {least} or more, got {count}")
    for name, angles in (("tilts_deg", tilts_deg), ("rolls_deg", rolls_deg)):
        if not len(angles) or not np.isfinite(float_array(name, angles)).all():
            raise BadInput(f"{name} must be one angle or more, got {list(angles)}")
    levels = np.atleast_1d(float_array("noise", noise))
    if not len(levels) or not (np.isfinite(levels) & (levels >= 0)).all():
        raise BadInput(f"noise must be one number or more of at least 0, got {noise}")


def checked_poses(
    poses_mm: ArrayLike, skeleton: Skeleton, components: int, clusters: int = 1
) -> np.ndarray:
    """Return training poses as float32.

    Args:
        poses_mm: (N, L, 3) millimetres.
        skeleton: the one the L joints must be in.
        components: size of each basis that they are to give.
        clusters: how many Gaussians they are to give.

    Raises:
        BadInput: wrong shape, NaN, too few poses for the basis, or poses without limbs.
    """
    poses = np.asarray(poses_mm, dtype=np.float32)
    L = skeleton.n_joints
    if poses.ndim != 3 or poses.shape[1:] != (L, 3):
        raise BadInput(
            f"poses_mm must have shape (N, {L}, 3) for skeleton {skeleton.name!r}, "
            f"got {poses.shape}; convert them with convert_joints"
        )
    # a sum is finite only where all its terms are, and takes no memory
    bad = int(np.sum(~np.isfinite(poses.sum(axis=(1, 2)))))
    if bad:
        raise BadInput(
            f"poses_mm must be finite, got {bad} of {len(poses)} poses with NaN or inf; drop them"
        )
    if not 1 <= components <= 3 * L - 6:
        raise BadInput(f"components must be from 1 to {3 * L - 6}, got {components}")
    if clusters < 1:
        raise BadInput(f"clusters must be 1 or more, got {clusters}")
    if len(poses) <= components:
        raise BadInput(
            f"poses_mm must hold more poses than the {components} components, got {len(poses)}; "
            "give more poses or lower components"
        )
    flat = int(np.sum(np.ptp(poses, axis=1).max(axis=1) < 1e-3))
    if flat:
        raise BadInput(
            f"poses_mm must have limbs, got {flat} of {len(poses)} poses with all joints at one "
            "point; drop them"
        )
    return poses
