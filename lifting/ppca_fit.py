"""Learn the Gaussian pose model of Tome et al. (2017, section 4.1) from motion capture."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .ppca_align import BLOCK, best_angles, initial_mean, mirror, turn
from .ppca_model import PPCAModel, from_moments

Array = NDArray[np.floating]

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
        log.debug("basis %d: mean log likelihood %.3f", size, bounds[-1])
    return model, bounds


def _round(
    units: Array, pairs: Sequence[tuple[int, int]], model: PPCAModel, size: int
) -> tuple[PPCAModel, float]:
    """Return the model after one turn of all poses and one PPCA, and its mean log likelihood."""
    width = model.mean.size
    total, second = np.zeros(width), np.zeros((width, width))
    for start in range(0, len(units), BLOCK):
        block = units[start : start + BLOCK]
        aligned = turn(block, best_angles(block, model)).reshape(len(block), width)
        total += aligned.sum(axis=0, dtype=np.float64)
        second += (aligned.T @ aligned).astype(np.float64)
    mean, moment = _with_mirrored(total / len(units), second / len(units), pairs)
    flat = mean.reshape(-1)
    covariance = moment - np.outer(flat, flat)
    model = from_moments(mean, covariance, size)
    return model, model.mean_log_density(covariance)


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
