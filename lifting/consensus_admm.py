"""ADMM for the consensus of joint groups, many poses at once (Cha et al. 2018, eq. 11)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .consensus_layout import Layout

RELAX = 1.5  # over-relaxation, from 1 (none) to below 2
PENALTY = 1.0  # 1 / mu at the start, as a part of the mean distance at the start
CHECK = 5  # iterations from one look at the residuals to the next
ADAPT_UNTIL = 100  # mu rests from here on, so that the proof of convergence holds
LEAVE = 0.25  # part of the poses that must have arrived before any leave the computation
UNBALANCED = 4.0  # ratio of the two residuals at which mu changes


@dataclass(frozen=True)
class Solution:
    """What ADMM found for B poses of M members.

    `fit` (M, 3, B) is A [X; t] - F; `locked` (M, 3 or 1, B) says where N is exactly zero;
    `iterations`, `primal_mm`, `dual`, `converged` (B,).
    """

    fit: Tensor
    locked: Tensor
    iterations: Tensor
    primal_mm: Tensor
    dual: Tensor
    converged: Tensor


def solve_admm(
    start: Tensor,
    weights: Tensor,
    layout: Layout,
    *,
    per_coordinate: bool,
    tolerance: Tensor,
    floor_mm: Tensor,
    max_iterations: int,
) -> Solution:
    """Minimise the weighted sum of the lengths of the rows of N = A [X; t] - F; eq. 11.

    The step in X and t is the projection P on the column space of A, the same for all poses and
    every mu. The step in N shrinks each row by its weight / mu. With u the scaled multiplier and
    v = fit + u, over-relaxed by a, an iteration is

        N = shrink(v),  u = v - N,  D = P (N - u) + Q,  v <- v + a (D - N),

    Q the part of -F that P takes away. D is a fit that a pose and translations make, and mu u a
    subgradient at N. Where D = N, both are optimal. The part of D - N that P takes away is how far
    N is from any pose (primal residual); the part that P keeps is minus that of u, which must be
    zero at the optimum (dual residual, times mu). mu is one number a pose, halved or doubled
    while one residual is much the larger. Poses that have arrived leave the computation.

    Args:
        start: (M, 3, B) A [X; t] - F for any pose and translations, mm.
        weights: (M, 1, B), from 0 to 1.
        layout: of the groups; gives P.
        per_coordinate: shrink each coordinate by itself (l1, eq. 7), not each point (l2,1).
        tolerance: (B,) primal residual as a part of the mean distance at the start; dual residual.
        floor_mm: (B,) what rounding alone can leave of the residuals.
        max_iterations: at most.
    """
    active = _Active(start, weights, layout, per_coordinate, floor_mm, tolerance)
    B = start.shape[2]
    unset = start.new_zeros(B)
    done = Solution(
        fit=torch.empty_like(start),
        locked=torch.zeros_like(start if per_coordinate else weights, dtype=torch.bool),
        iterations=unset.long(),
        primal_mm=unset.clone(),
        dual=unset.clone(),
        converged=unset.bool(),
    )
    for iteration in range(1, max_iterations + 1):
        last = iteration == max_iterations
        if iteration % CHECK and not last:
            active.step()
            continue
        D, share, primal_mm, dual = active.measured_step()
        good = active.arrived(primal_mm, dual)
        count = int(good.sum())
        if last or count >= LEAVE * len(good):
            leaving = (good | last).nonzero().squeeze(1)
            at = active.index[leaving]
            done.fit[:, :, at] = D.index_select(2, leaving)
            done.locked[:, :, at] = share.index_select(2, leaving) >= 1
            done.iterations[at], done.converged[at] = iteration, good[leaving]
            done.primal_mm[at], done.dual[at] = primal_mm[leaving], dual[leaving]
            if len(leaving) == len(good):
                break
        if iteration <= ADAPT_UNTIL:
            active.adapt(primal_mm, dual)
        if count >= LEAVE * len(good):
            active.keep((~good).nonzero().squeeze(1))
    return done


class _Active:
    """The poses that still iterate: state (M, 3, B) and one `kappa` = 1 / mu a pose."""

    def __init__(
        self,
        start: Tensor,
        weights: Tensor,
        layout: Layout,
        per_coordinate: bool,
        floor: Tensor,
        tolerance: Tensor,
    ) -> None:
        self.layout, self.per_coordinate = layout, per_coordinate
        self.v, self.weights, self.floor, self.tolerance = start, weights, floor, tolerance
        self.outside = start - layout.project(start)
        mass = weights.sum(dim=(0, 1)).clamp_min(torch.finfo(start.dtype).tiny)
        lengths = start.abs().mean(1, keepdim=True) if per_coordinate else length(start)
        self.size = torch.maximum((lengths * weights).sum(dim=(0, 1)) / mass, floor)
        self.kappa = PENALTY * self.size
        self.norm = weights.square().sum(dim=(0, 1)).sqrt().clamp_min(1e-6)
        self.index = torch.arange(start.shape[2], device=start.device)

    def step(self) -> None:
        """Do one iteration: v <- (1 - a + a share) v + a Q + a P ((1 - 2 share) v)."""
        share = self._share()
        y = self.v * torch.sub(1, share, alpha=2)
        kept = torch.addcmul(RELAX * self.outside, self.v, share.mul_(RELAX).add_(1 - RELAX))
        along = self.layout.basis.T @ y.flatten(1)
        new = torch.addmm(kept.flatten(1), self.layout.basis, along, alpha=RELAX)
        self.v = new.view_as(self.v)

    def measured_step(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Do one iteration; return D, the share of u in v, and both residuals (B,)."""
        share = self._share()
        u = self.v * share
        N = self.v - u
        D = self.layout.project(N - u) + self.outside
        step = D - N
        self.v = torch.add(self.v, step, alpha=RELAX)
        along = self.layout.basis.T @ u.flatten(1)  # (R, 3*B), minus that of the step
        kept = along.view(len(along), *step.shape[1:]).square().sum(dim=(0, 1))
        lost = (step.square().sum(dim=(0, 1)) - kept).clamp_min(0)
        primal_mm = (lost / len(step)).sqrt()
        return D, share, primal_mm, kept.sqrt() / (self.kappa * self.norm)

    def arrived(self, primal_mm: Tensor, dual: Tensor) -> Tensor:
        near = primal_mm <= self.tolerance * self.size + self.floor
        return near & (dual <= self.tolerance + self.floor / self.kappa)

    def adapt(self, primal_mm: Tensor, dual: Tensor) -> None:
        """Change mu where the residuals are out of balance, and u with it."""
        primal = primal_mm / self.size
        factor = torch.ones_like(primal)
        factor[primal > UNBALANCED * dual] = 0.5
        factor[dual > UNBALANCED * primal] = 2.0
        if bool((factor != 1).any()):
            self.v = self.v * (1 + self._share() * (factor - 1))
            self.kappa = self.kappa * factor

    def keep(self, at: Tensor) -> None:
        """Go on with the poses at these places only."""
        of_poses = ("v", "outside", "weights", "size", "kappa", "norm", "index")
        for name in (*of_poses, "floor", "tolerance"):
            setattr(self, name, getattr(self, name).index_select(-1, at))

    def _share(self) -> Tensor:
        """Return what part of each row of v is u; the rest is N = shrink(v)."""
        tiny = torch.finfo(self.v.dtype).tiny
        threshold = self.weights * self.kappa
        if self.per_coordinate:
            return (threshold / self.v.abs().clamp_min_(tiny)).clamp_max_(1)
        return squared(self.v).clamp_min_(tiny).rsqrt_().mul_(threshold).clamp_max_(1)


def squared(rows: Tensor) -> Tensor:
    """Return (M, 1, B) squared lengths of (M, 3, B); faster than a reduction over axis 1."""
    x, y, z = rows.square().split(1, dim=1)
    return x + y + z


def length(rows: Tensor) -> Tensor:
    """Return (M, 1, B) lengths of (M, 3, B)."""
    return squared(rows).sqrt_()
