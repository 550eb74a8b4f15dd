"""Run an hourglass over person crops: joints and their confidences."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.hourglass import StackedHourglass
from .heatmap import cells_to_px, decode, local_mass, softmax_maps


@dataclass(frozen=True)
class CropJoints:
    """Joints found in a batch of crops.

    Attributes:
        joints_px: (N, J, 2) pixels of the network's input.
        confidence: (N, J) in 0..1.
        maps: (N, J, H, W) non-negative heatmaps.
    """

    joints_px: Tensor
    confidence: Tensor
    maps: Tensor


def to_maps(output: Tensor, kind: str) -> Tensor:
    """Turn a network's output (N, J, H, W) into non-negative maps, by `HourglassConfig.output`."""
    return softmax_maps(output.float()) if kind == "softmax" else output.float().clamp_min(0)


@torch.inference_mode()
def infer_crops(
    net: StackedHourglass, inputs: Tensor, flip_index: np.ndarray | None = None
) -> CropJoints:
    """Find the joints in person crops.

    Args:
        net: in evaluation mode.
        inputs: (N, 3, S, S) as `preprocess.to_input` gives them.
        flip_index: (J,) of the skeleton, to average the maps with those of the mirrored crops
            (twice the time); None: do not.

    Returns:
        For maps that are distributions (output "softmax") the confidence is the mass near the
        joint: the network's probability that the joint lies within 2 cells. Else it is the peak.
    """
    kind = net.config.output
    maps = to_maps(net(inputs)[-1], kind)
    if flip_index is not None:
        order = torch.as_tensor(flip_index.copy(), device=inputs.device)
        mirrored = to_maps(net(inputs.flip(-1))[-1], kind)
        maps = (maps + mirrored.flip(-1)[:, order]) / 2
    cells = decode(maps, "dark")
    confidence = local_mass(maps, cells) if kind == "softmax" else maps.amax((-2, -1))
    return CropJoints(cells_to_px(cells, net.stride), confidence.clamp(0, 1), maps)
