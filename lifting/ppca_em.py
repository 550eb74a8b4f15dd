"""Learn the mixture of Gaussians of Tome et al. (2017, section 4.2) by EM."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .ppca_align import BLOCK, best_angles, mirror, turn
from .ppca_mixture import PPCAMixture, log_sum
from .ppca_model import PPCAModel, from_moments

Array = NDArray[np.floating]

SAMPLE = 2_000  # poses that centres are chosen among, with their mirror images twice as many
TOO_CLOSE = 0.35  # part of the first centre's mean distance within which no other is taken
NEGLIGIBLE = 1e-6  # memberships below do not count
log = logging.getLogger(__name__)


def fit_mixture(
    aligned: Array,
    pairs: Sequence[tuple[int, int]],
    *,
    clusters: int,
    components: int,
    prior_poses: float = 0.0,
    iterations: int = 100,
    tolerance: float = 1e-3,
    seed: int = 0,
) -> tuple[PPCAMixture, list[float]]:
    """Return the mixture of PPCA models of highest likelihood, and its bounds on the way.

    EM of Tipping and Bishop (1999), from the centres of eq. 3. The poses' mirrored copies count,
    one block of them exists at a time. So that a Gaussian of few poses does not close in on them,
    the covariance of all poses counts as `prior_poses` more poses of each Gaussian about its mean;
    the bound is the mean log likelihood with that prior and never falls. A Gaussian that no pose
    belongs to any more is left out; the bounds then begin anew.

    Args:
        aligned: (N, L, 3) unit poses that all face the same way, as `fit_ppca` turns them.
        pairs: indices (left, right) of the joints that exist on both sides.
        clusters: K, the most Gaussians; there are fewer where centres would be too close.
        components: size J of each basis, 1 <= J < 3 (L - 1) - 1.
        prior_poses: weight of the common covariance.
        iterations: at most so many.
        tolerance: stop when an iteration raises the bound by less.
        seed: of the sample that the centres are chosen from.
    """
    centres = greedy_centres(_sample(aligned, pairs, seed), clusters)
    common = Moments(1, aligned.shape[1])
    parts = Moments(len(centres), aligned.shape[1])
    for flat in _blocks(aligned, pairs):
        common.add(flat, np.ones((len(flat), 1), flat.dtype))
        parts.add(flat, _nearest(flat, centres))
    shared = common.covariance(0)
    mixture, prior = _maximised(parts, components, shared, prior_poses)
    bounds: list[float] = []
    for _ in range(iterations):
        parts = Moments(len(mixture.weights), aligned.shape[1])
        total = 0.0
        for flat in _blocks(aligned, pairs):
            joint = _joint_density(flat, mixture)
            whole = log_sum(joint)
            total += float(whole.sum(dtype=np.float64))
            parts.add(flat, np.exp(joint - whole[:, None]).astype(flat.dtype))
        bound = (total + prior) / (2 * len(aligned))
        settled = bool(bounds) and bound - bounds[-1] < tolerance
        bounds.append(bound)
        if settled:
            break
        alive = parts.counts >= 1.0
        if not alive.all():
            log.info("%d of %d Gaussians have no poses left", np.sum(~alive), len(alive))
            parts, bounds = parts.only(alive), []
        mixture, prior = _maximised(parts, components, shared, prior_poses)
    return mixture, bounds


def greedy_centres(poses: Array, count: int) -> Array:
    """Return poses such that the others are near to one of them: section 4.2, eq. 3.

    Each is the one that lowers the sum of distances to the nearest centre most, those before it
    kept. It ends early when the next would lie too close to one that is there.

    Args:
        poses: (N, D).
        count: at most so many.

    Returns:
        (K, D) with K <= count.
    """
    squares = np.einsum("nd,nd->n", poses, poses)
    squared = squares[:, None] + squares - 2 * poses @ poses.T
    distances = np.sqrt(np.maximum(squared, 0))  # (N, N)
    chosen = [int(distances.sum(axis=0).argmin())]
    nearest = distances[chosen[0]]
    apart = TOO_CLOSE * nearest.mean()
    while len(chosen) < count:
        best = int(np.minimum(distances, nearest).sum(axis=1).argmin())
        if nearest[best] <= apart:
            log.info("%d centres: the next would be too close", len(chosen))
            break
        chosen.append(best)
        nearest = np.minimum(nearest, distances[best])
    return poses[chosen]


class Moments:
    """Weighted sums of poses and of their outer products, gathered block by block.

    Attributes:
        counts: (K,) sums of the weights.
    """

    def __init__(self, clusters: int, joints: int) -> None:
        self.joints = joints
        self.counts = np.zeros(clusters)
        self._sums = np.zeros((clusters, joints * 3))
        self._products = np.zeros((clusters, joints * 3, joints * 3))

    def add(self, flat: Array, weights: Array) -> None:
        """Add poses (N, L*3) that belong to the clusters with weights (N, K)."""
        for k, column in enumerate(weights.T):
            rows = column > NEGLIGIBLE  # most poses belong to one or two Gaussians
            member, some = column[rows], flat[rows]
            self.counts[k] += member.sum(dtype=np.float64)
            self._sums[k] += member @ some
            self._products[k] += (some.T * member) @ some

    def only(self, kept: NDArray[np.bool_]) -> "Moments":
        """Return the moments of some of the clusters."""
        part = Moments(int(kept.sum()), self.joints)
        part.counts = self.counts[kept]
        part._sums, part._products = self._sums[kept], self._products[kept]
        return part

    def mean(self, k: int) -> Array:
        """Return (L, 3) the mean of cluster k."""
        return (self._sums[k] / self.counts[k]).reshape(self.joints, 3)

    def covariance(self, k: int) -> Array:
        """Return (L*3, L*3) the covariance of cluster k."""
        mean = self._sums[k] / self.counts[k]
        return self._products[k] / self.counts[k] - np.outer(mean, mean)


def _maximised(
    parts: Moments, components: int, shared: Array, prior_poses: float
) -> tuple[PPCAMixture, float]:
    """Return the mixture for these memberships, and the log of its prior."""
    models, prior = [], 0.0
    for k, count in enumerate(parts.counts):
        own = count / (count + prior_poses)
        covariance = own * parts.covariance(k) + (1 - own) * shared
        model = from_moments(parts.mean(k), covariance, components)
        prior += prior_poses * model.mean_log_density(shared)
        models.append(model)
    return PPCAMixture(tuple(models), parts.counts / parts.counts.sum()), prior


def _joint_density(flat: Array, mixture: PPCAMixture) -> Array:
    """Return (N, K) log densities of poses (N, L*3) together with each Gaussian."""
    shape = (len(flat), -1, 3)
    densities = [one.log_density(flat.reshape(shape)) for one in mixture.components]
    return np.stack(densities, axis=1) + np.log(mixture.weights)


def _nearest(flat: Array, centres: Array) -> Array:
    """Return (N, K) memberships: 1 for the nearest centre, 0 for the others."""
    half = flat @ centres.T - 0.5 * np.einsum("kd,kd->k", centres, centres)
    return np.eye(len(centres), dtype=flat.dtype)[half.argmax(axis=1)]


def _blocks(aligned: Array, pairs: Sequence[tuple[int, int]]) -> Iterator[Array]:
    """Yield the poses, then their mirrored copies, in blocks (n, L*3)."""
    for start in range(0, len(aligned), BLOCK):
        block = aligned[start : start + BLOCK]
        yield block.reshape(len(block), -1)
        yield mirror(block, pairs).reshape(len(block), -1)


def _sample(aligned: Array, pairs: Sequence[tuple[int, int]], seed: int) -> Array:
    """Return some of the poses and their mirrored copies, (n, L*3)."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(aligned), min(SAMPLE, len(aligned)), replace=False)
    some = aligned[np.sort(rows)]
    return np.concatenate([some, mirror(some, pairs)]).reshape(2 * len(some), -1)


def align(units: Array, model: PPCAModel) -> Array:
    """Return (N, L, 3) unit poses turned to where a Gaussian makes them most probable."""
    aligned = np.empty_like(units)
    for start in range(0, len(units), BLOCK):
        block = units[start : start + BLOCK]
        aligned[start : start + BLOCK] = turn(block, best_angles(block, model))
    return aligned
