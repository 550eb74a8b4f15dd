"""Align poses with each other: the best rotation, shift and, where asked for, scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .checks import float_array
from .errors import BadInput

_MIN_JOINTS = 3
_ROUNDING = 32  # a pose that spreads by so many last digits of where it stands is one point


@dataclass(frozen=True, eq=False)
class Alignment:
    """Hold the maps x -> scale * rotation @ x + translation of a batch of poses.

    `rotation` (..., D, D) has determinant 1, `scale` is (...), `translation` (..., D). All are
    NaN for a pose without enough joints.

    >>> half = Alignment(np.eye(3), np.array(0.5), np.array([1.0, 0.0, 0.0]))
    >>> half.apply([[2.0, 4.0, 6.0]])
    array([[2., 2., 3.]])
    """

    rotation: np.ndarray
    scale: np.ndarray
    translation: np.ndarray

    def apply(self, joints: ArrayLike) -> np.ndarray:
        """Return the mapped joints (..., J, D)."""
        points = float_array("joints", joints)
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return self.scale[..., None, None] * turned + self.translation[..., None, :]


def fit_rigid(moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None = None) -> Alignment:
    """Return the rotations and shifts that lay `moving` (..., J, D) best upon `fixed`.

    Best in (weighted) least squares over the joints, without reflections (Kabsch 1976; Umeyama
    1991, equations 39-43, with scale 1). `weights` (..., J) are not negative, None stands for 1.
    A joint that is not finite in either pose is left out; with fewer than three joints of weight
    above 0 the result is NaN.

    Raises BadInput where shapes differ or a weight is negative or NaN.

    >>> square = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])
    >>> fit_rigid(square, square + [5, 0, 0]).translation.round(6)
    array([5., 0., 0.])
    """
    return _fit(moving, fixed, weights, with_scale=False)


def fit_similarity(
    moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None = None
) -> Alignment:
    """Return the rotations, shifts and scales that lay `moving` (..., J, D) best upon `fixed`.

    As `fit_rigid`, with Umeyama's scale (1991, equation 42); a pose with all joints at one point
    has none and gives NaN.

    >>> square = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])
    >>> float(fit_similarity(square, 3 * square).scale.round(6))
    3.0
    """
    return _fit(moving, fixed, weights, with_scale=True)


def rigid_align(
    moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None = None
) -> np.ndarray:
    """Return `moving` (..., J, D) turned and shifted onto `fixed`; see `fit_rigid`.

    >>> triangle = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    >>> np.allclose(rigid_align(triangle + 9, triangle), triangle)
    True
    """
    return fit_rigid(moving, fixed, weights).apply(moving)


def similarity_align(
    moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None = None
) -> np.ndarray:
    """Return `moving` (..., J, D) turned, shifted and scaled onto `fixed`; see `fit_similarity`.

    >>> triangle = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    >>> np.allclose(similarity_align(4 * triangle + 9, triangle), triangle)
    True
    """
    return fit_similarity(moving, fixed, weights).apply(moving)


def _fit(
    moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None, *, with_scale: bool
) -> Alignment:
    a, b, w = _checked(moving, fixed, weights)
    enough = np.count_nonzero(w > 0, axis=-1) >= _MIN_JOINTS
    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is the NaN that is promised
        w = w / w.sum(axis=-1, keepdims=True)
        mean_a, mean_b = (np.einsum("...j,...jd->...d", w, x) for x in (a, b))
        a, b = a - mean_a[..., None, :], b - mean_b[..., None, :]
        # covariance Σ = Σ_j w_j b_j a_j^T: (..., J), (..., J, D), (..., J, D) -> (..., D, D)
        covariance = np.einsum("...j,...jc,...jd->...cd", w, b, a)
        U, S, Vt = np.linalg.svd(np.where(enough[..., None, None], covariance, 0.0))
        S = S.copy()
        mirrored = np.linalg.det(U) * np.linalg.det(Vt) < 0
        flip = np.where(mirrored, -1.0, 1.0)
        U = np.concatenate([U[..., :-1], U[..., -1:] * flip[..., None, None]], axis=-1)
        S[..., -1] *= flip
        rotation = np.where(enough[..., None, None], U @ Vt, np.nan)
        scale = np.where(enough, 1.0, np.nan)
        if with_scale:
            spread = np.einsum("...j,...jd,...jd->...", w, a, a)
            rounding = (_ROUNDING * np.finfo(a.dtype).eps) ** 2 * np.sum(mean_a**2, axis=-1)
            scale = np.where(enough & (spread > rounding), S.sum(axis=-1) / spread, np.nan)
        translation = mean_b - scale[..., None] * np.einsum("...cd,...d->...c", rotation, mean_a)
    return Alignment(rotation, scale, translation)


def _checked(
    moving: ArrayLike, fixed: ArrayLike, weights: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both poses with lost joints at 0 and their weights (..., J), 0 for lost joints."""
    a, b = float_array("moving", moving), float_array("fixed", fixed)
    if a.shape != b.shape or a.ndim < 2:
        raise BadInput(
            f"moving and fixed must have one shape (..., J, D), got {a.shape} and {b.shape}; "
            "convert both to one skeleton first"
        )
    w = np.ones(a.shape[:-1]) if weights is None else float_array("weights", weights)
    if w.shape != a.shape[:-1]:
        raise BadInput(
            f"weights must have shape {a.shape[:-1]}, got {w.shape}; give one value a joint"
        )
    if not (w >= 0).all():
        raise BadInput("weights must not be negative or NaN; give 0 to leave a joint out")
    found = np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1)
    a, b = (np.where(found[..., None], x, 0.0) for x in (a, b))
    return a, b, np.where(found, w, 0.0)
