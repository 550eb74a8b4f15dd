"""Make the person finder's score the frequency with which it is right."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..evaluation.people import PhotoResult, match_greedily

STEPS = 50


def fit_score(results: Sequence[PhotoResult]) -> tuple[float, float]:
    """Return the factor and the shift of the score's logit that make it a probability.

    Platt, "Probabilistic outputs for support vector machines" (1999), with his smoothed targets,
    by Newton's method: a detection is right if it is a labelled person that no better one is.

    Args:
        results: detections of photos that were not trained on, from a low threshold.
    """
    score = np.concatenate([np.zeros(0), *(result.score for result in results)])
    right = np.concatenate([np.zeros(0, bool), *(is_right(result) for result in results)])
    if right.all() or not right.any():
        return 1.0, 0.0
    target = np.where(right, 1 - 1 / (right.sum() + 2), 1 / ((~right).sum() + 2))
    x = np.stack([_logit(score), np.ones(len(score))], 1)
    weight = np.array([1.0, 0.0])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-x @ weight))
        slope = x.T @ (p - target)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        weight -= step * min(1.0, 2.0 / max(1e-9, np.abs(step).max()))
    return max(0.1, float(weight[0])), float(weight[1])


def is_right(result: PhotoResult) -> np.ndarray:
    """Return which detections (D,) are a labelled person, no two the same one."""
    right = np.zeros(len(result.score), bool)
    right[[row for row, _ in match_greedily(result.similarity)]] = True
    return right


def rescore(result: PhotoResult, factor: float, shift: float) -> PhotoResult:
    """Return a result with the scores that a network changed by `rescale_centre` gives."""
    logit = factor * _logit(result.score.astype(np.float64)) + shift
    return replace(result, score=1 / (1 + np.exp(-logit)))


def rescale_centre(state: dict[str, Tensor], factor: float, shift: float) -> dict[str, Tensor]:
    """Return a state whose centre map's logit is the old one times a factor plus a shift."""
    name = centre_layer(state)
    weight, bias = state[f"{name}.weight"].clone(), state[f"{name}.bias"].clone()
    weight[0] *= factor
    bias[0] = bias[0] * factor + shift
    return {**state, f"{name}.weight": weight, f"{name}.bias": bias}


@torch.no_grad()
def set_prior(state: dict[str, Tensor], logit: float = -4.0) -> None:
    """Let the centre map start at a low probability, since almost no cell is a centre."""
    state[f"{centre_layer(state)}.bias"][0] = logit


def centre_layer(state: dict[str, Tensor]) -> str:
    """Return the name of the layer that gives the last maps, the first of them the centres'."""
    suffix = "score.bias"
    return [name for name in state if name.endswith(suffix)][-1].removesuffix(".bias")


def _logit(score: np.ndarray) -> np.ndarray:
    clipped = score.clip(1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))
