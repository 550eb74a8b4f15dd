"""Search the viewing angles for 2D poses: least squares at each, the best kept (eq. 5)."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from .ppca_model import PPCAModel
from .ppca_view import ROLL_COST, angle_cost, camera_rotations, roll_back

PIECE = 512  # poses of one weight pattern solved together
BUDGET = 24_000_000  # floats of work space, about 100 MB


class ViewSearch:
    """All viewing angles of a model, with everything that no 2D pose changes computed once.

    At a fixed rotation the joints are linear in x = (translation 2, b, s), where b = s a (the
    paper's footnote 3), and the best x minimises sum_l w_l |y_l - A_l x|^2 + noise sum_j (b_j /
    sigma_j)^2. Its normal equations need the weighted sums of A_l' A_l: one matrix product of
    the weights with a table. Poses that share a pattern of weights share the factorisation.

    Args:
        model: the Gaussian; `noise` is added to its own.
        azimuths: number T of rotations about the vertical.
        tilts_deg: how far the camera looks down, the values tried.
        rolls_deg: how far the body is rolled in the picture, clockwise, the values tried.
        noise: variance of the 2D joints in units of the unit pose.
    """

    def __init__(
        self,
        model: PPCAModel,
        *,
        azimuths: int,
        tilts_deg: Sequence[float],
        rolls_deg: Sequence[float],
        noise: float,
        device: torch.device,
    ) -> None:
        turns = torch.arange(azimuths, dtype=torch.float64) * (2 * math.pi / azimuths)
        tilts = torch.deg2rad(torch.tensor(tilts_deg, dtype=torch.float64))
        angles = torch.cartesian_prod(tilts, turns, torch.zeros(1, dtype=torch.float64))
        self.angles = angles[:, [1, 0, 2]]  # (T, 3) azimuth, tilt, roll
        shapes = np.concatenate([model.basis, model.mean[None]])  # (K-2, L, 3)
        flat = camera_rotations(self.angles)[:, :2]  # (T, 2, 3) the picture's axes
        shape_columns = torch.einsum("tdc,klc->tldk", flat, torch.from_numpy(shapes))
        T, L = shape_columns.shape[:2]
        shift = torch.eye(2, dtype=torch.float64).expand(T, L, 2, 2)
        design = torch.cat([shift, shape_columns], dim=-1)  # (T, L, 2, K)
        total = model.noise + noise
        ridge = torch.zeros(design.shape[-1], dtype=torch.float64)
        ridge[2:-1] = total / torch.from_numpy(model.variances)
        products = torch.einsum("tldk,tldm->ltkm", design, design)
        self._products = products.flatten(1).float().to(device)  # (L, T*K*K)
        # (T, L, 2, K) -> (L*2, T*K)
        self._design = design.permute(1, 2, 0, 3).flatten(2).flatten(0, 1).float().to(device)
        self._ridge = torch.diag(ridge).float().to(device)
        self._prior = (total * angle_cost(self.angles)).float().to(device)
        self.angles = self.angles.float().to(device)
        rolls = torch.deg2rad(torch.tensor(rolls_deg, dtype=torch.float64))
        self.rolls = rolls.float().to(device)  # (R,)
        self._roll_prior = total * ROLL_COST * (self.rolls != 0)
        self._shape = (T, design.shape[-1])

    def search(self, joints: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the best viewing angle of each pose and the solution there.

        A rolled body is not a view of its own: the 2D joints are rolled back, which leaves the
        normal equations as they are and adds right sides only.

        Args:
            joints: (N, L, 2) float32, centred, about the model's size; 0 where the weight is 0.
            weights: (N, L) float32 from 0 to 1, not all 0.

        Returns:
            (N, 3) azimuth, tilt and 0; (N,) the roll; and (N, K) the solution x for the joints
            rolled back by it. The scale x[:, -1] is above 0 where any view has such a solution.
        """
        N = len(joints)
        (T, K), R = self._shape, len(self.rolls)
        best = torch.zeros(N, dtype=torch.long, device=joints.device)
        solution = torch.zeros(N, K, device=joints.device)
        blocks = _chunks(weights.cpu().numpy(), work_one=R * T * K, work_shared=T * K**2)
        for patterns, members in blocks:
            rows = torch.from_numpy(members).to(joints.device)  # (U, m), padded with -1
            first = weights[torch.from_numpy(patterns).to(joints.device)]  # (U, L)
            t, x = self._solve(joints[rows.clamp(min=0)], first)
            real = rows >= 0
            best[rows[real]], solution[rows[real]] = t[real], x[real]
        return self.angles[best // R], self.rolls[best % R], solution

    def _solve(self, joints: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Solve U patterns (U, L) of m poses (U, m, L, 2); return (U, m) views, (U, m, K) x.

        View t R + r has angle t and roll r.
        """
        (U, m), (T, K), R = joints.shape[:2], self._shape, len(self.rolls)
        normal = (weights @ self._products).view(U, T, K, K) + self._ridge
        factor = torch.linalg.cholesky(normal)
        rolled = roll_back(joints[:, None], self.rolls[:, None])  # (U, R, m, L, 2)
        weighted = rolled * weights[:, None, None, :, None]
        right = (weighted.flatten(3) @ self._design).view(U, R * m, T, K)
        z = torch.linalg.solve_triangular(factor, right.permute(0, 2, 3, 1), upper=False)
        # |y|^2 is the same for all views: the cost is the prior less what the fit explains
        prior = self._prior[:, None, None] + self._roll_prior[:, None]  # (T, R, 1)
        cost = prior - z.square().sum(dim=2).view(U, T, R, m)
        # back substitution's first step gives the scale: z_K / factor_KK
        cost = torch.where(z[:, :, -1].view(U, T, R, m) > 0, cost, torch.inf)
        best = cost.flatten(1, 2).argmin(dim=1)  # (U, m)
        index = torch.arange(U, device=best.device)[:, None]
        column = best % R * m + torch.arange(m, device=best.device)
        z_best = z.permute(0, 1, 3, 2)[index, best // R, column]  # (U, m, K)
        upper = factor[index, best // R].mT  # (U, m, K, K)
        return best, torch.linalg.solve_triangular(upper, z_best[..., None], upper=True)[..., 0]


def _chunks(
    weights: np.ndarray, *, work_one: int, work_shared: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of poses that fit into the budget, those with equal weights side by side.

    Args:
        weights: (N, L) the patterns.
        work_one: floats that a pose needs.
        work_shared: floats that a pattern needs.

    Yields:
        (U,) a pose with each pattern, and (U, m) the poses of the pattern, padded with -1.
    """
    N = len(weights)
    pattern = np.unique(weights, axis=0, return_inverse=True)[1].reshape(N)
    order = np.argsort(pattern, kind="stable")
    start = np.searchsorted(pattern[order], pattern[order])
    rank = np.arange(N) - start  # among the poses of the same pattern
    # a pattern of many poses falls into several pieces, the small pieces come last
    piece = np.cumsum(rank % PIECE == 0) - 1
    size = np.bincount(piece)
    by_size = np.argsort(-size, kind="stable")
    first = np.concatenate([[0], np.cumsum(size)])  # of each piece, in `order`
    done = 0
    while done < len(size):
        widest = int(size[by_size[done]])
        count = max(1, BUDGET // (2 * widest * work_one + 2 * work_shared))
        taken = by_size[done : done + count]
        slots = first[taken][:, None] + np.arange(widest)
        members = order[np.minimum(slots, N - 1)]
        members[np.arange(widest) >= size[taken][:, None]] = -1
        yield members[:, 0], members
        done += count
