"""Learn the Gaussian pose model of Tome et al. (2017, section 4.1) from motion capture."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .ppca_align import best_angles, initial_mean, mirror, turn
from .ppca_model import PPCAModel, from_moments

Array = NDArray[np.floating]

BLOCK = 50_000  # poses handled at once: the work space stays below 100 MB at 17 joints
log = logging.getLogger(__name__)


def fit_ppca(
    units: Array,
    pairs: Sequence[tuple[int, int]],
    *,
    components: int,
    rounds: int = 2,
    final_rounds: int = 20,
    tolerance: float = 1e-4,
) -> tuple[PPCAModel, list[float]]:
    """Return the model of highest likelihood and the mean log likelihoods on the way to it.

    Alternates between closed-form PPCA and the turn of every pose, while the basis grows from one
    to its target size, so that no turn hides in the basis. Unlike the paper the turns are exact
    minima over angle and coefficients together (no non-linear solver), so the likelihood never
    falls; and the mirrored copies are not made, their moments are those of the poses mirrored.

    Args:
        units: (N, L, 3) unit poses, y up, any heading.
        pairs: indices (left, right) of the joints that exist on both sides.
        components: target size J of the basis, 1 <= J < 3 (L - 1) - 1.
        rounds: alternations at each size below the target.
        final_rounds: at most this many at the target size.
        tolerance: stop when a round raises the mean log likelihood by less.
    """
    mean = initial_mean(units, pairs)
    model = PPCAModel(mean, np.zeros((0, *mean.shape)), np.zeros(0), noise=1.0)
    bounds: list[float] = []
    for size in range(1, components + 1):
        for _ in range(rounds if size < components else final_rounds):
            model, bound = _round(units, pairs, model, size)
            settled = bool(bounds) and bound - bounds[-1] < tolerance
            bounds.append(bound)
            if settled:
                break
        log.info("basis %d: mean log likelihood %.3f", size, bounds[-1])
    return model, bounds


def log_likelihood(units: Array, model: PPCAModel) -> Array:
    """Return the log density of unit poses, each at the heading that makes it highest.

    Args:
        units: (N, L, 3) unit poses, y up, any heading.
        model: a fitted Gaussian.

    Returns:
        (N,) natural logarithms.
    """
    blocks = [units[i : i + BLOCK] for i in range(0, len(units), BLOCK)]
    return np.concatenate([model.log_density(turn(b, best_angles(b, model))) for b in blocks])


def _round(
    units: Array, pairs: Sequence[tuple[int, int]], model: PPCAModel, size: int
) -> tuple[PPCAModel, float]:
    """Return the model after one turn of all poses and one PPCA, and its mean log likelihood."""
    width = model.mean.size
    total, second = np.zeros(width), np.zeros((width, width))
    for start in range(0, len(units), BLOCK):
        block = units[start : start + BLOCK]
        flat = turn(block, best_angles(block, model)).reshape(len(block), width)
        total += flat.sum(axis=0, dtype=np.float64)
        second += (flat.T @ flat).astype(np.float64)
    mean, moment = _with_mirrored(total / len(units), second / len(units), pairs)
    model = from_moments(mean, moment, size)
    return model, _mean_log_density(model, mean, moment)


def _with_mirrored(
    mean: Array, second: Array, pairs: Sequence[tuple[int, int]]
) -> tuple[Array, Array]:
    """Return (L, 3) the mean and (L*3, L*3) the second moment of poses and mirrored copies.

    The model is symmetric, so a mirrored copy turns by the opposite angle: its aligned pose is the
    mirror image of the aligned pose, and its moments are the mirrored moments.
    """
    shape = (len(second), len(mean) // 3, 3)
    half = mirror(second.reshape(shape), pairs).reshape(second.shape)  # columns, then rows
    mirrored = mirror(half.T.reshape(shape), pairs).reshape(second.shape)
    pose = mean.reshape(shape[1:])
    return (pose + mirror(pose, pairs)) / 2, (second + mirrored) / 2


def _mean_log_density(model: PPCAModel, mean: Array, second: Array) -> float:
    """Return the mean of `model.log_density` over data with these moments."""
    flat = mean.reshape(-1)
    covariance = second - np.outer(flat, flat)
    basis = model.basis.reshape(len(model.variances), len(flat))
    along = np.einsum("jd,de,je->j", basis, covariance, basis)
    shrink = model.variances / (model.variances + model.noise)
    distance = (np.trace(covariance) - along @ shrink) / model.noise
    log_det = np.sum(np.log(model.variances + model.noise))
    log_det += (model.degrees - len(basis)) * np.log(model.noise)
    return float(-0.5 * (distance + log_det + model.degrees * np.log(2 * np.pi)))
