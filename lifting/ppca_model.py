"""The Gaussian of Tome et al. (2017): a mean pose, a few basis poses, and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True)
class PPCAModel:
    """Probabilistic principal components of unit poses that all face the same way.

    A unit pose has its centroid at the origin and squared limb lengths that sum to one; y points
    up, the mean faces +z, its left is at +x. A pose is `mean + coefficients . basis + noise`, the
    coefficients independent Gaussians.

    Attributes:
        mean: (L, 3) the average pose.
        basis: (J, L, 3) orthonormal when each is unwrapped into a vector, largest variance first.
        variances: (J,) variance of each coefficient, the noise not counted, > 0.
        noise: variance of each coordinate that the basis does not explain, > 0.
    """

    mean: Array
    basis: Array
    variances: Array
    noise: float

    @property
    def degrees(self) -> int:
        """Return how many directions a centred pose can move in: 3 (L - 1)."""
        return self.mean.size - 3

    def leading(self, components: int) -> "PPCAModel":
        """Return the model of the first components only; the others' variance becomes noise."""
        size = min(components, len(self.variances))
        noise = self.noise + float(self.variances[size:].sum()) / (self.degrees - size)
        variances = np.maximum(self.variances[:size] + self.noise - noise, 1e-9)
        return PPCAModel(self.mean, self.basis[:size], variances, noise)

    def log_density(self, aligned: Array) -> Array:
        """Return the log density of unit poses that are rotated to the model's heading.

        Args:
            aligned: (N, L, 3) centred unit poses.

        Returns:
            (N,) natural logarithms, over the 3 (L - 1) directions that centring leaves.
        """
        size = len(self.variances)
        mean, basis = self.mean.astype(aligned.dtype), self.basis.astype(aligned.dtype)
        residual = (aligned - mean).reshape(len(aligned), -1)  # (N, L, 3) -> (N, L*3)
        along = residual @ basis.reshape(size, mean.size).T  # (N, J)
        shrink = (self.variances / (self.variances + self.noise)).astype(aligned.dtype)
        squares = np.einsum("nd,nd->n", residual, residual)
        distance = (squares - along**2 @ shrink).astype(np.float64) / self.noise
        log_det = np.sum(np.log(self.variances + self.noise))
        log_det += (self.degrees - size) * np.log(self.noise)
        return -0.5 * (distance + log_det + self.degrees * np.log(2 * np.pi))

    def mean_log_density(self, covariance: Array) -> float:
        """Return the mean of `log_density` over poses with this model's mean.

        Args:
            covariance: (L*3, L*3) of the poses.
        """
        size = len(self.variances)
        basis = self.basis.reshape(size, self.mean.size)
        along = np.einsum("jd,de,je->j", basis, covariance, basis)
        shrink = self.variances / (self.variances + self.noise)
        distance = (np.trace(covariance) - along @ shrink) / self.noise
        return float(-0.5 * (distance + self._log_det() + self.degrees * np.log(2 * np.pi)))

    def _log_det(self) -> float:
        """Return the log determinant of the covariance, within the directions that can move."""
        spread = np.sum(np.log(self.variances + self.noise))
        return float(spread + (self.degrees - len(self.variances)) * np.log(self.noise))


def from_moments(mean: Array, covariance: Array, components: int) -> PPCAModel:
    """Return the maximum-likelihood model for a data set's moments.

    Tipping and Bishop (1999): the basis holds the leading eigenvectors, a coefficient's variance
    is its eigenvalue less the noise, and the noise is the mean of the eigenvalues left out (of the
    3 (L - 1) that can differ from zero, because centred poses never move as a whole).

    Args:
        mean: (L, 3) the data's mean.
        covariance: (L*3, L*3) the data's.
        components: size of the basis, below 3 (L - 1).
    """
    values, vectors = np.linalg.eigh(covariance)  # ascending
    left_out = values[3 : len(values) - components]
    noise = float(max(left_out.mean(), 1e-9))
    lead = slice(len(values) - components, None)
    variances = np.maximum(values[lead][::-1] - noise, 1e-9)
    basis = vectors[:, lead].T[::-1].reshape(components, *mean.shape)
    return PPCAModel(mean.astype(np.float64), basis.copy(), variances, noise)
