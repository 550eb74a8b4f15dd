"""Heatmap losses, masked where a joint has no label."""

import torch
from torch import Tensor
from torch.nn import functional

from ..detectors.heatmap import encode_gaussian

OUTSIDE_WEIGHT = 0.1


def squared_error(maps: Tensor, cells: Tensor, variance: float) -> Tensor:
    """Return the papers' loss: mean squared error against a Gaussian of peak one.

    Newell et al. (2016); Cha et al. (2018, section 6) and Tekin et al. (2017, section 3.2) train
    their maps by it. It is scaled by the number of cells so that its size does not depend on the
    resolution.

    Args:
        maps: (N, J, H, W).
        cells: (N, J, 2) joints in heatmap cells, NaN where not labelled; a labelled joint outside
            of the map asks for what of its Gaussian lies on it, further away for an empty map.
        variance: of the Gaussian, squared cells.
    """
    labelled = ~cells.isnan().any(-1)
    target = encode_gaussian(cells, (maps.shape[-2], maps.shape[-1]), variance)
    error = ((maps.float() - target) ** 2).sum((-2, -1))
    return (error * labelled).sum() / labelled.sum().clamp_min(1)


def cross_entropy(logits: Tensor, cells: Tensor, variance: float) -> Tensor:
    """Return the cross-entropy of the softmax over the map against the normalised Gaussian.

    A labelled joint outside of the map asks, with a small weight, for an even distribution, so
    that its confidence gets low.

    Args:
        logits: (N, J, H, W).
        cells: (N, J, 2) joints in heatmap cells, NaN where not labelled.
        variance: of the Gaussian, squared cells.
    """
    height, width = logits.shape[-2:]
    labelled = ~cells.isnan().any(-1)
    edge = torch.tensor([width - 0.5, height - 0.5], device=cells.device)
    inside = labelled & ((cells > -0.5) & (cells < edge)).all(-1)
    target = encode_gaussian(cells, (height, width), variance, normalise=True)
    target = torch.where(inside[..., None, None], target, 1.0 / (height * width))
    log_probability = functional.log_softmax(logits.float().flatten(-2), -1)
    entropy = -(target.flatten(-2) * log_probability).sum(-1)
    weight = inside + OUTSIDE_WEIGHT * (labelled & ~inside)
    return (entropy * weight).sum() / weight.sum().clamp_min(1)
