"""What all metrics share: pairs of predicted and true joints, and which of them count."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..poses.checks import float_array
from ..poses.errors import BadInput


def joint_pairs(
    predicted: ArrayLike, true: ArrayLike, mask: ArrayLike | None, D: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predicted and true joints (..., J, D) and which joints count (..., J).

    A joint counts where `mask` (..., J) or (J,) is true (None: everywhere) and the true joint is
    finite. A predicted joint that is missing does count: who predicts nothing must not win by it.

    Raises BadInput where the shapes differ or the coordinates are not `D`.
    """
    p, t = float_array("predicted", predicted), float_array("true", true)
    if p.shape != t.shape or p.ndim < 2 or (D is not None and p.shape[-1] != D):
        raise BadInput(
            f"predicted and true must have one shape (..., J, {D or 'D'}), "
            f"got {p.shape} and {t.shape}; convert both to one skeleton first"
        )
    counts = np.isfinite(t).all(axis=-1)
    if mask is not None:
        chosen = np.asarray(mask)
        if chosen.dtype != np.bool_ or chosen.shape not in (p.shape[:-1], p.shape[-2:-1]):
            raise BadInput(
                f"mask must be boolean of shape {p.shape[:-1]} or {p.shape[-2:-1]}, "
                f"got {chosen.shape} {chosen.dtype}; True keeps a joint"
            )
        counts = counts & chosen
    return p, t, counts


def mean_of_counted(values: np.ndarray, counts: np.ndarray, axis: int | None) -> np.ndarray:
    """Return the mean of `values` over `axis` (None: all) where `counts`; NaN where none does."""
    total = np.where(counts, values, 0.0).sum(axis=axis)
    n = counts.sum(axis=axis)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)
