"""How the spread of the groups' hypotheses turns into an expected error."""

import numpy as np
from scipy.optimize import nnls

from ..datasets.mocap import MocapPack
from ..lifting.consensus_lifter import ConsensusLifter
from .lifting_samples import LiftingSamples, balanced_weights

POSES = 8192
BINS = 24


def fit_sigma(
    lifter: ConsensusLifter, pack: MocapPack, rows: np.ndarray, draws: LiftingSamples, seed: int
) -> tuple[float, float]:
    """Return a and b of sigma^2 = a^2 + (b spread)^2 that fit a lifter's errors.

    On fresh samples of the training poses the joints are put into bins of equal size by their
    spread; a^2 and b^2, not negative, fit the bins' mean squared errors by relative least squares.

    Args:
        lifter: what it is fitted for; its `sigma_` is not looked at.
        pack, rows: poses to draw from.
        draws: what the samples are like.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(rows, POSES, p=balanced_weights(pack, rows))
    joints_px, confidence, joints_mm = draws.draw(pack.poses_mm[chosen], rng)
    before, lifter.sigma_ = lifter.sigma_, (0.0, 1.0)  # so that sigma is the spread
    lifted_mm, spread = lifter.lift_with_sigma(joints_px, confidence, skeleton="h36m17")
    lifter.sigma_ = before
    moving = [k for k in range(joints_mm.shape[1]) if k != lifter.skeleton.root]
    square = np.mean((lifted_mm - joints_mm) ** 2, axis=-1)[:, moving].ravel()  # of a coordinate
    variance = spread[:, moving].ravel() ** 2
    known = np.isfinite(square) & np.isfinite(variance)
    bins = np.array_split(np.argsort(variance[known]), BINS)
    wanted = np.array([square[known][rows].mean() for rows in bins])
    given = np.array([variance[known][rows].mean() for rows in bins])
    design = np.stack([1 / wanted, given / wanted], axis=1)
    a, b = np.sqrt(nnls(design, np.ones(BINS))[0])
    return float(a), float(b)
