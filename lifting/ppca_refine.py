"""Refine view and pose together after the search (Tome et al. 2017, section 5.3)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .ppca_mixture import PPCAMixture, stacked
from .ppca_view import ROLL_SD, TILT_MEAN, TILT_SD, camera_rotations

MAX_STEP = 0.3  # radians: a longer step leaves the basin that the search chose
NEAREST = 0.2  # part of the body's distance that no joint comes nearer than
BLOCK = 1024  # poses at once


@dataclass(frozen=True)
class Scene:
    """What is seen of N poses, and by what camera.

    Attributes:
        joints: (N, L, 2) in unit size, 0 where the weight is 0.
        weights: (N, L) from 0 to 1.
        cluster: (N,) the Gaussian of each.
        bend: (N,) unit size over focal length, both in pixels; 0 for weak perspective.
        centre: (N, 2) what the joints' origin is off the principal point, in unit size.
        tilt: (N,) radians that the tilt is drawn to.
        tilt_sd: (N,) how much; small where the camera is known.
        roll_sd: (N,) likewise for the roll, drawn to 0.
    """

    joints: Tensor
    weights: Tensor
    cluster: Tensor
    bend: Tensor
    centre: Tensor
    tilt: Tensor
    tilt_sd: Tensor
    roll_sd: Tensor

    def rows(self, chosen: Tensor | slice) -> "Scene":
        """Return the part of it for some of the poses."""
        return Scene(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def make_scene(
    joints: Tensor,
    weights: Tensor,
    cluster: Tensor,
    *,
    bend: Tensor | None = None,
    centre: Tensor | None = None,
    known_tilt: Tensor | None = None,
) -> Scene:
    """Return a scene with weak perspective and an unknown camera where nothing else is said."""
    ones = torch.ones_like(joints[:, 0, 0])
    known = known_tilt is not None
    return Scene(
        joints,
        weights,
        cluster,
        0 * ones if bend is None else bend,
        torch.zeros_like(joints[:, 0]) if centre is None else centre,
        TILT_MEAN * ones if known_tilt is None else known_tilt,
        (1e-3 if known else TILT_SD) * ones,
        (1e-3 if known else ROLL_SD) * ones,
    )


class PoseRefiner:
    """Gauss-Newton on eq. 5 over all three angles, translation, coefficients and scale.

    With a focal length the joints are seen in full perspective: with the scaled pose Q in camera
    axes, the picture is (Q_xy + t + c) / (1 + bend Q_z) - c. The unknowns stay the same.

    Args:
        mixture: the Gaussians, all of their components.
        noise: variance of the 2D joints in units of the unit pose, added to each Gaussian's own;
            one or one for each Gaussian.
    """

    def __init__(
        self, mixture: PPCAMixture, *, noise: float | np.ndarray, device: torch.device
    ) -> None:
        mean, basis, variances, own = (
            torch.from_numpy(part).double()
            for part in stacked(mixture, ("mean", "basis", "variances", "noise"))
        )
        shapes = torch.cat([basis, mean[:, None]], dim=1)  # (K, J + 1, L, 3)
        self.shapes = shapes.permute(0, 3, 1, 2).flatten(2).float().to(device)  # (K, 3, (J+1)*L)
        self._count = shapes.shape[1]
        total = own + torch.from_numpy(np.broadcast_to(noise, len(mean)).copy())
        self.noise = total.float().to(device)  # (K,)
        self.own_noise = own.float().to(device)
        ridge = torch.zeros(len(mean), self._count + 5, dtype=torch.float64)
        ridge[:, 2:-4] = total[:, None] / variances
        ridge[:, -3] = 1e-6  # no prior on the azimuth; only keeps the system regular
        self._ridge = ridge.float().to(device)  # (K, J + 6)

    def refine(
        self, scene: Scene, angles: Tensor, x: Tensor, *, steps: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return better angles and solutions, never worse than those given, and their costs.

        Args:
            scene: the N poses.
            angles: (N, 3) azimuth, tilt, roll in radians.
            x: (N, J + 3) translation (2), b = s a (J), scale s.
            steps: Gauss-Newton steps; 0 returns what was given.

        Returns:
            angles, x, and (N,) what eq. 5 is there, over twice the noise.
        """
        blocks = [slice(i, i + BLOCK) for i in range(0, len(x), BLOCK)] or [slice(0, 0)]
        done = [self._refine_block(scene.rows(b), angles[b], x[b], steps) for b in blocks]
        return tuple(torch.cat(part) for part in zip(*done, strict=True))  # type: ignore[return-value]

    def cost(self, scene: Scene, angles: Tensor, x: Tensor) -> Tensor:
        """Return (N,) what eq. 5 is, over twice the noise."""
        return self.refine(scene, angles, x, steps=0)[2]

    def pose(self, cluster: Tensor, angles: Tensor, x: Tensor) -> Tensor:
        """Return (N, L, 3) the scaled poses in camera axes."""
        shapes = self.shapes[cluster].unflatten(2, (self._count, -1))  # (N, 3, J + 1, L)
        body = (shapes * x[:, None, 2:, None]).sum(dim=2)
        return (camera_rotations(angles) @ body).mT

    def normal_matrix(self, scene: Scene, angles: Tensor, x: Tensor) -> Tensor:
        """Return (N, J + 6, J + 6) the inverse covariance of (x, angles), times the noise."""
        columns, pose = self.derivative(scene, angles, x)
        flat, _ = _picture(scene, x, columns, pose)
        weighted = flat * scene.weights.repeat_interleave(2, dim=1)[..., None]
        return weighted.mT @ flat + torch.diag_embed(self._ridges(scene))

    def derivative(self, scene: Scene, angles: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the pose changes with (x, angles), and the pose.

        Returns:
            (N, L, 3, J + 6), the shift counted; and (N, L, 3) the scaled pose, without the shift;
            both in camera axes.
        """
        rotation = camera_rotations(angles)
        N, L = scene.joints.shape[:2]
        turned = rotation @ self.shapes[scene.cluster]  # (N, 3, (J + 1) * L)
        turned = turned.view(N, 3, self._count, L)
        pose = (turned * x[:, None, 2:, None]).sum(dim=2).mT  # (N, L, 3)
        up = rotation[:, None, :, 1].expand(N, L, 3)  # the azimuth's axis in the camera frame
        side = angles.new_zeros(N, L, 3)  # the tilt's axis
        side[..., 0], side[..., 1] = angles[:, None, 2].cos(), angles[:, None, 2].sin()
        spins = [
            torch.linalg.cross(up, pose),
            torch.linalg.cross(side, pose),
            torch.stack([-pose[..., 1], pose[..., 0], torch.zeros_like(pose[..., 0])], dim=-1),
        ]
        shift = torch.eye(3, device=x.device)[:, :2].expand(N, L, 3, 2)
        # (N, 3, J + 1, L) -> (N, L, 3, J + 1)
        shapes = turned.permute(0, 3, 1, 2)
        return torch.cat([shift, shapes, torch.stack(spins, dim=-1)], dim=-1), pose

    def _refine_block(
        self, scene: Scene, angles: Tensor, x: Tensor, steps: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        ridge = self._ridges(scene)
        best_angles, best_x = angles, x
        best_cost = torch.full_like(x[:, 0], torch.inf)
        for step in range(steps + 1):
            flat, seen = _picture(scene, x, *self.derivative(scene, angles, x))
            residual = (scene.joints - seen).flatten(1)  # (N, L, 2) -> (N, L*2)
            away = torch.cat([x, self._from_prior(scene, angles)], dim=1)
            weights = scene.weights.repeat_interleave(2, dim=1)
            cost = (weights * residual.square()).sum(dim=1) + (ridge * away.square()).sum(dim=1)
            better = (cost < best_cost) & (x[:, -1] > 0)
            best_cost = torch.where(better, cost, best_cost)
            best_angles = torch.where(better[:, None], angles, best_angles)
            best_x = torch.where(better[:, None], x, best_x)
            if step < steps:
                change = _change(flat, residual, weights, ridge, away)
                angles = angles + change[:, -3:].clamp(-MAX_STEP, MAX_STEP)
                x = x + change[:, :-3]
        return best_angles, best_x, 0.5 * best_cost / self.noise[scene.cluster]

    def _ridges(self, scene: Scene) -> Tensor:
        """Return (N, J + 6) the weight of the prior on each unknown."""
        ridge = self._ridge[scene.cluster].clone()
        noise = self.noise[scene.cluster]
        ridge[:, -2] = noise / scene.tilt_sd**2
        ridge[:, -1] = noise / scene.roll_sd**2
        return ridge

    def _from_prior(self, scene: Scene, angles: Tensor) -> Tensor:
        """Return (N, 3) what the angles are off what they are drawn to."""
        off = torch.stack([angles[:, 0], scene.tilt, torch.zeros_like(scene.tilt)], dim=1)
        return angles - off


def _picture(scene: Scene, x: Tensor, columns: Tensor, pose: Tensor) -> tuple[Tensor, Tensor]:
    """Return what is seen of poses: its derivative (N, L*2, J + 6), and the picture (N, L, 2)."""
    near = 1 / (1 + scene.bend[:, None] * pose[..., 2]).clamp(min=NEAREST)  # (N, L)
    origin = scene.centre[:, None]
    seen = (pose[..., :2] + x[:, None, :2] + origin) * near[..., None]
    slide = (seen * scene.bend[:, None, None])[..., None] * columns[:, :, 2:]
    flat = (columns[:, :, :2] - slide) * near[..., None, None]
    return flat.flatten(1, 2), seen - origin


def _change(
    columns: Tensor, residual: Tensor, weights: Tensor, ridge: Tensor, away: Tensor
) -> Tensor:
    """Return (N, J + 6) the Gauss-Newton step; 0 where the system cannot be solved."""
    weighted = columns * weights[..., None]
    normal = weighted.mT @ columns + torch.diag_embed(ridge)
    right = (weighted.mT @ residual[..., None])[..., 0] - ridge * away
    factor, failed = torch.linalg.cholesky_ex(normal)
    change = torch.cholesky_solve(right[..., None], factor)[..., 0]
    return torch.where(failed[:, None] == 0, change, 0.0)
