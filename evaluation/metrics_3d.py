"""Errors of 3D poses.

In all of them `predicted_mm` and `true_mm` are (..., J, 3) in millimetres. A joint that is NaN in
`true_mm` or False in `mask` ((..., J) or (J,)) is left out. A joint that counts but was not
predicted (NaN) makes the error of its pose NaN, and counts as wrong where joints are counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..poses.align import rigid_align, similarity_align
from ..poses.errors import BadInput
from .pairs import joint_pairs, mean_of_counted


def mpjpe_mm(
    predicted_mm: ArrayLike, true_mm: ArrayLike, root: int = 0, mask: ArrayLike | None = None
) -> np.ndarray:
    """Return the mean joint error (...) of each pose, millimetres, roots laid upon each other.

    Protocol 1 of Human3.6M. The root itself counts with error 0, as in the field's tables; mask
    it to leave it out. NaN where either root is missing.

    >>> true_mm = np.zeros((2, 3))
    >>> mpjpe_mm([[1.0, 1, 1], [4, 5, 1]], true_mm)            # off by (3, 4, 0): (0 + 5) / 2
    array(2.5)
    """
    p, t, counts = _root_aligned(predicted_mm, true_mm, root, mask)
    return mean_of_counted(np.linalg.norm(p - t, axis=-1), counts, axis=-1)


def mpjpe_rigid_mm(
    predicted_mm: ArrayLike, true_mm: ArrayLike, mask: ArrayLike | None = None
) -> np.ndarray:
    """Return the mean joint error (...) of each pose after the best rotation and shift.

    Without reflections; NaN where fewer than three joints count.

    >>> true_mm = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    >>> float(mpjpe_rigid_mm(true_mm[:, [1, 2, 0]] + 5, true_mm).round(6))
    0.0
    """
    p, t, counts = joint_pairs(predicted_mm, true_mm, mask, D=3)
    aligned = rigid_align(p, t, counts.astype(np.float64))
    return mean_of_counted(np.linalg.norm(aligned - t, axis=-1), counts, axis=-1)


def mpjpe_similarity_mm(
    predicted_mm: ArrayLike, true_mm: ArrayLike, mask: ArrayLike | None = None
) -> np.ndarray:
    """Return the mean joint error (...) of each pose after the best rotation, shift and scale.

    Protocol 2 of Human3.6M, also P-MPJPE or PA-MPJPE. Without reflections; NaN where fewer than
    three joints count.

    >>> true_mm = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    >>> float(mpjpe_similarity_mm(3 * true_mm + 5, true_mm).round(6))
    0.0
    """
    p, t, counts = joint_pairs(predicted_mm, true_mm, mask, D=3)
    aligned = similarity_align(p, t, counts.astype(np.float64))
    return mean_of_counted(np.linalg.norm(aligned - t, axis=-1), counts, axis=-1)


def n_mpjpe_mm(
    predicted_mm: ArrayLike, true_mm: ArrayLike, root: int = 0, mask: ArrayLike | None = None
) -> np.ndarray:
    """Return the mean joint error (...) of each pose, roots together, after the best scale.

    N-MPJPE of Rhodin et al. 2018: the scale is <predicted, true> / <predicted, predicted>.
    NaN where the predicted joints are all at the root.

    >>> true_mm = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    >>> float(n_mpjpe_mm(3 * true_mm, true_mm).round(6))
    0.0
    """
    p, t, counts = _root_aligned(predicted_mm, true_mm, root, mask)
    both = np.where(counts, np.sum(p * t, axis=-1), 0.0).sum(axis=-1)
    own = np.where(counts, np.sum(p * p, axis=-1), 0.0).sum(axis=-1)
    scale = both / np.where(own > 0, own, np.nan)
    error = np.linalg.norm(scale[..., None, None] * p - t, axis=-1)
    return mean_of_counted(error, counts, axis=-1)


def mpjve_mm(
    predicted_mm: ArrayLike, true_mm: ArrayLike, root: int = 0, mask: ArrayLike | None = None
) -> np.ndarray:
    """Return the mean velocity error (..., T-1) between frames of (..., T, J, 3), mm per frame.

    MPJVE of Pavllo et al. 2019: the mean norm of the difference of first differences, roots
    laid upon each other. A joint counts where it does in both frames.

    >>> true_mm = np.zeros((2, 2, 3))
    >>> predicted_mm = np.zeros((2, 2, 3))
    >>> predicted_mm[1, 1] = [0, 6, 8]
    >>> mpjve_mm(predicted_mm, true_mm)                        # (0 + 10) / 2
    array([5.])
    """
    p, t, counts = _root_aligned(predicted_mm, true_mm, root, mask)
    if p.ndim < 3:
        raise BadInput(f"frames must have shape (..., T, J, 3), got {p.shape}; pass a sequence")
    error = np.linalg.norm(np.diff(p, axis=-3) - np.diff(t, axis=-3), axis=-1)
    return mean_of_counted(error, counts[..., 1:, :] & counts[..., :-1, :], axis=-1)


def pck_3d(
    predicted_mm: ArrayLike,
    true_mm: ArrayLike,
    root: int = 0,
    mask: ArrayLike | None = None,
    threshold_mm: float = 150.0,
) -> float:
    """Return the fraction of joints less than `threshold_mm` off, roots laid upon each other.

    As in MPI-INF-3DHP (Mehta et al. 2017). The root counts as correct; mask it to leave it out.
    A pose whose true root is not known is left out. NaN where nothing counts.

    >>> true_mm = np.zeros((1, 3, 3))
    >>> predicted_mm = [[[0.0, 0, 0], [0, 149, 0], [0, 0, 150]]]
    >>> round(pck_3d(predicted_mm, true_mm), 3)
    0.667
    """
    p, t, counts = _root_aligned(predicted_mm, true_mm, root, mask)
    error, counts = np.linalg.norm(p - t, axis=-1), counts & np.isfinite(t).all(-1)
    return float(mean_of_counted(error < threshold_mm, counts, axis=None))


def auc_3d(
    predicted_mm: ArrayLike, true_mm: ArrayLike, root: int = 0, mask: ArrayLike | None = None
) -> float:
    """Return the mean of `pck_3d` over the 31 thresholds 0, 5, ..., 150 mm, as MPI-INF-3DHP.

    >>> true_mm = np.zeros((1, 2, 3))
    >>> predicted_mm = [[[0.0, 0, 0], [0, 0, 74]]]             # right from 75 mm on: 16 of 31
    >>> round(auc_3d(predicted_mm, true_mm, mask=[False, True]) * 31)
    16
    """
    p, t, counts = _root_aligned(predicted_mm, true_mm, root, mask)
    error, counts = np.linalg.norm(p - t, axis=-1), counts & np.isfinite(t).all(-1)
    thresholds = np.linspace(0.0, 150.0, 31)
    return float(np.mean([mean_of_counted(error < limit, counts, None) for limit in thresholds]))


def _root_aligned(
    predicted_mm: ArrayLike, true_mm: ArrayLike, root: int, mask: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p, t, counts = joint_pairs(predicted_mm, true_mm, mask, D=3)
    J = p.shape[-2]
    if not 0 <= root < J:
        raise BadInput(f"root must be the index of one of the {J} joints, got {root}")
    return p - p[..., root : root + 1, :], t - t[..., root : root + 1, :], counts
