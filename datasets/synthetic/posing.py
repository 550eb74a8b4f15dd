"""Turn the bones of a body so that it takes a motion-captured pose."""

from dataclasses import dataclass, field

import numpy as np

from ...poses import get_skeleton
from ...poses.errors import BadInput
from .body import Body
from .rotations import about, axes_x_first, axes_y_first, cross, part_way, swing, unit

H36M = get_skeleton("h36m17")
PARENTS = np.array(H36M.parents)
PELVIS, SPINE, THORAX, NECK, HEAD = (
    H36M.index(name) for name in ("pelvis", "spine", "thorax", "neck_nose", "head_top")
)
LEFT_SHOULDER, RIGHT_SHOULDER = H36M.index("left_shoulder"), H36M.index("right_shoulder")
LEFT_HIP, RIGHT_HIP = H36M.index("left_hip"), H36M.index("right_hip")
ACROSS = np.array([1.0, 0.0, 0.0])  # the person's left at rest: knees turn about it


@dataclass(frozen=True)
class FreeAngles:
    """What 17 joints do not show, in radians; pairs and rows are (left, right).

    Attributes:
        head_turn: of the head about its length.
        forearm_twist: of each hand about its forearm.
        hand_bend: (2, 3) rotation vectors of the hands.
        sole_level: 1 lays the sole flat, 0 keeps the foot square to the shin.
    """

    head_turn: float = 0.0
    forearm_twist: tuple[float, float] = (0.0, 0.0)
    hand_bend: np.ndarray = field(default_factory=lambda: np.zeros((2, 3)))
    sole_level: tuple[float, float] = (1.0, 1.0)


def bone_directions(joints: np.ndarray) -> np.ndarray:
    """Return the direction (..., 17, 3) from each joint's parent to it, 0 for the root."""
    ends = unit(joints - joints[..., PARENTS, :])
    ends[..., PELVIS, :] = 0
    return ends


def mean_directions(poses: np.ndarray) -> np.ndarray:
    """Return the mean bone directions (17, 3) of a source's upright poses, symmetric.

    The axes are x to the person's left, y up, z ahead. Sources differ in where they put the joints
    of the trunk; this pose of the source is taken to be the body's trunk at rest.

    Args:
        poses: (N, 17, 3) `h36m17`, y up, any unit.

    Raises:
        BadInput: no pose stands upright.
    """
    poses = np.asarray(poses, np.float64)
    directions = bone_directions(poses)
    legs = [joint + step for joint in (LEFT_HIP, RIGHT_HIP) for step in (1, 2)]
    upright = (directions[:, legs, 1] < -0.97).all(1)
    upright &= unit(poses[:, THORAX] - poses[:, PELVIS])[:, 1] > 0.98
    if not upright.any():
        raise BadInput(
            f"poses must hold people who stand upright, got none among {len(poses)}; y must be up"
        )
    left = unit((poses[upright, LEFT_HIP] - poses[upright, RIGHT_HIP]) * [1, 0, 1])
    up = np.broadcast_to([0.0, 1.0, 0.0], left.shape)
    axes = np.stack([left, up, cross(left, up)], axis=1)
    mean = np.einsum("nij,nkj->ki", axes, directions[upright])
    for right_joint, left_joint in ((RIGHT_SHOULDER, LEFT_SHOULDER), (RIGHT_HIP, LEFT_HIP)):
        mean[left_joint] += mean[right_joint] * [-1, 1, 1]
        mean[right_joint] = mean[left_joint] * [-1, 1, 1]
    mean[[SPINE, THORAX, NECK, HEAD], 0] = 0
    return unit(mean)


def bone_rotations(
    body: Body, pose: np.ndarray, neutral: np.ndarray, free: FreeAngles | None = None
) -> np.ndarray:
    """Return the world rotation (B, 3, 3) of every bone so that the body takes a pose.

    Only the pose's directions count: the body keeps its own lengths.

    Args:
        body: at rest.
        pose: (17, 3) `h36m17`, y up, any unit.
        neutral: (17, 3), `mean_directions` of the pose's source.
        free: what the joints do not show.
    """
    free = free or FreeAngles()
    pose = np.asarray(pose, np.float64)
    toward, rest, bone = bone_directions(pose), bone_directions(body.joints_mm), body.bone
    turned = np.tile(np.eye(3), (len(bone), 1, 1))
    across = pose[LEFT_HIP] - pose[RIGHT_HIP]
    at_rest = axes_x_first(neutral[LEFT_HIP] - neutral[RIGHT_HIP], neutral[SPINE])
    pelvis = axes_x_first(across, toward[SPINE]) @ at_rest.T
    at_rest = axes_y_first(neutral[THORAX], neutral[LEFT_SHOULDER] - neutral[RIGHT_SHOULDER])
    chest = axes_y_first(toward[THORAX], pose[LEFT_SHOULDER] - pose[RIGHT_SHOULDER]) @ at_rest.T
    face_up = toward[NECK] + toward[HEAD]
    head = swing(chest @ (neutral[NECK] + neutral[HEAD]), face_up) @ chest
    head = about(face_up, free.head_turn) @ head
    turned[bone["pelvis"]], turned[bone["chest"]], turned[bone["head"]] = pelvis, chest, head
    turned[bone["spine_low"]] = part_way(pelvis, chest, 1 / 3)
    turned[bone["spine_mid"]] = part_way(pelvis, chest, 2 / 3)
    turned[bone["neck"]] = part_way(chest, head, 0.5)
    for row, (side, hip, shoulder) in enumerate(
        (("L", LEFT_HIP, LEFT_SHOULDER), ("R", RIGHT_HIP, RIGHT_SHOULDER))
    ):
        # the shoulder girdle follows the shoulder as it moves against the chest
        girdle = swing(chest @ neutral[shoulder], toward[shoulder]) @ chest
        turned[bone["clavicle." + side]] = girdle
        hinge = cross(rest[shoulder + 1], rest[shoulder + 2])
        plain, upper, lower = _two_bones(girdle, rest, toward, shoulder, hinge)
        twist = free.forearm_twist[row]
        along = toward[shoulder + 2]
        bend = free.hand_bend[row]
        turned[bone["upperarm_a." + side]] = part_way(plain, upper, 0.5)
        turned[bone["upperarm_b." + side]] = upper
        turned[bone["forearm_a." + side]] = lower
        turned[bone["forearm_b." + side]] = about(along, twist / 2) @ lower
        hand = about(bend, float(np.linalg.norm(bend)))
        turned[bone["hand." + side]] = about(along, twist) @ lower @ hand
        plain, upper, lower = _two_bones(pelvis, rest, toward, hip, ACROSS)
        turned[bone["thigh_a." + side]] = part_way(plain, upper, 0.5)
        turned[bone["thigh_b." + side]], turned[bone["shin." + side]] = upper, lower
        level = np.arctan2(lower[1, 2], lower[1, 1]) * free.sole_level[row]
        turned[bone["foot." + side]] = lower @ about(ACROSS, float(np.clip(level, -0.4, 0.8)))
    return turned


def _two_bones(
    base: np.ndarray, rest: np.ndarray, toward: np.ndarray, first: int, hinge: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rotations of a limb's upper bone by a plain swing, of its upper and its lower bone.

    Args:
        base: (3, 3) rotation of what the limb hangs from.
        rest: (17, 3) bone directions at rest.
        toward: (17, 3) bone directions of the pose.
        first: the shoulder's or the hip's joint; elbow and wrist, or knee and ankle, follow it.
        hinge: (3,) axis of the elbow or knee at rest.
    """
    upper, lower = first + 1, first + 2
    plain = swing(base @ rest[upper], toward[upper]) @ base
    kept = unit(plain @ hinge)
    bend = cross(toward[upper], toward[lower])
    size = float(np.linalg.norm(bend))
    # a straight limb has no hinge to see: it keeps the one that a plain swing gives it
    trust = np.clip((size - 0.1) / 0.3, 0, 1)
    axis = trust * unit(bend) + (1 - trust) * kept
    if axis @ kept < -0.5 * np.linalg.norm(axis):  # over 120 degrees of twist: no person's joint
        axis = unit(axis) + 1.5 * kept
    full = axes_y_first(toward[upper], axis) @ axes_y_first(rest[upper], hinge).T
    low = axes_y_first(toward[lower], axis) @ axes_y_first(rest[lower], hinge).T
    return plain, full, low
