"""Whether the stated confidences are the frequencies with which joints are right."""

from dataclasses import dataclass

import numpy as np

from ..poses.errors import BadInput
from .pairs import joint_pairs

BINS = 15
NEAR = 0.2


@dataclass(frozen=True)
class Reliability:
    """The reliability curve: what was stated and what came, in bins of equal width.

    Attributes:
        stated: (B,) mean confidence of the joints in each bin, NaN where it is empty.
        right: (B,) share of them that are right, NaN where it is empty.
        count: (B,) joints in each bin.
    """

    stated: np.ndarray
    right: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, 0 to 1: the mean gap, weighted by count; NaN if empty.

        Guo et al., "On calibration of modern neural networks" (ICML 2017), equation 5.
        """
        if not self.count.sum():
            return float("nan")
        gap = np.nan_to_num(np.abs(self.right - self.stated))
        return float((gap * self.count).sum() / self.count.sum())


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Reliability:
    """Return the reliability curve of confidences (M,) in 0..1 and of what is right (M,).

    Raises:
        BadInput: the shapes differ, or a confidence is not in 0..1.

    >>> reliability(np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])).error
    0.25
    """
    if confidence.shape != right.shape or confidence.ndim != 1:
        raise BadInput(
            f"confidence and right must have one shape (M,), got {confidence.shape} and "
            f"{right.shape}; choose the joints that count first: confidence[counts]"
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise BadInput("confidence must lie in 0..1; leave joints that were not found out")
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    total = np.where(count, count, np.nan)
    stated = np.bincount(bin_of, confidence, minlength=bins) / total
    return Reliability(stated, np.bincount(bin_of, right, minlength=bins) / total, count)


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error of confidences (M,); see `Reliability.error`."""
    return reliability(confidence, right, bins).error


def joint_hits(
    found_px: np.ndarray, true_px: np.ndarray, torso_px: np.ndarray, threshold: float = NEAR
) -> tuple[np.ndarray, np.ndarray]:
    """Return which joints (N, J) lie near the truth, and which of them count.

    A joint counts where it is labelled and the torso's length is known; it is right at most
    `threshold` torso lengths off. `torso_px` (N,) is as `torso_length_px` gives it.

    >>> hits, counts = joint_hits(np.zeros((1, 2, 2)), np.array([[[0.0, 9], [0, 11]]]), [50.0])
    >>> hits.tolist(), counts.tolist()
    ([[True, False]], [[True, True]])
    """
    found, true, labelled = joint_pairs(found_px, true_px, None, D=2)
    torso = np.asarray(torso_px, float)[:, None]
    with np.errstate(invalid="ignore"):
        hits = np.linalg.norm(found - true, axis=-1) <= threshold * torso
        return hits & labelled, labelled & (torso > 0)
