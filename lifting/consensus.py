"""Bring the hypotheses of joint groups together into one pose (Cha et al. 2018, section 5)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..poses.checks import float_array
from ..poses.errors import BadInput
from .consensus_admm import Solution, length, solve_admm
from .consensus_gradient import with_gradient
from .consensus_layout import Layout, layout_of
from .consensus_oracle import solve_with_cvxpy
from .consensus_weights import placed_joints, weighted_start

NORMS = ("l21", "l1")
SOLVERS = ("admm", "cvxpy")
CPU_BLOCK = 1024  # poses solved together: what they need stays in the processor's cache
GPU_BLOCK = 65536
SLIGHT = 0.05  # largest weight of a joint, where others have 1, that residuals still tell of


@dataclass(frozen=True)
class Consensus:
    """Hold what `solve_consensus` found for N poses.

    `pose_mm` (N, J, 3), NaN for joints that cannot be placed; `translations_mm` (N, G, 3), what
    each group's hypothesis is moved by to lie on the pose, NaN for groups that see none of it;
    `objective_mm` (N,), the weighted sum of distances that eq. 8 (or 7) makes least; `group_mm`
    (N, G), the weighted mean distance of each group from the pose; `iterations`, `primal_mm`,
    `dual` (N,) the residuals at the end, `converged` (N,) bool. Only the pose carries a gradient.
    """

    pose_mm: Tensor
    translations_mm: Tensor
    objective_mm: Tensor
    group_mm: Tensor
    iterations: Tensor
    primal_mm: Tensor
    dual: Tensor
    converged: Tensor


@dataclass(frozen=True)
class _Problem:
    """What is the same for all poses."""

    layout: Layout
    root: int
    per_coordinate: bool
    solver: str
    tolerance: float
    max_iterations: int


def solve_consensus(
    hypotheses_mm: Tensor,
    membership: ArrayLike,
    weights: Tensor | None = None,
    *,
    root: int = 0,
    norm: str = "l21",
    solver: str = "admm",
    tolerance: float = 2e-4,
    max_iterations: int = 1000,
) -> Consensus:
    """Return the poses that lie closest to their groups' hypotheses, wherever those stand.

    Minimises over the pose X and one translation t_g a group the weighted sum of the distances
    |X_j - H_gj - t_g|; eq. 8, or with coordinates in the place of distances eq. 7. A sum of
    distances, not of squares, so that a group far off has little say. ADMM solves all poses at
    once. The result is relative to the root where the root can be placed, otherwise to the mean
    of the placed joints. Where the hypotheses or the weights require a gradient, `pose_mm` has
    it, exact at the optimum.

    Args:
        hypotheses_mm: (N, G, J, 3), each group in its own position. Only members count; a
            member with NaN is not seen.
        membership: (G, J) bool, the joints of each group.
        weights: (N, G, J) confidence, at least 0; None for ones. Zero leaves a joint out.
        root: index of the root joint.
        norm: "l21" or "l1" (the ablation).
        solver: "admm", or "cvxpy" for a general solver, pose after pose: the oracle.
        tolerance: of ADMM's residuals (see `solve_admm`); smaller in poses with a joint whose
            weights are all below a twentieth of the others', for which the residuals of the whole
            pose hardly tell where it stands.
        max_iterations: of ADMM.

    Returns:
        A `Consensus` of tensors of the hypotheses' type (float32 unless float64) and device. Two
        joints hang together where one group sees both; joints that no chain of groups ties to
        the root (or, without one, to the largest part) are NaN.

    Raises:
        BadInput: shapes that do not fit, negative or NaN weights, an unknown norm or solver.

    >>> right_angle = torch.tensor([[0.0, 0, 0], [300, 0, 0], [0, 400, 0]])
    >>> moved = torch.stack([right_angle, right_angle + 50])[None]
    >>> solve_consensus(moved, np.ones((2, 3))).pose_mm.round().tolist()
    [[[0.0, 0.0, 0.0], [300.0, 0.0, 0.0], [0.0, 400.0, 0.0]]]
    """
    member = _checked_membership(membership)
    _check(hypotheses_mm, member, weights, root, norm, solver)
    dtype = torch.float64 if hypotheses_mm.dtype == torch.float64 else torch.float32
    layout = layout_of(member, dtype, hypotheses_mm.device)
    problem = _Problem(layout, root, norm == "l1", solver, tolerance, max_iterations)
    size = CPU_BLOCK if hypotheses_mm.device.type == "cpu" else GPU_BLOCK
    parts = []
    for begin in range(0, max(len(hypotheses_mm), 1), size):
        rows = layout.pack(hypotheses_mm[begin : begin + size].to(dtype))
        w = None if weights is None else weights[begin : begin + size].to(dtype)
        parts.append(_solve_block(problem, rows, None if w is None else layout.pack_weights(w)))
    return Consensus(*(torch.cat(column) for column in zip(*parts, strict=True)))


def consensus(
    hypotheses_mm: ArrayLike,
    membership: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    root: int = 0,
    norm: str = "l21",
    solver: str = "admm",
) -> np.ndarray:
    """Return the consensus poses of arrays; `solve_consensus` for numpy.

    Args:
        hypotheses_mm: (N, G, J, 3).
        membership: (G, J) bool.
        weights: (N, G, J), or None for ones.

    Returns:
        (N, J, 3) mm, relative to the root.

    Raises:
        BadInput: as `solve_consensus`.

    >>> consensus(np.zeros((1, 2, 3, 3)), [[True, True, False], [False, True, True]]).shape
    (1, 3, 3)
    """
    H = _as_tensor("hypotheses_mm", hypotheses_mm)
    w = None if weights is None else _as_tensor("weights", weights)
    with torch.no_grad():
        found = solve_consensus(H, membership, w, root=root, norm=norm, solver=solver)
    return found.pose_mm.numpy()


def _as_tensor(name: str, array: ArrayLike) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(float_array(name, array)))


def _solve_block(problem: _Problem, rows: Tensor, weights: Tensor | None) -> tuple[Tensor, ...]:
    """Return the fields of `Consensus` for (M, 3, B) rows and (M, 1, B) weights."""
    layout = problem.layout
    total = rows.detach().sum(dim=1, keepdim=True)
    seen = total - total == 0  # finite: NaN and inf minus themselves are NaN
    w = seen.to(rows.dtype) if weights is None else weights * seen
    given, rows = rows.detach(), torch.where(w > 0, rows, 0.0)
    with torch.no_grad():
        unit = w / w.amax(dim=0, keepdim=True).clamp_min(torch.finfo(w.dtype).tiny)
        all_seen = bool((unit > 0).all())
        fitted = layout.project(rows) if all_seen else weighted_start(rows, unit, layout)
        filled = rows if all_seen else torch.where(unit > 0, rows, fitted)
        found = _solve_rows(problem, filled, fitted, unit)
        pose, t = layout.solve(found.fit + filled)
        some = w[:, :, :1] if all_seen else w
        placed = placed_joints(some, layout, problem.root).expand(len(pose), -1)
        size = found.fit.abs().sum(dim=1, keepdim=True) if problem.per_coordinate else None
        distances = w * (length(found.fit) if size is None else size)
        per_group = layout.unpack(torch.cat([distances, w], dim=1)).sum(dim=2)  # (B, G, 2)
    if torch.is_grad_enabled() and (rows.requires_grad or w.requires_grad):
        # a row of weight 0 was solved for as if it lay where the others put it
        fit = torch.where(w > 0, found.fit, (found.fit + filled - given).nan_to_num(0.0, 0.0, 0.0))
        pose = with_gradient(pose, rows, w, fit, found.locked, layout)
    origin = _origin(pose, placed, problem.root)
    pose = torch.where(placed[..., None], pose - origin, torch.nan)
    with torch.no_grad():
        joined = ((layout.unpack(w).squeeze(3) > 0) & placed[:, None]).any(dim=2)
        t = torch.where(joined[..., None], t - origin, torch.nan)
    return (
        pose,
        t,
        per_group[..., 0].sum(dim=1),
        per_group[..., 0] / per_group[..., 1],
        found.iterations,
        found.primal_mm,
        found.dual,
        found.converged,
    )


def _solve_rows(problem: _Problem, rows: Tensor, fitted: Tensor, unit: Tensor) -> Solution:
    """Return the `Solution` of finite rows, from the fit of least squares on."""
    if problem.solver == "cvxpy":
        return solve_with_cvxpy(rows, unit, problem.layout, per_coordinate=problem.per_coordinate)
    return solve_admm(
        fitted - rows,
        unit,
        problem.layout,
        per_coordinate=problem.per_coordinate,
        tolerance=problem.tolerance * _strictness(unit, problem.layout),
        floor_mm=rows.abs().amax(dim=(0, 1)) * 8 * torch.finfo(rows.dtype).eps + 1e-12,
        max_iterations=problem.max_iterations,
    )


def _strictness(unit: Tensor, layout: Layout) -> Tensor:
    """Return the part (B,) of the tolerance that poses with slight joints have."""
    largest = layout.unpack(unit).squeeze(3).amax(dim=1)  # (B, J)
    least = torch.where(largest > 0, largest, 1.0).amin(dim=1)
    return (least / SLIGHT).clamp(max=1)


def _origin(pose: Tensor, placed: Tensor, root: int) -> Tensor:
    """Return (B, 1, 3) the root, or the mean of the placed joints where it is not one of them."""
    count = placed.sum(dim=1, keepdim=True).clamp_min(1)
    mean = torch.where(placed[..., None], pose, 0.0).sum(dim=1) / count
    return torch.where(placed[:, root, None], pose[:, root], mean)[:, None]


def _checked_membership(membership: ArrayLike) -> np.ndarray:
    member = np.asarray(membership)
    if member.ndim != 2 or not np.isin(member, (0, 1)).all() or not member.any(axis=1).all():
        raise BadInput(
            "membership must be (G, J) of True and False with a joint in each group, got "
            f"shape {member.shape}; make it with group_membership"
        )
    return np.ascontiguousarray(member, dtype=bool)


def _check(
    hypotheses_mm: Tensor,
    member: np.ndarray,
    weights: Tensor | None,
    root: int,
    norm: str,
    solver: str,
) -> None:
    G, J = member.shape
    if hypotheses_mm.ndim != 4 or hypotheses_mm.shape[1:] != (G, J, 3):
        raise BadInput(
            f"hypotheses_mm must have shape (N, {G}, {J}, 3) for {G} groups of {J} joints, "
            f"got {tuple(hypotheses_mm.shape)}; leave NaN where a group lacks the joint"
        )
    if weights is not None and weights.shape != hypotheses_mm.shape[:3]:
        raise BadInput(
            f"weights must have shape {tuple(hypotheses_mm.shape[:3])} as the hypotheses, "
            f"got {tuple(weights.shape)}; give one to each joint of each group"
        )
    if weights is not None and not bool(((weights >= 0) & weights.isfinite()).all()):
        raise BadInput("weights must be finite and at least 0; give hidden joints 0")
    if not 0 <= root < J:
        raise BadInput(f"root must be a joint from 0 to {J - 1}, got {root}")
    if norm not in NORMS:
        raise BadInput(f"norm must be one of {NORMS}, got {norm!r}")
    if solver not in SOLVERS:
        raise BadInput(f"solver must be one of {SOLVERS}, got {solver!r}")
