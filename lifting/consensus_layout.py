"""Lay the hypotheses of all groups out as one column a pose, for the consensus solver."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


class Layout:
    """Know where each member of each group stands, and the linear algebra of eq. 9.

    The M members of all groups, group after group, are the rows of A = [E, -I (x) 1] (eq. 9): a
    row has 1 for its joint and -1 for its group's translation. A is the same for all
    poses, so that the basis of its column space and its pseudo-inverse are worked out once.

    Args:
        membership: (G, J) bool, the joints of each group.
        dtype, device: of the tensors.

    Attributes:
        G, J, M: numbers of groups, joints and members.
        place: (M,) of each member in the flattened (G, J).
        coordinates: (3 M,) of each member's coordinates in the flattened (G, J, 3).
        incidence: (M, J + G), the matrix A.
        basis: (M, R) orthonormal, R the rank of A.
        pinv: (J + G, M), which gives pose and translations.
    """

    def __init__(self, membership: np.ndarray, dtype: torch.dtype, device: torch.device) -> None:
        self.G, self.J = membership.shape
        group, joint = np.nonzero(membership)
        self.M = len(joint)
        A = np.zeros((self.M, self.J + self.G))
        A[np.arange(self.M), joint] = 1
        A[np.arange(self.M), self.J + group] = -1
        left, values, right = np.linalg.svd(A, full_matrices=False)
        keep = values > 1e-9 * values[0]
        pinv = (right[keep].T / values[keep]) @ left[:, keep].T
        self.incidence, self.basis, self.pinv = (
            torch.as_tensor(matrix, dtype=dtype, device=device)
            for matrix in (A, left[:, keep], pinv)
        )
        self.place = torch.as_tensor(group * self.J + joint, device=device)
        self.coordinates = (3 * self.place[:, None] + torch.arange(3, device=device)).flatten()

    def pack(self, hypotheses: Tensor) -> Tensor:
        """Return the members of (B, G, J, 3) as (M, 3, B): poses last, next to each other."""
        rows = hypotheses.flatten(1).index_select(1, self.coordinates)  # (B, M*3)
        return rows.T.contiguous().view(self.M, 3, len(rows))

    def pack_weights(self, weights: Tensor) -> Tensor:
        """Return the members of (B, G, J) as (M, 1, B)."""
        return weights.flatten(1).index_select(1, self.place).T.contiguous().unsqueeze(1)

    def unpack(self, rows: Tensor) -> Tensor:
        """Return (M, C, B) as (B, G, J, C) with zeros where a group lacks the joint."""
        _, C, B = rows.shape
        out = rows.new_zeros(B, self.G * self.J, C)
        out[:, self.place] = rows.permute(2, 0, 1)  # (M, C, B) -> (B, M, C)
        return out.view(B, self.G, self.J, C)

    def project(self, rows: Tensor) -> Tensor:
        """Return the part of (M, 3, B) rows that some pose and translations can make."""
        return (self.basis @ (self.basis.T @ rows.flatten(1))).view_as(rows)

    def solve(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return pose (B, J, 3) and translations (B, G, 3), A [X; t] = rows (M, 3, B)."""
        both = (
            (self.pinv @ rows.flatten(1)).view(self.J + self.G, 3, rows.shape[2]).permute(2, 0, 1)
        )
        return both[:, : self.J], both[:, self.J :]


@lru_cache(maxsize=32)
def _made(data: bytes, shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Layout:
    with torch.inference_mode(False):  # what is kept may be used in training later
        return Layout(np.frombuffer(data, dtype=bool).reshape(shape), dtype, device)


def layout_of(membership: np.ndarray, dtype: torch.dtype, device: torch.device) -> Layout:
    """Return the layout of (G, J) bool groups; those used last are kept."""
    return _made(membership.tobytes(), (membership.shape[0], membership.shape[1]), dtype, device)
