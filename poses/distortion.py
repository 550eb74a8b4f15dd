"""Lens distortion: radial and tangential, in OpenCV's form and in Human3.6M's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .checks import points_array
from .errors import BadInput

_NEWTON_STEPS = 30
_TOLERANCE = 1e-10  # of the normalised image plane: far below 1e-6 px for any lens


@dataclass(frozen=True)
class RadialTangential:
    """Bend rays as a lens does (Brown 1966).

    With r2 = x^2 + y^2, both forms move a ray (x, y) to

        (x, y) * (1 + k1 r2 + k2 r2^2 + k3 r2^3 + c (p1 y + p2 x)) + (p2, p1) * r2,

    where c is 2 in OpenCV's form and 1 in Human3.6M's (its own code, as in Martinez et al. 2017,
    leaves the factor out; its published coefficients hold for that form only).

    >>> RadialTangential(k1=0.5).distort([[1.0, 1.0]])
    array([[2., 2.]])
    """

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    form: Literal["opencv", "h36m"] = "opencv"

    def __post_init__(self) -> None:
        if self.form not in ("opencv", "h36m"):
            raise BadInput(f"form must be 'opencv' or 'h36m', got {self.form!r}; see the docstring")

    def distort(self, rays: ArrayLike) -> np.ndarray:
        """Return the bent rays (..., 2) of ideal rays (..., 2) = (x / z, y / z)."""
        xy = points_array("rays", rays, 2)
        return self._distort(xy)[0]

    def undistort(self, rays: ArrayLike) -> np.ndarray:
        """Return the ideal rays (..., 2) of bent rays (..., 2), by Newton's method.

        NaN where the lens model has no such ray: far outside the image polynomials turn back, and
        what lies behind that is not taken for an answer.
        """
        bent = points_array("rays", rays, 2)
        xy = bent.astype(np.float64)
        with np.errstate(all="ignore"):  # rays that diverge become NaN below
            for _ in range(_NEWTON_STEPS):
                value, gain = self._distort(xy)
                error = value - bent
                if not np.any(np.abs(error) > _TOLERANCE):
                    break
                xy = xy - self._newton_step(xy, gain, error)
            value, gain = self._distort(xy)
            found = np.all(np.abs(value - bent) <= 10 * _TOLERANCE, axis=-1)
            inside = np.sum(xy * xy, axis=-1) < self._turning_r2()
            found &= inside & (np.linalg.det(self._jacobian(xy, gain)) > 0)
        return np.where(found[..., None], xy, np.nan).astype(bent.dtype)

    def _turning_r2(self) -> float:
        """Return the squared length of the ideal rays from which the polynomial turns back."""
        # d/dr (r + k1 r^3 + k2 r^5 + k3 r^7) = 0, in r^2
        roots = np.roots([7 * self.k3, 5 * self.k2, 3 * self.k1, 1.0])
        turning = roots[np.isreal(roots) & (roots.real > 0)].real
        return float(turning.min(initial=np.inf))

    @property
    def _tangential_factor(self) -> float:
        return 2.0 if self.form == "opencv" else 1.0

    def _distort(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the bent rays (..., 2) and the factor (..., 1) in front of (x, y)."""
        x, y = xy[..., :1], xy[..., 1:]
        r2 = x * x + y * y
        radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        gain = radial + self._tangential_factor * (self.p1 * y + self.p2 * x)
        return xy * gain + r2 * np.array([self.p2, self.p1], dtype=xy.dtype), gain

    def _jacobian(self, xy: np.ndarray, gain: np.ndarray) -> np.ndarray:
        """Return J (..., 2, 2) = gain I + xy slope^T + 2 (p2, p1) xy^T."""
        tangential = np.array([self.p2, self.p1])
        r2 = np.sum(xy * xy, axis=-1, keepdims=True)
        slope = 2.0 * xy * (self.k1 + r2 * (2.0 * self.k2 + 3.0 * r2 * self.k3))
        slope = slope + self._tangential_factor * tangential
        # (..., 2) x (..., 2) -> (..., 2, 2)
        jacobian = xy[..., :, None] * slope[..., None, :]
        jacobian += 2.0 * tangential[:, None] * xy[..., None, :]
        return jacobian + gain[..., None] * np.eye(2)

    def _newton_step(self, xy: np.ndarray, gain: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return J^-1 error (..., 2)."""
        jacobian = self._jacobian(xy, gain)
        (a, b), (c, d) = (
            (jacobian[..., 0, 0], jacobian[..., 0, 1]),
            (jacobian[..., 1, 0], jacobian[..., 1, 1]),
        )
        step = np.stack(
            [d * error[..., 0] - b * error[..., 1], a * error[..., 1] - c * error[..., 0]], axis=-1
        )
        return step / (a * d - b * c)[..., None]
