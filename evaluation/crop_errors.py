"""Where a joint network errs, and how: by joint, pose, size, occlusion, source, confidence."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..datasets.crop_facts import CropFacts
from ..datasets.crops import CropSet
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton
from .calibration import BINS, NEAR, calibration_error, joint_hits
from .crops import LIMB_JOINTS
from .metrics_2d import torso_length_px

MPII = get_skeleton("mpii16")
CLOSE = 0.5
RIGHT, SWAPPED, OTHER_PART, CLOSE_BY, MISSED = range(5)
SIZES_PX = (80, 120, 180, 270)
POSES = ("upright", "sideways", "upside down", "unknown")


@dataclass(frozen=True)
class FoundCrops:
    """A network's answers to labelled crops.

    Attributes:
        crops: with the true joints (N, 16, 2) `mpii16`.
        facts: of the same crops.
        joints_px: (N, 16, 2) found.
        confidence: (N, 16).
    """

    crops: CropSet
    facts: CropFacts
    joints_px: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class GroupScore:
    """How the joints of one group were found; all shares are of `joints`.

    Attributes:
        name: of the group.
        joints: that count.
        pck: at most 0.2 torso lengths off.
        stated: mean confidence.
        calibration_error: expected calibration error.
        swapped: wrong, and near the other side's joint of the same name.
        other_part: wrong, and near another joint of the person.
        close: wrong, near no other joint, at most 0.5 torso lengths off.
        missed: wrong, and near nothing.
    """

    name: str
    joints: int
    pck: float
    stated: float
    calibration_error: float
    swapped: float
    other_part: float
    close: float
    missed: float


def score_groups(found: FoundCrops, by: str) -> list[GroupScore]:
    """Return the scores of the groups that `by`, one of `GROUPINGS`, makes.

    Over the 12 limb joints; by joint and by confidence over all. Groups without joints are left
    out.

    Raises:
        BadInput: there is no such grouping.
    """
    check_grouping(by)
    names, group = GROUPINGS[by](found)
    torso = torso_length_px(found.crops.joints_px, MPII)
    kind = error_kinds(found.joints_px, found.crops.joints_px, torso)
    _, counts = joint_hits(found.joints_px, found.crops.joints_px, torso)
    if by not in ("joint", "confidence"):
        counts &= np.isin(np.arange(MPII.n_joints), LIMB_JOINTS)
    chosen = [(name, counts & (group == k)) for k, name in enumerate(names)]
    return [_score(name, found.confidence[use], kind[use]) for name, use in chosen if use.any()]


def check_grouping(by: str) -> None:
    """Raise BadInput unless `by` is one of `GROUPINGS`."""
    if by not in GROUPINGS:
        raise BadInput(f"joints can be grouped by {', '.join(GROUPINGS)}, got {by!r}")


def error_kinds(found_px: np.ndarray, true_px: np.ndarray, torso_px: np.ndarray) -> np.ndarray:
    """Return of what kind each joint (N, 16) is: `RIGHT`, `SWAPPED`, ... `MISSED`.

    Near is at most 0.2 torso lengths. A wrong joint belongs to the other joint that it is near if
    that is nearer than its own truth, the one of the other side first. (In the spirit of Ronchi
    and Perona, "Benchmarking and error diagnosis in multi-instance pose estimation", ICCV 2017,
    with torsos in place of OKS and without other people.)
    """
    J = MPII.n_joints
    torso = torso_px[:, None]
    # (N, J found, J true) distances; NaN where a truth is not labelled
    distance = np.linalg.norm(found_px[:, :, None] - true_px[:, None], axis=-1)
    own = distance[:, np.arange(J), np.arange(J)]
    twin = distance[:, np.arange(J), MPII.flip_index]
    others = np.where(np.eye(J, dtype=bool), np.inf, np.nan_to_num(distance, nan=np.inf)).min(2)
    with np.errstate(invalid="ignore"):
        conditions = [
            own <= NEAR * torso,
            (twin <= NEAR * torso) & (twin < own),
            (others <= NEAR * torso) & (others < own),
            own <= CLOSE * torso,
        ]
    return np.select(conditions, [RIGHT, SWAPPED, OTHER_PART, CLOSE_BY], MISSED)


def pose_kinds(joints_px: np.ndarray) -> np.ndarray:
    """Return the index into `POSES` (N,) by the angle of the trunk, hips to shoulders, to the top.

    Less than 45 degrees are upright, more than 135 upside down.
    """
    trunk = joints_px[:, MPII.index("thorax")] - joints_px[:, MPII.index("pelvis")]
    up = -trunk[:, 1]
    aslant = np.abs(up) <= np.abs(trunk[:, 0])
    unknown = ~np.isfinite(up) | ~trunk.any(1)
    return np.select([unknown, aslant, up > 0], [3, 1, 0], 2)


def _score(name: str, confidence: np.ndarray, kind: np.ndarray) -> GroupScore:
    shares = [float((kind == k).mean()) for k in range(5)]
    error = calibration_error(confidence, kind == RIGHT)
    return GroupScore(
        name, len(kind), shares[RIGHT], float(confidence.mean()), error, *shares[SWAPPED:]
    )


def _by_joint(found: FoundCrops) -> tuple[list[str], np.ndarray]:
    parts = [name.removeprefix("left_").removeprefix("right_") for name in MPII.joints]
    names = list(dict.fromkeys(parts))
    group = np.array([names.index(part) for part in parts])
    return [name.replace("_", " ") for name in names], group[None]


def _by_pose(found: FoundCrops) -> tuple[list[str], np.ndarray]:
    return list(POSES), pose_kinds(found.crops.joints_px)[:, None]


def _by_size(found: FoundCrops) -> tuple[list[str], np.ndarray]:
    inner = [f"{a}-{b} px" for a, b in pairwise(SIZES_PX)]
    names = [f"below {SIZES_PX[0]} px", *inner, f"from {SIZES_PX[-1]} px"]
    return names, np.digitize(found.facts.extent_px, SIZES_PX)[:, None]


def _by_occlusion(found: FoundCrops) -> tuple[list[str], np.ndarray]:
    return ["visible", "hidden"], found.facts.hidden.astype(int)


def _by_source(found: FoundCrops) -> tuple[list[str], np.ndarray]:
    names, group = np.unique(found.crops.source, return_inverse=True)
    return names.tolist(), group[:, None]


def _by_confidence(found: FoundCrops) -> tuple[list[str], np.ndarray]:
    names = [f"{k / BINS:.2f}-{(k + 1) / BINS:.2f}" for k in range(BINS)]
    return names, np.minimum((found.confidence * BINS).astype(int), BINS - 1)


GROUPINGS: dict[str, Callable[[FoundCrops], tuple[list[str], np.ndarray]]] = {
    "joint": _by_joint,
    "pose": _by_pose,
    "size": _by_size,
    "occlusion": _by_occlusion,
    "source": _by_source,
    "confidence": _by_confidence,
}
"""Names of the groups and each joint's index into them, (N, 16) or broadcast to it."""
