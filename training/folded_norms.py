"""Fill an encoder from published filters in which the norms are folded."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..detectors.preprocess import GREY, SPREAD
from ..models.efficientnet_lite import EPSILON, NormedConv


def fill_in_order(convs: Sequence[NormedConv], filters: Iterator[tuple[Tensor, Tensor]]) -> None:
    """Fill each convolution with the next filters of its shape; others between are left out.

    Args:
        convs: in the order in which their network applies them.
        filters: weight (out, in / groups, k, k) and bias (out,) of each published convolution.
    """
    for conv in convs:
        shape = conv.weight.shape
        fitting = (pair for pair in filters if pair[0].shape == shape)  # goes on where it stopped
        _fill(conv, *next(fitting))


@torch.no_grad()
def _fill(conv: NormedConv, weight: Tensor, bias: Tensor) -> None:
    """Split folded filters into weights of the usual size and a scale.

    Folded filters of one layer differ in size by orders of magnitude, and steps of one size would
    destroy the small ones.
    """
    scale = weight.flatten(1).norm(dim=1).clamp_min(1e-6)
    conv.weight.copy_(weight / scale[:, None, None, None])
    conv.scale.copy_(scale)
    conv.shift.copy_(bias)
    conv.running_mean.zero_()
    conv.running_var.fill_(1 - EPSILON)


@torch.no_grad()
def take_scaled_images(stem: NormedConv, mean: float, deviation: float) -> None:
    """Let w * ((pixel - mean) / deviation) be computed from what `to_input` gives of the pixel."""
    offset = (GREY - mean) / deviation
    stem.running_mean -= offset * stem.weight.sum((1, 2, 3))
    stem.weight.mul_(SPREAD / deviation)
