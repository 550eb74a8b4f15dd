"""Run an hourglass over person crops: joints and their confidences."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.calibration import Calibration
from ..models.heatmap_net import HeatmapNet
from .heatmap import cells_to_px, decode_dark, local_mass, softmax_maps

# 0.2 torso lengths of people who fill their crops are about 4 cells of 64
NEAR = 4  # cells on each side that count as near a joint
NEAR_VARIANCE = NEAR**2 / 4  # of a Gaussian as wide as that disk


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
    unsure: tuple[float, float] | None = None,
) -> CropJoints:
    """Find the joints in person crops.

    Args:
        net: in evaluation mode.
        inputs: (N, 3, S, S) as `preprocess.to_input` gives them.
        flip_index: (J,) of the skeleton, to average the maps with those of the mirrored crops
            (nearly twice the time); None: do not.
        calibration: of the network's confidences; None leaves them as `raw_confidence` has them.
        unsure: only crops whose mean confidence lies from the first up to the second number are
            mirrored; None: all are.
    """
    kind = net.config.output
    if flip_index is None or unsure is not None:
        maps = to_maps(net(inputs)[-1], kind)
        found = read_maps(maps, net, False, calibration)
        if flip_index is None or unsure is None:
            return found
        sure = found.confidence.mean(1)
        again = (sure >= unsure[0]) & (sure < unsure[1])
        if not again.any():
            return found
        mirrored = to_maps(net(inputs[again].flip(-1))[-1], kind)
        both = _averaged(maps[again], mirrored, flip_index)
        return _with_rows(found, again, read_maps(both, net, True, calibration))
    plain, mirrored = to_maps(net(torch.cat([inputs, inputs.flip(-1)]))[-1], kind).chunk(2)
    return read_maps(_averaged(plain, mirrored, flip_index), net, True, calibration)


def _averaged(plain: Tensor, mirrored: Tensor, flip_index: np.ndarray) -> Tensor:
    """Return the mean of maps (N, J, H, W) of crops and of the same crops mirrored."""
    order = torch.as_tensor(flip_index.copy(), device=plain.device)
    return (plain + mirrored.flip(-1)[:, order]) / 2


def _with_rows(found: CropJoints, chosen: Tensor, other: CropJoints) -> CropJoints:
    """Return joints of crops with others in the place of those that a bool tensor (N,) marks."""
    parts = []
    for name in ("joints_px", "confidence", "maps"):
        part = getattr(found, name).clone()
        part[chosen] = getattr(other, name)
        parts.append(part)
    return CropJoints(*parts)


def read_maps(
    maps: Tensor, net: HeatmapNet, flip: bool, calibration: Calibration | None = None
) -> CropJoints:
    """Read joints and confidences off maps (N, J, H, W) of a network.

    Args:
        maps: non-negative, as `to_maps` gives them.
        net: that they are of.
        flip: they are averaged with those of mirrored crops.
        calibration: as in `infer_crops`.
    """
    cells = read_joints(maps, net.config.output)
    confidence = raw_confidence(maps, cells, net.config.output)
    if calibration is not None:
        confidence = calibration(confidence, flip)
    return CropJoints(cells_to_px(cells, net.stride), confidence, maps)


def read_joints(maps: Tensor, kind: str) -> Tensor:
    """Return the joints (N, J, 2) of maps (N, J, H, W), in cells.

    A distribution (output "softmax") is read where most of it lies near: at the peak of the map
    blurred by a Gaussian, which is the place that a joint most probably is close to. Its own peak
    may be the sharper one of two, with less around it. Other maps are read at their peak.
    """
    return decode_dark(maps, NEAR_VARIANCE if kind == "softmax" else 0.0)


def raw_confidence(maps: Tensor, cells: Tensor, kind: str) -> Tensor:
    """Return how sure maps (N, J, H, W) are of the joints (N, J, 2) read from them, 0..1.

    For maps that are distributions (output "softmax") it is the mass near the joint: the network's
    probability that the joint lies within 4 cells. Else it is the peak.
    """
    confidence = local_mass(maps, cells, NEAR) if kind == "softmax" else maps.amax((-2, -1))
    return confidence.clamp(0, 1)
