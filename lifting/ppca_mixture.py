"""The mixture of Gaussians of Tome et al. (2017, section 4.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .ppca_align import BLOCK, best_angles, turn
from .ppca_model import PPCAModel

Array = NDArray[np.floating]


@dataclass(frozen=True)
class PPCAMixture:
    """K probabilistic PCA models of unit poses, each with the part of the poses that it holds.

    Attributes:
        components: the K Gaussians; all have bases of the same size J.
        weights: (K,) above 0, sum 1.
    """

    components: tuple[PPCAModel, ...]
    weights: Array

    @property
    def size(self) -> int:
        """Return J, the number of basis poses of each Gaussian."""
        return len(self.components[0].variances)

    @property
    def mean(self) -> Array:
        """Return (L, 3) the mean pose of the whole mixture."""
        return np.einsum("k,klc->lc", self.weights, [one.mean for one in self.components])

    def leading(self, components: int) -> "PPCAMixture":
        """Return the mixture with the first basis poses of each Gaussian only."""
        return PPCAMixture(tuple(one.leading(components) for one in self.components), self.weights)

    def mean_pose(self) -> "PPCAMixture":
        """Return one Gaussian without a basis: the mean pose, all variance as noise."""
        mean = self.mean
        total = 0.0
        for one, weight in zip(self.components, self.weights, strict=True):
            variance = one.variances.sum() + one.degrees * one.noise
            total += weight * (variance + np.sum((one.mean - mean) ** 2))
        noise = total / (mean.size - 3)
        alone = PPCAModel(mean, np.zeros((0, *mean.shape)), np.zeros(0), float(noise))
        return PPCAMixture((alone,), np.ones(1))

    def log_likelihood(self, units: Array, *, noise: float = 0.0) -> Array:
        """Return the log density of unit poses of any heading.

        Each Gaussian sees a pose at the heading that makes it most probable there, as in lifting.

        Args:
            units: (N, L, 3) centred unit poses, y up.
            noise: variance that is added to each coordinate, as lifting adds it for the 2D joints.

        Returns:
            (N,) natural logarithms.
        """
        if noise:
            noisy = tuple(replace(one, noise=one.noise + noise) for one in self.components)
            return PPCAMixture(noisy, self.weights).log_likelihood(units)
        blocks = [units[i : i + BLOCK] for i in range(0, len(units), BLOCK)]
        return np.concatenate([self._block_likelihood(block) for block in blocks])

    def _block_likelihood(self, units: Array) -> Array:
        joint = [
            np.log(weight) + one.log_density(turn(units, best_angles(units, one)))
            for one, weight in zip(self.components, self.weights, strict=True)
        ]
        return log_sum(np.stack(joint, axis=1))


def with_noise_levels(
    mixture: PPCAMixture, levels: float | Sequence[float]
) -> tuple[PPCAMixture, Array]:
    """Return each Gaussian once for each level of noise, equally likely, and the noises' variances.

    How exact the 2D joints of a pose are is not known; what explains them best says so.

    Args:
        mixture: K Gaussians.
        levels: standard deviations, one or N.

    Returns:
        The mixture of N * K Gaussians, and (N * K,) variances that each adds to its own noise.
    """
    each = np.atleast_1d(np.asarray(levels, dtype=np.float64))
    components = mixture.components * len(each)
    weights = np.tile(mixture.weights, len(each)) / len(each)
    return PPCAMixture(components, weights), np.repeat(each**2, len(mixture.components))


def as_mixture(model: "PPCAModel | PPCAMixture") -> PPCAMixture:
    """Return a model as a mixture, a single Gaussian as a mixture of one."""
    return model if isinstance(model, PPCAMixture) else PPCAMixture((model,), np.ones(1))


def log_sum(values: Array) -> Array:
    """Return (N,) the logarithm of the sum of exponentials of (N, K) values."""
    top = values.max(axis=1)
    return top + np.log(np.exp(values - top[:, None]).sum(axis=1))


def stacked(mixture: PPCAMixture, parts: Sequence[str]) -> tuple[Array, ...]:
    """Return the named attributes of the components, each stacked along a first axis of K."""
    return tuple(
        np.stack([np.asarray(getattr(one, part)) for one in mixture.components]) for part in parts
    )
