"""Refine viewing angle and pose together after the search (Tome et al. 2017, section 5.3)."""

import torch
from torch import Tensor

from .ppca_model import PPCAModel
from .ppca_view import ROLL_SD, TILT_MEAN, TILT_SD, angle_cost, camera_rotations

MAX_STEP = 0.3  # radians: a longer step leaves the basin that the search chose
BLOCK = 2048  # poses at once


class PoseRefiner:
    """Gauss-Newton on eq. 5 over all three angles, translation, coefficients and scale.

    Args:
        model: the Gaussian, all of its components.
        noise: variance of the 2D joints in units of the unit pose.
    """

    def __init__(self, model: PPCAModel, *, noise: float, device: torch.device) -> None:
        self.basis = torch.from_numpy(model.basis).float().to(device)  # (J, L, 3)
        self.mean = torch.from_numpy(model.mean).float().to(device)
        self._noise = model.noise + noise
        ridge = torch.zeros(len(model.basis) + 6, dtype=torch.float64)
        ridge[2:-4] = self._noise / torch.from_numpy(model.variances)
        ridge[-3] = 1e-6  # no prior on the azimuth; only keeps the system regular
        ridge[-2], ridge[-1] = self._noise / TILT_SD**2, self._noise / ROLL_SD**2
        self._ridge = ridge.float().to(device)

    def refine(
        self, joints: Tensor, weights: Tensor, angles: Tensor, x: Tensor, *, steps: int
    ) -> tuple[Tensor, Tensor]:
        """Return better angles and solutions, never worse than those given.

        Args:
            joints: (N, L, 2) centred, about the model's size.
            weights: (N, L) from 0 to 1.
            angles: (N, 3) azimuth, tilt, roll in radians.
            x: (N, J + 3) translation (2), b = s a (J), scale s.
            steps: Gauss-Newton steps; 0 returns what was given.
        """
        parts = [torch.split(part, BLOCK) for part in (joints, weights, angles, x)]
        done = [self._refine_block(*block, steps=steps) for block in zip(*parts, strict=True)]
        return torch.cat([angle for angle, _ in done]), torch.cat([best for _, best in done])

    def _refine_block(
        self, joints: Tensor, weights: Tensor, angles: Tensor, x: Tensor, *, steps: int
    ) -> tuple[Tensor, Tensor]:
        best_angles, best_x = angles, x
        best_cost = torch.full_like(x[:, 0], torch.inf)
        for step in range(steps + 1):
            columns, points = self._linearise(angles, x)
            residual = (joints - points).flatten(1)  # (N, L, 2) -> (N, L*2)
            cost = self._cost(residual, weights, angles, x)
            better = (cost < best_cost) & (x[:, -1] > 0)
            best_cost = torch.where(better, cost, best_cost)
            best_angles = torch.where(better[:, None], angles, best_angles)
            best_x = torch.where(better[:, None], x, best_x)
            if step < steps:
                angles, x = self._step(columns, residual, weights, angles, x)
        return best_angles, best_x

    def _linearise(self, angles: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the Jacobian (N, L*2, K + 3) and the picture (N, L, 2) of the current poses."""
        rotation = camera_rotations(angles)
        shapes = torch.cat([self.basis, self.mean[None]])
        turned = torch.einsum("ndc,klc->nldk", rotation, shapes)  # (N, L, 3, J + 1)
        pose = torch.einsum("nldk,nk->nld", turned, x[:, 2:])  # scaled, camera frame
        N, L = pose.shape[:2]
        shift = torch.eye(2, device=x.device).expand(N, L, 2, 2)
        up = rotation[:, None, :, 1].expand(N, L, 3)  # the azimuth's axis in the camera frame
        side = angles.new_zeros(N, L, 3)  # the tilt's axis
        side[..., 0], side[..., 1] = angles[:, None, 2].cos(), angles[:, None, 2].sin()
        spins = [
            torch.linalg.cross(up, pose)[..., :2],
            torch.linalg.cross(side, pose)[..., :2],
            torch.stack([-pose[..., 1], pose[..., 0]], dim=-1),
        ]
        columns = torch.cat([shift, turned[:, :, :2], torch.stack(spins, dim=-1)], dim=-1)
        return columns.flatten(1, 2), pose[..., :2] + x[:, None, :2]

    def _cost(self, residual: Tensor, weights: Tensor, angles: Tensor, x: Tensor) -> Tensor:
        """Return (N,) what is minimised: weighted residual and the priors, times the noise."""
        data = (weights.repeat_interleave(2, dim=1) * residual.square()).sum(dim=1)
        prior = (self._ridge[:-3] * x.square()).sum(dim=1)
        return data + prior + self._noise * angle_cost(angles)

    def _step(
        self, columns: Tensor, residual: Tensor, weights: Tensor, angles: Tensor, x: Tensor
    ) -> tuple[Tensor, Tensor]:
        weighted = columns * weights.repeat_interleave(2, dim=1)[..., None]
        normal = weighted.mT @ columns + torch.diag(self._ridge)
        azimuth = torch.zeros_like(angles[:, :1])
        from_prior = torch.cat([x, azimuth, angles[:, 1:2] - TILT_MEAN, angles[:, 2:]], dim=1)
        right = (weighted.mT @ residual[..., None])[..., 0] - self._ridge * from_prior
        factor, failed = torch.linalg.cholesky_ex(normal)
        change = torch.cholesky_solve(right[..., None], factor)[..., 0]
        change = torch.where(failed[:, None] == 0, change, 0.0)  # that pose stays as it is
        return angles + change[:, -3:].clamp(-MAX_STEP, MAX_STEP), x + change[:, :-3]
