"""How sure the lifter is: the posterior covariance of the 3D joints given the 2D ones."""

import torch
from torch import Tensor

from ..poses import Skeleton
from .ppca_refine import PoseRefiner
from .ppca_solve import Details
from .ppca_view import roll_back

BLOCK = 1024  # poses at once


def joint_covariance(
    refiner: PoseRefiner, details: Details, skeleton: Skeleton, *, size_mm: float, size_sd_mm: float
) -> Tensor:
    """Return the covariance of each joint about its solution, before calibration.

    Laplace's approximation of eq. 5: the inverse of the Gauss-Newton matrix of translation,
    coefficients, scale and angles, carried over to joints relative to the root and brought to the
    mean body size; plus what the basis leaves out, and the spread of body sizes.

    Args:
        refiner: that made the solutions.
        details: the N solutions.
        skeleton: of the L joints.
        size_mm: mean body size.
        size_sd_mm: its spread over people.

    Returns:
        (N, L, 3, 3) mm^2, camera axes, relative to the root, whose own is 0.
    """
    pieces = []
    for start in range(0, len(details.x), BLOCK):
        part = details.rows(slice(start, start + BLOCK))
        pieces.append(_block(refiner, part, skeleton, size_mm, size_sd_mm))
    if not pieces:
        return details.x.new_zeros(0, skeleton.n_joints, 3, 3)
    return torch.cat(pieces)


def _block(
    refiner: PoseRefiner, details: Details, skeleton: Skeleton, size_mm: float, size_sd_mm: float
) -> Tensor:
    scene, angles, x = details.scene, details.angles, details.x
    factor, failed = torch.linalg.cholesky_ex(refiner.normal_matrix(scene, angles, x))
    columns, pose = refiner.derivative(scene, angles, x)
    columns = columns.clone()
    columns[..., :2] = 0  # the shift moves no joint against the root
    parents, children = torch.tensor(skeleton.bones, device=x.device).T
    limbs = pose[:, children] - pose[:, parents]
    size = limbs.square().sum(dim=(1, 2)).sqrt()
    grown = (limbs[..., None] * (columns[:, children] - columns[:, parents])).sum(dim=(1, 2))
    relative = pose - pose[:, skeleton.root, None]
    moved = columns - columns[:, skeleton.root, None]
    # the derivative of relative / size
    unit = relative / size[:, None, None]
    moved = (moved - unit[..., None] * (grown / size[:, None])[:, None, None]) / size[
        :, None, None, None
    ]
    N, L = pose.shape[:2]
    spread = torch.linalg.solve_triangular(factor, moved.flatten(1, 2).mT, upper=False)
    spread = spread.mT.view(N, L, 3, -1) * refiner.noise[scene.cluster].sqrt()[:, None, None, None]
    covariance = spread @ spread.mT * size_mm**2
    covariance += unit[..., None] * unit[:, :, None] * size_sd_mm**2
    left_out = 2 * size_mm**2 * refiner.own_noise[scene.cluster]
    free = torch.ones(L, device=x.device)
    free[skeleton.root] = 0
    own = left_out[:, None, None, None] * free[:, None, None] * torch.eye(3, device=x.device)
    covariance = torch.where(failed[:, None, None, None] == 0, covariance + own, torch.nan)
    return _rolled_covariance(covariance, details.roll)


def _rolled_covariance(covariance: Tensor, roll: Tensor) -> Tensor:
    """Return covariances (N, L, 3, 3) turned with the picture by (N,) radians."""
    turn = torch.eye(3, device=roll.device).repeat(len(roll), 1, 1)
    turn[:, :2, :2] = roll_back(turn[:, :2, :2], -roll).mT
    return turn[:, None] @ covariance @ turn[:, None].mT
