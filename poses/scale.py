"""Recover the size of a pose: from the person's height, from torso bones or from the population.

A single view shows no size. These functions return the factors that bring h36m17 poses of any
unit to millimetres: `joints_mm = factor[..., None, None] * joints`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .checks import float_array
from .errors import BadInput
from .skeleton import SKELETONS

_H36M17 = SKELETONS["h36m17"]

# The ankle joint's height above the ground as part of the body height (Drillis and Contini 1966).
_HEEL = 0.039

_SPINE_BONES = (("pelvis", "spine"), ("spine", "thorax"))
_HEAD_BONES = (("thorax", "neck_nose"), ("neck_nose", "head_top"))
_LEG_BONES = (
    (("left_hip", "left_knee"), ("left_knee", "left_ankle")),
    (("right_hip", "right_knee"), ("right_knee", "right_ankle")),
)

TORSO_BONES: tuple[tuple[str, str], ...] = (
    ("pelvis", "left_hip"),
    ("pelvis", "right_hip"),
    *_SPINE_BONES,
    ("thorax", "left_shoulder"),
    ("thorax", "right_shoulder"),
)
"""The bones of h36m17 whose lengths vary least between estimates, as Park et al. chose them."""

# Mean over the nine training subjects with a native skeleton of the CMU motion capture database
# of each one's median lengths, left and right averaged.
POPULATION_TORSO_MM: tuple[float, ...] = (89.0, 89.0, 218.0, 229.0, 198.0, 198.0)
"""The mean lengths of `TORSO_BONES` in a population, millimetres."""


def scale_from_height(joints: ArrayLike, height_mm: ArrayLike) -> np.ndarray:
    """Return the factors (...) that make h36m17 poses (..., 17, 3) as tall as `height_mm` (...).

    A pose's height is the sum of the lengths ankle - knee - hip, pelvis - spine - thorax -
    neck_nose - head top, whatever the posture; the hips lie beside the pelvis, so the bone between
    them adds nothing. The ankle's height above the ground (3.9 % of the body height) is allowed
    for. Both legs are averaged, or the one that was found; NaN where neither or a bone of the
    trunk is missing, or where all joints are at one point.

    Raises BadInput where a shape is another or a height is not positive.

    >>> joints = np.zeros((17, 3))
    >>> joints[[7, 8, 9, 10], 1] = [-0.25, -0.5, -0.625, -0.75]
    >>> joints[[2, 5], 1], joints[[3, 6], 1] = 0.375, 0.75     # 1.5 from head top to ankles
    >>> float(scale_from_height(joints, 1700).round(1))        # 1700 mm * 0.961 / 1.5
    1089.1
    """
    poses = _h36m17(joints)
    height = float_array("height_mm", height_mm)
    if not (np.isfinite(height) & (height > 0)).all():
        raise BadInput(f"height_mm must be positive, got {height.tolist()}; give millimetres")
    if height.shape != () and height.shape != poses.shape[:-2]:
        raise BadInput(
            f"height_mm must be one number or have shape {poses.shape[:-2]}, got {height.shape}; "
            "give one height a pose"
        )
    trunk = _lengths(poses, (*_SPINE_BONES, *_HEAD_BONES)).sum(axis=-1)
    legs = np.stack([_lengths(poses, leg).sum(axis=-1) for leg in _LEG_BONES])
    return height * (1.0 - _HEEL) / _positive(trunk + _mean_of_found(legs))


def scale_from_torso(joints: ArrayLike, torso_mm: ArrayLike = POPULATION_TORSO_MM) -> np.ndarray:
    """Return the factors (...) that make the torsos of h36m17 poses (..., 17, 3) of the right size.

    `torso_mm` (6,) are the lengths of `TORSO_BONES`: `mean_torso_mm` of training poses, as in Park
    et al. 2016, section 4, or of the same person; by default the population's. The factor makes the
    sum of the torso's bones right, over the bones that were found; NaN where there is none.

    Raises BadInput where a shape is another or a length is not positive.

    >>> joints = np.zeros((17, 3))
    >>> joints[7, 1], joints[[8, 11, 14], 1] = -1.0, -2.0      # 1 + 1 from pelvis to thorax
    >>> float(scale_from_torso(joints, [0.1, 0.1, 200, 250, 100, 149.8]))
    350.0
    """
    lengths = _lengths(_h36m17(joints), TORSO_BONES)
    target = float_array("torso_mm", torso_mm)
    if target.shape != (len(TORSO_BONES),) or not (target > 0).all():
        raise BadInput(
            f"torso_mm must hold {len(TORSO_BONES)} positive lengths, got {target.tolist()}; "
            "order them as TORSO_BONES"
        )
    found = np.isfinite(lengths)
    have = np.where(found, lengths, 0.0).sum(axis=-1)
    return np.where(found, target, 0.0).sum(axis=-1) / _positive(have)


def mean_torso_mm(joints_mm: ArrayLike) -> np.ndarray:
    """Return the mean lengths (6,) of `TORSO_BONES` over h36m17 poses (..., 17, 3), millimetres.

    Missing joints are left out; NaN for a bone that no pose has.

    >>> mean_torso_mm(np.zeros((5, 17, 3)))
    array([0., 0., 0., 0., 0., 0.])
    """
    lengths = _lengths(_h36m17(joints_mm), TORSO_BONES)
    return _mean_of_found(lengths.reshape(-1, len(TORSO_BONES)))  # (..., 6) -> (N, 6)


def _h36m17(joints: ArrayLike) -> np.ndarray:
    poses = float_array("joints", joints)
    if poses.ndim < 2 or poses.shape[-2:] != (17, 3):
        raise BadInput(
            f"joints must have shape (..., 17, 3) for skeleton 'h36m17', got {poses.shape}; "
            "convert_joints brings other skeletons to it"
        )
    return poses


def _lengths(poses: np.ndarray, bones: tuple[tuple[str, str], ...]) -> np.ndarray:
    """Return the lengths (..., B) of bones given by their joints' names."""
    start, end = ([_H36M17.index(bone[side]) for bone in bones] for side in (0, 1))
    return np.linalg.norm(poses[..., end, :] - poses[..., start, :], axis=-1)


def _positive(lengths: np.ndarray) -> np.ndarray:
    return np.where(lengths > 0, lengths, np.nan)


def _mean_of_found(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of the values that are not NaN; NaN where none is."""
    found = np.isfinite(values)
    total = np.where(found, values, 0.0).sum(axis=0)
    return np.where(found.any(axis=0), total / np.maximum(found.sum(axis=0), 1), np.nan)
