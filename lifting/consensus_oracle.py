"""The consensus by a general convex solver: slow, and the judge of the fast one."""

import numpy as np
import torch
from torch import Tensor

from ..poses.errors import BadInput
from .consensus_admm import Solution
from .consensus_layout import Layout


def solve_with_cvxpy(
    rows: Tensor, weights: Tensor, layout: Layout, *, per_coordinate: bool
) -> Solution:
    """Return what `solve_admm` returns, solved pose after pose by cvxpy with Clarabel.

    Args:
        rows: (M, 3, B) hypotheses, mm.
        weights: (M, 1, B), from 0 to 1.

    Raises:
        BadInput: cvxpy is not installed.
    """
    try:
        import cvxpy as cp
    except ImportError:
        raise BadInput(
            "solver 'cvxpy' needs the package cvxpy, which is not installed; pip install cvxpy"
        ) from None
    M, _, B = rows.shape
    A = layout.incidence.double().cpu().numpy()
    both = cp.Variable((A.shape[1], 3))
    w, wF = cp.Parameter((M, 3), nonneg=True), cp.Parameter((M, 3))
    fit = cp.multiply(w, A @ both) - wF  # the weights inside the norms: cvxpy compiles it once
    lengths = cp.abs(fit) if per_coordinate else cp.norm(fit, 2, axis=1)
    problem = cp.Problem(cp.Minimize(cp.sum(lengths)))
    fits = np.zeros((M, 3, B))
    iterations = np.zeros(B, dtype=np.int64)
    for pose in range(B):
        F = rows[:, :, pose].double().cpu().numpy()
        size = max(float(np.abs(F).max()), 1e-12)
        w.value = np.repeat(weights[:, :, pose].double().cpu().numpy(), 3, axis=1)
        wF.value = w.value * F / size
        problem.solve(solver=cp.CLARABEL)
        fits[:, :, pose] = size * (A @ both.value) - F
        iterations[pose] = problem.solver_stats.num_iters or 0
    found = torch.as_tensor(fits, dtype=rows.dtype, device=rows.device)
    unknown = torch.full((B,), torch.nan, dtype=rows.dtype, device=rows.device)
    return Solution(
        found,
        torch.zeros_like(rows if per_coordinate else weights, dtype=torch.bool),
        torch.as_tensor(iterations, device=rows.device),
        unknown,
        unknown,
        torch.ones(B, dtype=torch.bool, device=rows.device),
    )
