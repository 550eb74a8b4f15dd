"""Rebuild a network from its weights file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton
from .calibration import Calibration
from .heatmap_net import HeatmapNet, bare_net, config_from, place_net
from .weights_file import opened_weights


@dataclass(frozen=True)
class LoadedHourglass:
    """A hourglass in evaluation mode, and what its file says of it.

    Attributes:
        net: the network, channels last, on the device asked for.
        skeleton: name of the skeleton whose joints its maps are, None for the person finder.
        input_size: of the images that it was trained for.
        calibration: of the joints' confidences, None where the file has none: they stay raw.
        upright: the part of the crops that it was trained on that were turned upright.
    """

    net: HeatmapNet
    skeleton: str | None
    input_size: int
    calibration: Calibration | None = None
    upright: float = 0.0


def load_hourglass(weights: str | Path, device: torch.device) -> LoadedHourglass:
    """Load a hourglass from the zoo by name, or from a `.safetensors` file by path.

    Raises:
        BadInput: the zoo has no such weights.
        WeightsMissing: the file is absent, damaged, or of something else.
    """
    with opened_weights(weights, "hourglass") as (state, metadata):
        with torch.device("meta"):
            net = bare_net(config_from(metadata["config"]))
        net.load_state_dict(state, assign=True)
        skeleton, input_size = metadata["skeleton"], int(metadata["input_size"])
        if skeleton is not None and get_skeleton(skeleton).n_joints != net.config.outputs:
            raise BadInput(f"{net.config.outputs} maps are not those of skeleton {skeleton!r}")
        if input_size < 1 or input_size % net.divisor:
            raise BadInput(f"input_size must be a multiple of {net.divisor}, got {input_size}")
        calibration = _calibration(metadata, net.config.outputs)
        augmentation = metadata.get("recipe", {}).get("augmentation", {})
        upright = float(augmentation.get("upright", 0.0))
    net = place_net(net.eval().requires_grad_(False), device)
    return LoadedHourglass(net, skeleton, input_size, calibration, upright)


def _calibration(metadata: dict[str, Any], joints: int) -> Calibration | None:
    """Return the calibration that a file's metadata hold, if any."""
    if "calibration" not in metadata:
        return None
    calibration = Calibration.from_dict(metadata["calibration"])
    if len(calibration.plain) != joints:
        raise BadInput(f"calibration must be of {joints} joints, got {len(calibration.plain)}")
    return calibration
