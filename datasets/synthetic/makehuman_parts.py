"""Name the parts of MakeHuman's mesh and the places along its limbs."""

import numpy as np

from ...poses import get_skeleton
from .capsules import PARTS
from .makehuman_files import BaseMesh

_OF_BONE = {
    "neck": "neck", "head": "head", "clavicle": "torso", "upperarm_a": "upper_arm",
    "upperarm_b": "upper_arm", "forearm_a": "forearm", "forearm_b": "forearm", "hand": "hand",
    "thigh_a": "upper_leg", "thigh_b": "upper_leg", "shin": "lower_leg", "foot": "foot",
    "pelvis": "hips", "spine_low": "torso", "spine_mid": "torso", "chest": "torso",
}  # fmt: skip
# part -> joints at its ends and the place along the limb where it begins
_ENDS = {
    "upper_arm": ("shoulder", "elbow", 0), "forearm": ("elbow", "wrist", 1),
    "upper_leg": ("hip", "knee", 0), "lower_leg": ("knee", "ankle", 1),
}  # fmt: skip
# metres about mouth and eyes
LIPS, BROW_ABOVE, BROW_HIGH, HAIRLINE, EAR_BEHIND = (0.024, 0.009), 0.019, 0.007, 0.055, 0.085


def label_faces(
    vertices: np.ndarray,
    faces: np.ndarray,
    base: BaseMesh,
    dominant: np.ndarray,
    bones: list[str],
    joints: np.ndarray,
    whole: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each face's part (F,), an index into PARTS, and its place along the limb (F,).

    Args:
        vertices: (V, 3) metres, of body and eyes.
        faces: (F, 3).
        base: with the groups of the helpers.
        dominant: (V,) the bone that moves each vertex most.
        bones: names.
        joints: (17, 3) metres.
        whole: all vertices of the base mesh, metres, which the groups refer to.
    """
    centre = vertices[faces].mean(1)
    stems = np.array([_OF_BONE[bone.partition(".")[0]] for bone in bones])
    votes = stems[dominant][faces]  # (F, 3)
    name = np.where(votes[:, 1] == votes[:, 2], votes[:, 1], votes[:, 0])
    name = name.astype("<U10")
    _label_face(name, centre, base, whole)
    name[base.eye] = "eye"
    part = np.array([PARTS.index(text) for text in name])
    return part, _along(centre, name, joints)


def _label_face(name: np.ndarray, centre: np.ndarray, base: BaseMesh, whole: np.ndarray) -> None:
    """Name lips, brows and hair among the faces of the head, by mouth and eyes."""
    head = name == "head"
    if not head.any():
        return
    mouth = _middle(base, whole, "joint-mouth", centre[head].mean(0))
    eyes = [_middle(base, whole, f"joint-{s}-eye", centre[head].max(0)) for s in "lr"]
    x, y, z = centre.T
    eye_y, eye_z = np.mean([e[1] for e in eyes]), np.mean([e[2] for e in eyes])
    front = head & (z > eye_z - 0.03)
    lips = ((x - mouth[0]) / LIPS[0]) ** 2 + ((y - mouth[1]) / LIPS[1]) ** 2 < 1
    side = np.minimum(*(abs(x - e[0]) for e in eyes)) < 0.022
    name[front & lips] = "lips"
    name[front & side & (abs(y - eye_y - BROW_ABOVE) < BROW_HIGH)] = "brow"
    behind = (z < eye_z - EAR_BEHIND) & (y > mouth[1])
    name[head & ((y > eye_y + HAIRLINE) | behind)] = "hair"


def _middle(base: BaseMesh, whole: np.ndarray, group: str, other: np.ndarray) -> np.ndarray:
    return whole[base.groups[group]].mean(0) if group in base.groups else other


def _along(centre: np.ndarray, name: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Return the place along the limb (F,): arms 0 to 3, legs 0 to 3, trunk 0 to 1."""
    at = dict(zip(get_skeleton("h36m17").joints, joints, strict=True))
    along = np.zeros(len(centre))
    for side, sign in (("left", 1), ("right", -1)):
        own = centre[:, 0] * sign > 0
        for part, (first, last, start) in _ENDS.items():
            rows = own & (name == part)
            a, b = at[f"{side}_{first}"], at[f"{side}_{last}"]
            along[rows] = start + ((centre[rows] - a) @ (b - a) / ((b - a) @ (b - a))).clip(
                -0.1, 1.1
            )
        for part, joint in (("hand", "wrist"), ("foot", "ankle")):
            rows = own & (name == part)
            away = np.linalg.norm(centre[rows] - at[f"{side}_{joint}"], axis=1)
            along[rows] = 2 + away / max(float(away.max(initial=0)), 1e-9)
    trunk = np.isin(name, ["hips", "torso", "neck"])
    low, high = at["pelvis"][1], at["thorax"][1]
    along[trunk] = ((centre[trunk, 1] - low) / (high - low)).clip(0, 1)
    return along.clip(0)
