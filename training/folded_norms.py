"""Fill an encoder from published filters in which the norms are folded."""

import torch
from torch import Tensor

from ..detectors.preprocess import GREY, SPREAD
from ..models.efficientnet_lite import EPSILON, NormedConv


@torch.no_grad()
def fill_folded(conv: NormedConv, weight: Tensor, bias: Tensor) -> None:
    """Split folded filters into weights of the usual size and a scale.

    Folded filters of one layer differ in size by orders of magnitude, and steps of one size would
    destroy the small ones.

    Args:
        conv: to be filled.
        weight: (out, in / groups, k, k).
        bias: (out,).
    """
    scale = weight.flatten(1).norm(dim=1).clamp_min(1e-6)
    conv.weight.copy_(weight / scale[:, None, None, None])
    conv.scale.copy_(scale)
    conv.shift.copy_(bias)
    conv.running_mean.zero_()
    conv.running_var.fill_(1 - EPSILON)


@torch.no_grad()
def take_scaled_images(stem: NormedConv, mean: float, spread: float) -> None:
    """Let w * ((pixel - mean) / spread) be computed from (pixel - GREY) / SPREAD, as `to_input`."""
    stem.shift.add_(stem.scale * stem.weight.sum((1, 2, 3)) * ((GREY - mean) / spread))
    stem.weight.mul_(SPREAD / spread)
