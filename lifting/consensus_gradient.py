"""The gradient of the consensus, by implicit differentiation."""

import torch
from torch import Tensor

from .consensus_layout import Layout

SMOOTH = 1e-5  # distances are rounded off below this part of the mean distance


def with_gradient(
    pose: Tensor,
    rows: Tensor,
    weights: Tensor,
    fit: Tensor,
    locked: Tensor,
    layout: Layout,
) -> Tensor:
    """Return the pose unchanged, tied to the hypotheses and weights for autograd.

    At the optimum the gradient g of the objective in pose and translations is zero, so that
    d[X; t] = -K^-1 dg, K the second derivatives there (3 (J + G) square). Distances are taken as
    sqrt(r^2 + s^2) with a small s: a joint that lies exactly on a hypothesis then follows it, as
    it does in truth. Works in float64 and needs no iteration to be kept.

    Args:
        pose: (B, J, 3) the optimum.
        rows, weights: (M, 3, B) and (M, 1, B) as solved, with their graph.
        fit, locked: the `Solution`'s.
    """
    r = torch.where(locked, 0.0, fit).permute(2, 0, 1).double()  # (M, 3, B) -> (B, M, 3)
    per_coordinate = locked.shape[1] == 3
    w = weights.permute(2, 0, 1).double()  # (B, M, 1)
    F = rows.permute(2, 0, 1).double()
    with torch.no_grad():
        s = SMOOTH * _lengths(r, 0.0, per_coordinate).mean(dim=(1, 2), keepdim=True)
        s = s.clamp_min(1e-6)
        K = _second_derivatives(r, w, s, per_coordinate, layout)
    r = r - (F - F.detach())
    q = w * r / _lengths(r, s, per_coordinate)
    A = layout.incidence.double()
    slope = torch.einsum("ma,bmc->bac", A, q - q.detach())
    change = torch.linalg.solve(K, slope.flatten(1)).view_as(slope)
    return pose - change[:, : layout.J].to(pose.dtype)


def _lengths(r: Tensor, s: Tensor | float, per_coordinate: bool) -> Tensor:
    """Return (B, M, 1) rounded-off lengths of rows, or (B, M, 3) of coordinates."""
    squares = r.square() if per_coordinate else r.square().sum(dim=2, keepdim=True)
    return (squares + s**2).sqrt()


def _second_derivatives(
    r: Tensor, w: Tensor, s: Tensor, per_coordinate: bool, layout: Layout
) -> Tensor:
    """Return (B, 3 (J + G), 3 (J + G)), made regular in the directions that change nothing."""
    B = len(r)
    rho = _lengths(r, s, per_coordinate)
    eye = torch.eye(3, dtype=r.dtype, device=r.device)
    if per_coordinate:
        bend = torch.diag_embed(w * s**2 / rho**3)
    else:
        bend = (w / rho)[..., None] * (eye - (r / rho)[..., :, None] * (r / rho)[..., None, :])
    A = layout.incidence.double()
    size = A.shape[1]
    half = torch.einsum("ma,bmcd->bmacd", A, bend).flatten(3)  # (B, M, J+G, 9)
    K = torch.einsum("me,bmax->baex", A, half).view(B, size, size, 3, 3)
    K = K.permute(0, 1, 3, 2, 4).reshape(B, 3 * size, 3 * size)
    soft = w.mean(dim=(1, 2), keepdim=True) * SMOOTH / s  # w / r of a joint at the mean distance
    ones = torch.full((size, size), 1 / size, dtype=r.dtype, device=r.device)
    gauge = torch.kron(ones, eye)  # moving the pose and all translations changes nothing
    return K + soft.clamp_min(1e-12) * (
        gauge + 1e-8 * torch.eye(3 * size, dtype=r.dtype, device=r.device)
    )
