"""Undo what filtering takes from the bones of bodies that turn.

The mean of a bone's positions while it turns is shorter than the bone. Filtering |bone|^2 beside
the positions tells its true length, once the noise is taken off, whose variance adds to |bone|^2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..poses.skeleton import Skeleton
from .bone_lengths import bone_lengths_mm, with_lengths

Array = NDArray[np.floating]

LONGEST = 1.5  # a bone is never stretched by more


def squared_lengths(joints_mm: Array, skeleton: Skeleton) -> Array:
    """Return each bone's squared length (..., J), mm^2."""
    return bone_lengths_mm(joints_mm, skeleton) ** 2


def squared_noise(time_s: Array, joints_mm: Array, skeleton: Skeleton) -> Array:
    """Return what noise adds to each bone's squared length (T, J), mm^2, one estimate a frame.

    It is the squared distance of a bone from the line between its neighbours in time, over the
    variance that this has for independent noise; the ends repeat their neighbours. 0 where there
    are less than three frames.

    Args:
        time_s: (T,) rising times.
        joints_mm: (T, J, 3).
        skeleton: of the joints.
    """
    parents = [p if p >= 0 else j for j, p in enumerate(skeleton.parents)]
    bones = joints_mm - joints_mm[:, parents]
    noise = np.zeros(bones.shape[:2])
    if len(time_s) < 3:
        return noise
    span = np.maximum(time_s[2:] - time_s[:-2], 1e-9)
    part = ((time_s[1:-1] - time_s[:-2]) / span)[:, None]
    line = (1 - part)[..., None] * bones[:-2] + part[..., None] * bones[2:]
    noise[1:-1] = ((bones[1:-1] - line) ** 2).sum(-1) / (1 + part**2 + (1 - part) ** 2)
    noise[0], noise[-1] = noise[1], noise[-2]
    return np.nan_to_num(noise)


def restore_lengths(joints_mm: Array, squared_mm2: Array, skeleton: Skeleton) -> Array:
    """Return filtered poses (..., J, 3) with their bones stretched to their lengths.

    Bones only become longer, by a factor of at most `LONGEST`.

    Args:
        joints_mm: (..., J, 3) filtered.
        squared_mm2: (..., J) filtered squared lengths, less the noise.
        skeleton: of the joints.
    """
    own = bone_lengths_mm(joints_mm, skeleton)
    wanted = np.sqrt(np.maximum(np.nan_to_num(squared_mm2), 0.0))
    return with_lengths(joints_mm, np.clip(wanted, own, LONGEST * own), skeleton)
