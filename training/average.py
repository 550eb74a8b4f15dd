"""The moving average of a network's weights, which is what gets shipped."""

import torch
from torch import Tensor, nn


def start_average(net: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the state, to be moved along by `move_average`."""
    return {key: value.detach().clone() for key, value in net.state_dict().items()}


@torch.no_grad()
def move_average(average: dict[str, Tensor], net: nn.Module, step: int, decay: float) -> None:
    """Move the average towards the network; early steps (from 0) count more than `decay` says."""
    decay = min(decay, (1 + step) / (10 + step))
    for key, value in net.state_dict().items():
        if value.is_floating_point():
            average[key].lerp_(value, 1 - decay)
        else:
            average[key].copy_(value)
