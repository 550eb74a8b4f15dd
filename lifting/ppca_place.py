"""From solutions in the model's units to millimetres, pixels and confidences."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..poses import Skeleton, get_skeleton
from .ppca_align import unit_poses
from .ppca_model import PPCAModel
from .ppca_view import UnitJoints, camera_rotations

Array = NDArray[np.floating]

INFERRED = 0.5  # a joint that only the model places has this part of its neighbours' confidence


@dataclass(frozen=True)
class Placed:
    """N poses in front of weak-perspective cameras; NaN where a pose could not be lifted.

    pixels = scale_px_per_mm * joints_mm[..., :2] + offset_px.

    Attributes:
        joints_mm: (N, L, 3) float32, camera frame, relative to the root.
        scale_px_per_mm: (N,) above 0.
        offset_px: (N, 2) the root's pixel.
    """

    joints_mm: Array
    scale_px_per_mm: Array
    offset_px: Array


def place(
    unit: UnitJoints,
    rows: NDArray[np.integer],
    angles: Tensor,
    x: Tensor,
    *,
    model: PPCAModel,
    size_mm: float,
) -> Placed:
    """Return solutions as poses in millimetres with their cameras.

    The pose mu + a e with a = b / s is brought to the mean body size, the camera to the pixels.

    Args:
        unit: the N poses that were asked for.
        rows: (M,) those that were solved.
        angles: (M, 3) azimuth, tilt, roll.
        x: (M, J + 3) translation, b, s.
        model: the Gaussian.
        size_mm: root of the summed squared limb lengths that the poses get.
    """
    skeleton = get_skeleton("h36m17")
    solution = x.cpu().double().numpy()
    shift, scale = solution[:, :2], solution[:, -1]
    coefficients = solution[:, 2:-1] / scale[:, None]
    poses = model.mean + np.einsum("nj,jlc->nlc", coefficients, model.basis)
    rotation = camera_rotations(angles.cpu().double()).numpy()
    poses = np.einsum("ndc,nlc->nld", rotation, poses)
    limbs = unit_poses(poses, skeleton.parents)[1] if len(poses) else np.ones(0)
    root = poses[:, skeleton.root]

    N, L = unit.weights.shape
    joints_mm = np.full((N, L, 3), np.nan, dtype=np.float32)
    scale_px, offset_px = np.full(N, np.nan), np.full((N, 2), np.nan)
    joints_mm[rows] = (poses - root[:, None]) * (size_mm / limbs)[:, None, None]
    scale_px[rows] = unit.unit_px[rows] * scale * limbs / size_mm
    moved = scale[:, None] * root[:, :2] + shift
    offset_px[rows] = unit.unit_px[rows, None] * moved + unit.centre_px[rows]
    return Placed(joints_mm, scale_px, offset_px)


def fill_confidence(confidence: Array, skeleton: Skeleton) -> Array:
    """Return confidences in which a joint that was not seen has a part of its neighbours'.

    A joint with confidence 0 gets half the mean confidence of the joints that a bone ties it to.

    Args:
        confidence: (N, L) from 0 to 1.
        skeleton: the skeleton of the L joints.
    """
    tied = np.zeros((skeleton.n_joints, skeleton.n_joints))
    for parent, child in skeleton.bones:
        tied[parent, child] = tied[child, parent] = 1.0
    inferred = INFERRED * (confidence @ (tied / tied.sum(axis=1)))
    return np.where(confidence > 0, confidence, inferred)
