"""More poses than were captured: mirrored, recombined, bent, of other builds, tumbled.

All functions take and return (N, 17, 3) poses of h36m17, y up, millimetres, and draw from `rng`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..poses.skeleton import get_skeleton

Array = NDArray[np.floating]

_BODY = get_skeleton("h36m17")
_PARENTS = np.array(_BODY.parents)
_UPPER = [
    _BODY.index(joint) for joint in _BODY.joints if not joint.endswith(("hip", "knee", "ankle"))
]
_UPPER.remove(_BODY.root)
# (17, 17): 1 where the column's joint lies on the way from the root to the row's joint
_CHAIN = np.zeros((17, 17), dtype=np.float32)
for _joint in range(17):
    _at = _joint
    while _at != _BODY.root:
        _CHAIN[_joint, _at] = 1
        _at = _PARENTS[_at]
# bones of one length on both sides vary together
_BUILD = [
    ("hip",),
    ("knee",),
    ("ankle",),
    ("spine", "thorax"),
    ("neck_nose", "head_top"),
    ("shoulder",),
    ("elbow",),
    ("wrist",),
]
# joints that bend, with the spread of the change in degrees
_BENDS = {
    "hip": 8.0,
    "knee": 12.0,
    "spine": 5.0,
    "thorax": 5.0,
    "neck_nose": 10.0,
    "shoulder": 15.0,
    "elbow": 18.0,
}


@dataclass(frozen=True)
class PoseVariety:
    """How much is changed; shares are of the poses, drawn for each.

    Attributes:
        crossed: get the upper body of another pose.
        bent: get each of their joints turned a little, with this share for each joint.
        build_sd: spread of each kind of bone's length, as a part of it.
        size_sd: spread of the whole body's size.
        tumbled: are turned as a whole in any direction: lying, falling, gymnastics.
    """

    crossed: float = 0.25
    bent: float = 0.25
    build_sd: float = 0.06
    size_sd: float = 0.05
    tumbled: float = 0.12

    def apply(self, poses_mm: Array, rng: np.random.Generator) -> Array:
        """Return changed poses (N, 17, 3) float32, the pelvis at the origin.

        >>> PoseVariety().apply(np.zeros((4, 17, 3)), np.random.default_rng(0)).shape
        (4, 17, 3)
        """
        poses = (poses_mm - poses_mm[:, :1]).astype(np.float32)
        poses = _mirrored(poses, rng)
        poses = _crossed(poses, rng, self.crossed)
        poses = _bent(poses, rng, self.bent)
        poses = _rebuilt(poses, rng, self.build_sd, self.size_sd)
        return _tumbled(poses, rng, self.tumbled)


def _mirrored(poses: Array, rng: np.random.Generator) -> Array:
    """Mirror half of the poses: x negated, left and right exchanged."""
    flip = rng.random(len(poses)) < 0.5
    mirror = poses[:, _BODY.flip_index] * np.array([-1, 1, 1], np.float32)
    return np.where(flip[:, None, None], mirror, poses)


def _crossed(poses: Array, rng: np.random.Generator, share: float) -> Array:
    """Set upper bodies of other poses, turned to the same heading of the hips, onto some poses."""
    other = np.roll(poses, 1 + rng.integers(max(1, len(poses) - 1)), axis=0)
    angle = _heading(poses) - _heading(other)
    turned = np.einsum("nij,nkj->nki", _turns_about_y(angle), other[:, _UPPER])
    crossed = poses.copy()
    crossed[:, _UPPER] = turned
    chosen = rng.random(len(poses)) < share
    return np.where(chosen[:, None, None], crossed, poses)


def _heading(poses: Array) -> Array:
    across = poses[:, _BODY.index("left_hip")] - poses[:, _BODY.index("right_hip")]
    return np.arctan2(across[:, 0], across[:, 2])


def _bent(poses: Array, rng: np.random.Generator, share: float) -> Array:
    """Turn the limbs below some joints by small random rotations."""
    poses = poses.copy()
    for joint, name in enumerate(_BODY.joints):
        degrees = _BENDS.get(name.removeprefix("left_").removeprefix("right_"))
        if degrees is None:
            continue
        rows = np.flatnonzero(rng.random(len(poses)) < share)
        below = np.array([k for k in range(17) if _CHAIN[k, joint] and k != joint])
        turn = rotations(np.radians(degrees) * rng.normal(size=(len(rows), 3)))
        pivot = poses[rows, joint][:, None]
        arms = poses[rows][:, below] - pivot
        poses[np.ix_(rows, below)] = pivot + np.einsum("nij,nkj->nki", turn, arms)
    return poses


def _rebuilt(poses: Array, rng: np.random.Generator, build_sd: float, size_sd: float) -> Array:
    """Change the lengths of the bones, left and right alike, and the size of the whole."""
    N = len(poses)
    factor = np.ones((N, 17), np.float32)
    for names in _BUILD:
        joints = [k for k, joint in enumerate(_BODY.joints) if joint.endswith(names)]
        factor[:, joints] = np.exp(build_sd * rng.normal(size=(N, 1)))
    factor *= np.exp(size_sd * rng.normal(size=(N, 1)))
    bones = poses - poses[:, np.maximum(_PARENTS, 0)]
    return _CHAIN @ (bones * factor[..., None])


def _tumbled(poses: Array, rng: np.random.Generator, share: float) -> Array:
    """Turn some whole bodies: half of them in any direction, half onto front, back or a side."""
    rows = np.flatnonzero(rng.random(len(poses)) < share)
    N = len(rows)
    axis = rng.normal(size=(N, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    anyhow = rng.uniform(0, np.pi, (N, 1)) * axis
    level = axis * [1, 0, 1]
    level /= np.linalg.norm(level, axis=1, keepdims=True)
    lying = np.pi / 2 * level
    turn = rotations(np.where(rng.random((N, 1)) < 0.5, anyhow, lying))
    poses = poses.copy()
    poses[rows] = np.einsum("nij,nkj->nki", turn, poses[rows])
    return poses


def rotations(vectors: Array) -> Array:
    """Return (N, 3, 3) float32 rotations about vectors (N, 3) by their lengths, radians.

    >>> np.round(rotations(np.array([[0, 0, np.pi / 2]]))[0] @ [1, 0, 0])
    array([0., 1., 0.])
    """
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = (vectors / np.maximum(angle[:, 0], 1e-12)).T
    zero = np.zeros_like(x)
    # (3, 3, N) -> (N, 3, 3): the cross product's matrix
    cross = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned.astype(np.float32)


def _turns_about_y(angle: Array) -> Array:
    return rotations(np.stack([np.zeros_like(angle), angle, np.zeros_like(angle)], axis=1))
