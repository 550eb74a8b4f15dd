"""The weak-perspective camera round a body: angles to rotations, and 2D joints to unit size."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .body_joints import MIN_JOINTS

Array = NDArray[np.floating]

TILT_MEAN, TILT_SD = np.radians(15.0), np.radians(20.0)  # cameras mostly look down a little
ROLL_SD = np.radians(10.0)
ROLL_COST = 9.0  # squared deviations that a body rolled out of the upright costs


@dataclass(frozen=True)
class UnitJoints:
    """2D joints moved to their centre and shrunk to the size of the mean pose.

    pixels = joints * unit_px + centre_px.

    Attributes:
        joints: (N, L, 2) x right, y down; 0 where the weight is 0.
        weights: (N, L) from 0 to 1.
        centre_px: (N, 2).
        unit_px: (N,) pixels in a unit.
        usable: (N,) whether enough joints, not all at one point, have a weight.
    """

    joints: Array
    weights: Array
    centre_px: Array
    unit_px: Array
    usable: NDArray[np.bool_]


def to_unit(joints_px: Array, confidence: Array, mean: Array) -> UnitJoints:
    """Return 2D joints at about the scale of the unit pose `mean`, seen from a random side.

    Args:
        joints_px: (N, L, 2) pixels; NaN where confidence is 0.
        confidence: (N, L); clipped to 0..1, then used as weights.
        mean: (L, 3) unit pose, y up.
    """
    weights = np.clip(np.nan_to_num(confidence), 0.0, 1.0)
    weights = np.where(np.isfinite(joints_px).all(axis=-1), weights, 0.0)
    joints = np.where(weights[..., None] > 0, joints_px, 0.0)
    total = np.maximum(weights.sum(axis=1), 1e-12)
    centre_px = np.einsum("nl,nld->nd", weights, joints) / total[:, None]
    spread_px = np.where(weights[..., None] > 0, joints - centre_px[:, None], 0.0)
    rms_px = np.sqrt(np.einsum("nl,nld,nld->n", weights, spread_px, spread_px) / total)

    middle = weights @ mean / total[:, None]  # (N, 3) where the mean has its weighted centre
    variance = weights @ mean**2 / total[:, None] - middle**2
    rms = np.sqrt(np.maximum(variance @ [0.5, 1.0, 0.5], 1e-12))  # x and z share the picture's x
    usable = (np.count_nonzero(weights, axis=1) >= MIN_JOINTS) & (rms_px > 1e-6)
    unit_px = np.where(usable, rms_px / rms, 1.0)
    joints = spread_px / unit_px[:, None, None]
    if not usable.all():  # a pose that can be lifted stands in: the others' sums stay as they are
        joints[~usable], weights[~usable] = mean[:, :2] * [1, -1], 1.0
    return UnitJoints(joints, weights, centre_px, unit_px, usable)


def camera_rotations(angles: Tensor) -> Tensor:
    """Return rotations from the model's frame (y up) to the camera's (y down, z forward).

    E R of eq. 5: R turns the body about y, E looks at it. At zero the body faces the camera.

    Args:
        angles: (..., 3) radians: azimuth; tilt, > 0 where the camera looks down; roll, clockwise.

    Returns:
        (..., 3, 3).
    """
    (ca, ct, cr), (sa, st, sr) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    zero, one = torch.zeros_like(ca), torch.ones_like(ca)
    turn = _matrices([[ca, zero, sa], [zero, one, zero], [-sa, zero, ca]])
    tilt = _matrices([[one, zero, zero], [zero, -ct, st], [zero, -st, -ct]])
    roll = _matrices([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
    return roll @ tilt @ turn


def roll_back(points: Tensor, roll: Tensor) -> Tensor:
    """Return 2D points turned counter-clockwise in the picture, so that the roll is undone.

    Args:
        points: (..., L, 2) x right, y down.
        roll: (...) radians, clockwise.
    """
    cos, sin = roll.cos()[..., None], roll.sin()[..., None]
    x, y = points[..., 0], points[..., 1]
    return torch.stack([cos * x + sin * y, cos * y - sin * x], dim=-1)


def angle_cost(angles: Tensor) -> Tensor:
    """Return (...) the prior's squared deviations of tilt and roll from what cameras do."""
    tilt, roll = angles[..., 1], angles[..., 2]
    return ((tilt - TILT_MEAN) / TILT_SD) ** 2 + (roll / ROLL_SD) ** 2


def _matrices(rows: list[list[Tensor]]) -> Tensor:
    """Return (..., 3, 3) matrices from three rows of three tensors (...)."""
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
