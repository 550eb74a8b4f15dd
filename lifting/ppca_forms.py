"""What the search needs of a model at each view, computed once: quadratic forms of 2D poses.

At a fixed view and Gaussian the joints y are T u + B b + noise with T = [shift, mean pose], u =
(translation, scale), b = s a (footnote 3 of Tome et al. 2017). Without b, which has a prior, the
joints are Gaussian with covariance S = B D B' + v I; without u, which has none, what is left of
eq. 5 is v y' P y with P = S^-1 - S^-1 T (T' S^-1 T)^-1 T' S^-1. So every cost is a quadratic form
of the 2D pose, and the costs of all views are one matrix product with the pose's products.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .ppca_mixture import PPCAMixture
from .ppca_view import angle_cost, camera_rotations


@dataclass(frozen=True)
class ViewForms:
    """F = views x K forms of 2D poses of L joints; a 2D pose unwrapped is (x0, y0, x1, ...).

    Attributes:
        angles: (F, 3) azimuth, tilt, roll 0.
        cluster: (F,) which Gaussian.
        packed: (P, F) the forms P, in the order of `pose_products`.
        dense: (F, L*2, L*2) the same.
        offset: (F,) what the energy has besides: half the log determinants, weight, prior.
        scale: (L*2, F) columns that give the scale s.
        reduction: (L*2, R) orthonormal columns, R = 2 (L - 1), that no shift of the pose changes.
        solve: (F, J + 3, L*2) matrices that give x = (translation, b, s).
        place: (F, L*3 + 3, L*2) matrices that give s (mu + a e) in camera axes, translation, s.
    """

    angles: Tensor
    cluster: Tensor
    packed: Tensor
    dense: Tensor
    offset: Tensor
    scale: Tensor
    reduction: Tensor
    solve: Tensor
    place: Tensor


def view_forms(
    mixture: PPCAMixture,
    *,
    azimuths: int,
    tilts: Sequence[float],
    noise: float | Sequence[float] | np.ndarray,
    tilt_prior: bool,
    device: torch.device,
    first: float = 0.0,
) -> ViewForms:
    """Return the forms of all views and Gaussians, views of one Gaussian side by side.

    Args:
        mixture: the model.
        azimuths: number of turns about the vertical, evenly spaced.
        tilts: radians, how far the camera looks down.
        noise: variance of the 2D joints in units of the unit pose, added to each Gaussian's own;
            one or one for each Gaussian.
        tilt_prior: whether a tilt costs what `angle_cost` says.
        device: where the forms go, as float32.
        first: radians, the first of the turns.
    """
    turns = first + torch.arange(azimuths, dtype=torch.float64) * (2 * math.pi / azimuths)
    pitch = torch.tensor(list(tilts), dtype=torch.float64)
    angles = torch.cartesian_prod(pitch, turns, torch.zeros(1, dtype=torch.float64))
    angles = angles[:, [1, 0, 2]]  # (V, 3) azimuth, tilt, roll
    prior = 0.5 * angle_cost(angles) if tilt_prior else torch.zeros(len(angles))
    rotation = camera_rotations(angles)
    parts = []
    added = np.broadcast_to(noise, len(mixture.weights)).tolist()
    for one, weight, extra in zip(mixture.components, mixture.weights, added, strict=True):
        shapes = torch.from_numpy(np.concatenate([one.basis, one.mean[None]]))  # (J + 1, L, 3)
        turned = torch.einsum("vdc,klc->vldk", rotation, shapes)  # (V, L, 3, J + 1)
        variances = torch.from_numpy(one.variances)
        form, solve, log_det = _forms(turned[:, :, :2], variances, one.noise + extra)
        pose = torch.einsum("vldk,vkp->vldp", turned, solve[:, 2:]).flatten(1, 2)
        place = torch.cat([pose, solve[:, :2], solve[:, -1:]], dim=1)
        parts.append((form, solve, place, prior + 0.5 * log_det - math.log(weight)))
    form, solve, place, offset = (torch.cat(part) for part in zip(*parts, strict=True))
    K = len(parts)
    made = (
        angles.repeat(K, 1),
        torch.arange(K).repeat_interleave(len(angles)),
        pack(form, _reduction(form.shape[-1])).T.contiguous(),
        form,
        offset,
        solve[:, -1].T.contiguous(),
        _reduction(form.shape[-1]),
        solve,
        place,
    )
    return ViewForms(*(_moved(part, device) for part in made))


def _moved(part: Tensor, device: torch.device) -> Tensor:
    return (part.float() if part.is_floating_point() else part).to(device)


def pose_products(flat: Tensor, reduction: Tensor) -> Tensor:
    """Return the products of all pairs of coordinates, once the shift is taken out.

    Args:
        flat: (N, L*2) unwrapped 2D poses.
        reduction: (L*2, R) of `ViewForms`.

    Returns:
        (N, P) with P = R (R / 2 + 1).
    """
    reduced = flat @ reduction
    R = reduced.shape[1]
    twice = torch.cat([reduced, reduced], dim=1)
    # (N, R) -> (N, R/2 + 1, R): row d holds the coordinates shifted by d, round and round
    shifted = twice.unfold(1, R, 1)[:, : R // 2 + 1]
    return (reduced[:, None] * shifted).flatten(1)


def pack(form: Tensor, reduction: Tensor) -> Tensor:
    """Return (F, P) for symmetric forms (F, L*2, L*2): y' form y = pose_products(y) @ packed."""
    small = reduction.T @ form @ reduction  # (F, R, R)
    R = small.shape[-1]
    row = torch.arange(R).repeat(R // 2 + 1)
    distance = torch.arange(R // 2 + 1).repeat_interleave(R)
    once = (distance == 0) | (distance == R // 2)  # the others stand for two products each
    return small[:, row, (row + distance) % R] * torch.where(once, 1.0, 2.0)


def _forms(turned: Tensor, variances: Tensor, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return forms P (V, L*2, L*2), solutions (V, J + 3, L*2) and log determinants (V,).

    Args:
        turned: (V, L, 2, J + 1) basis and mean in the picture.
        variances: (J,) of the coefficients.
        noise: variance v of each coordinate.
    """
    V, L = turned.shape[:2]
    basis, mean = turned[..., :-1].flatten(1, 2), turned[..., -1:].flatten(1, 2)
    shift = torch.eye(2, dtype=turned.dtype).repeat(L, 1).expand(V, L * 2, 2)
    free = torch.cat([shift, mean], dim=-1)  # (V, L*2, 3) the columns without a prior
    covariance = (basis * variances) @ basis.mT + noise * torch.eye(L * 2, dtype=turned.dtype)
    precision = torch.linalg.inv(covariance)
    weighted = free.mT @ precision
    information = weighted @ free  # (V, 3, 3)
    to_free = torch.linalg.solve(information, weighted)  # (V, 3, L*2)
    form = precision - weighted.mT @ to_free
    to_basis = (basis * variances).mT @ form  # the posterior mean of b
    solve = torch.cat([to_free[:, :2], to_basis, to_free[:, 2:]], dim=1)
    log_det = torch.logdet(covariance) + torch.logdet(information)
    return (form + form.mT) / 2, solve, log_det


def _reduction(width: int) -> Tensor:
    """Return (L*2, 2 (L - 1)) orthonormal columns that a shift of the picture does not change."""
    L = width // 2
    contrast = np.tril(np.ones((L - 1, L)))  # Helmert's: row i is joints 0..i against joint i + 1
    contrast[np.arange(L - 1), np.arange(1, L)] = -np.arange(1.0, L)
    contrast /= np.linalg.norm(contrast, axis=1, keepdims=True)
    return torch.from_numpy(np.kron(contrast.T, np.eye(2)))
