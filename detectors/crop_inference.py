"""Run an hourglass over person crops: joints and their confidences."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.calibration import Calibration
from ..models.heatmap_net import HeatmapNet
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
    net: HeatmapNet,
    inputs: Tensor,
    flip_index: np.ndarray | None = None,
    calibration: Calibration | None = None,
) -> CropJoints:
    """Find the joints in person crops.

    Args:
        net: in evaluation mode.
        inputs: (N, 3, S, S) as `preprocess.to_input` gives them.
        flip_index: (J,) of the skeleton, to average the maps with those of the mirrored crops
            (nearly twice the time); None: do not.
        calibration: of the network's confidences; None leaves them as `raw_confidence` has them.
    """
    kind = net.config.output
    if flip_index is None:
        maps = to_maps(net(inputs)[-1], kind)
    else:
        order = torch.as_tensor(flip_index.copy(), device=inputs.device)
        both = to_maps(net(torch.cat([inputs, inputs.flip(-1)]))[-1], kind)  # (2N, J, H, W)
        plain, mirrored = both.chunk(2)
        maps = (plain + mirrored.flip(-1)[:, order]) / 2
    cells = decode(maps, "dark")
    confidence = raw_confidence(maps, cells, kind)
    if calibration is not None:
        confidence = calibration(confidence, flip=flip_index is not None)
    return CropJoints(cells_to_px(cells, net.stride), confidence, maps)


def raw_confidence(maps: Tensor, cells: Tensor, kind: str) -> Tensor:
    """Return how sure maps (N, J, H, W) are of the joints (N, J, 2) read from them, 0..1.

    For maps that are distributions (output "softmax") it is the mass near the joint: the network's
    probability that the joint lies within 2 cells. Else it is the peak.
    """
    confidence = local_mass(maps, cells) if kind == "softmax" else maps.amax((-2, -1))
    return confidence.clamp(0, 1)
