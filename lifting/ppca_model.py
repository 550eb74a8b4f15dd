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
        residual = (aligned - self.mean).reshape(len(aligned), -1)  # (N, L, 3) -> (N, L*3)
        along = residual @ self.basis.reshape(size, self.mean.size).T  # (N, J)
        shrink = self.variances / (self.variances + self.noise)
        distance = (np.sum(residual**2, axis=1) - along**2 @ shrink) / self.noise
        log_det = np.sum(np.log(self.variances + self.noise))
        log_det += (self.degrees - size) * np.log(self.noise)
        return -0.5 * (distance + log_det + self.degrees * np.log(2 * np.pi))


def from_moments(mean: Array, second: Array, components: int) -> PPCAModel:
    """Return the maximum-likelihood model for a data set's moments.

    Tipping and Bishop (1999): the basis holds the leading eigenvectors, a coefficient's variance
    is its eigenvalue less the noise, and the noise is the mean of the eigenvalues left out (of the
    3 (L - 1) that can differ from zero, because centred poses never move as a whole).

    Args:
        mean: (L, 3) the data's mean.
        second: (L*3, L*3) the data's mean of outer products, not centred.
        components: size of the basis, below 3 (L - 1).
    """
    flat = mean.reshape(-1).astype(np.float64)
    values, vectors = np.linalg.eigh(second - np.outer(flat, flat))  # ascending
    left_out = values[3 : len(values) - components]
    noise = float(max(left_out.mean(), 1e-9))
    lead = slice(len(values) - components, None)
    variances = np.maximum(values[lead][::-1] - noise, 1e-9)
    basis = vectors[:, lead].T[::-1].reshape(components, *mean.shape)
    return PPCAModel(mean.astype(np.float64), basis.copy(), variances, noise)
