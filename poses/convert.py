"""Convert poses between skeletons by the names of their joints."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import float_array
from .errors import BadInput
from .skeleton import SKELETONS, Skeleton, get_skeleton

_SHOULDERS = ("left_shoulder", "right_shoulder")

# For a joint that the source does not name: what stands in for it, best first. Two names mean
# their midpoint. A joint without an entry is never invented.
_STAND_INS: dict[str, tuple[tuple[str, ...], ...]] = {
    "neck_nose": (("upper_neck",), ("nose",)),
    "upper_neck": (("neck_nose",),),
    "thorax": (("neck",), _SHOULDERS),
    "neck": (("thorax",), _SHOULDERS),
    "pelvis": (("left_hip", "right_hip"),),
}


class ConvertedJoints(NamedTuple):
    """Hold joints (..., J, D) and confidence (..., J) in the target's order.

    `missing` names the target's joints that the source never has: they are NaN with confidence 0.
    """

    joints: np.ndarray
    confidence: np.ndarray
    missing: tuple[str, ...]


def convert_joints(
    joints: ArrayLike,
    confidence: ArrayLike | None,
    source: str | Skeleton,
    target: str | Skeleton,
) -> ConvertedJoints:
    """Return the joints of skeleton `source` as joints of skeleton `target`, by name.

    `joints` (..., J, D) are pixels or millimetres; `confidence` (..., J), None stands for 1. A
    joint with a coordinate that is not finite is NaN with confidence 0 before and after. The rules:

    - the same name is copied, confidence too;
    - `neck_nose` is taken from `upper_neck`, else `nose`; `upper_neck` from `neck_nose` but never
      from a `nose`, and a `nose` from nothing;
    - `thorax` is taken from `neck` and `neck` from `thorax`, else the midpoint of the shoulders;
    - `pelvis` is the midpoint of the hips;
    - a midpoint has the smaller confidence of its two joints, and is NaN where either is;
    - all other joints, such as `spine` and `head_top`, are never invented.

    Equal skeletons are no conversion: the joints come back in the same order.

    Raises BadInput where a shape does not fit the source, a confidence is NaN at a joint that was
    found, or a skeleton is not known.

    >>> mpii = np.zeros((1, 16, 2))
    >>> mpii[0, 8] = 7.0                                       # upper_neck
    >>> converted = convert_joints(mpii, None, "mpii16", "h36m17")
    >>> converted.joints[0, 9], converted.missing              # neck_nose
    (array([7., 7.]), ('spine',))
    """
    source, target = get_skeleton(source), get_skeleton(target)
    points = float_array("joints", joints)
    if points.ndim < 2 or points.shape[-2] != source.n_joints:
        raise BadInput(_shape_message(points.shape, source))
    trust = np.ones(points.shape[:-1], points.dtype)
    if confidence is not None:
        trust = float_array("confidence", confidence)
    if trust.shape != points.shape[:-1]:
        raise BadInput(
            f"confidence must have shape {points.shape[:-1]} as joints {points.shape} have, "
            f"got {trust.shape}; give one value a joint"
        )
    first, second, missing = _plan(source, target)
    lost = ~np.isfinite(points).all(axis=-1)
    points = np.where(lost[..., None], points.dtype.type(np.nan), points)
    trust = np.where(lost, trust.dtype.type(0), trust)
    if np.isnan(trust).any():
        raise BadInput(
            "confidence must not be NaN for a joint that was found; "
            "give 0 where it is unknown whether a joint is right"
        )
    # (..., J_source, D) -> (..., J_target, D): a copied joint is the midpoint of itself and itself
    converted = 0.5 * points[..., first, :] + 0.5 * points[..., second, :]
    believed = np.minimum(trust[..., first], trust[..., second])
    if missing:
        absent = [target.index(joint) for joint in missing]
        converted[..., absent, :] = np.nan
        believed[..., absent] = 0
    return ConvertedJoints(converted, believed, missing)


@lru_cache(maxsize=64)
def _plan(
    source: Skeleton, target: Skeleton
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[str, ...]]:
    """Return per target joint the two source joints whose midpoint it is, and what is missing."""
    first, second, missing = [], [], []
    for joint in target.joints:
        for names in ((joint,), *_STAND_INS.get(joint, ())):
            if all(name in source.joints for name in names):
                first.append(source.index(names[0]))
                second.append(source.index(names[-1]))
                break
        else:
            first.append(0)
            second.append(0)
            missing.append(joint)
    return tuple(first), tuple(second), tuple(missing)


def _shape_message(shape: tuple[int, ...], source: Skeleton) -> str:
    message = (
        f"joints must have shape (..., {source.n_joints}, D) for skeleton {source.name!r}, "
        f"got {shape}"
    )
    J = shape[-2] if len(shape) > 1 else 0
    fits = [repr(other.name) for other in SKELETONS.values() if other.n_joints == J]
    return f"{message}; {J} joints have the skeletons {', '.join(fits)}" if fits else message
