"""Write a fusion network to its weights file, and rebuild it from one."""

from pathlib import Path
from typing import Any

import torch

from .fusion_config import FusionConfig
from .fusion_net import FusionNet
from .tensor_file import in_half, write_tensors
from .weights_file import opened_weights

KIND = "fusion"


def save_fusion(path: Path, net: FusionNet, about: dict[str, Any]) -> None:
    """Write a network as float16, with what is needed to rebuild it.

    Args:
        path: of the safetensors file.
        net: in any state, its batch norms not folded.
        about: recipe and scores, kept in the metadata.
    """
    metadata = {"kind": KIND, "config": net.config.to_dict(), "skeleton": "h36m17", **about}
    write_tensors(path, in_half(net.state_dict()), metadata)


def load_fusion(weights: str | Path, device: torch.device) -> tuple[FusionNet, dict[str, Any]]:
    """Load a fusion network, in evaluation mode, and its file's metadata.

    Args:
        weights: name in the zoo, or path of a `.safetensors` file.
        device: for the network.

    Raises:
        BadInput: the zoo has no such weights.
        WeightsMissing: the file is absent, damaged, or of something else.
    """
    with opened_weights(weights, KIND) as (state, metadata):
        with torch.device("meta"):
            net = FusionNet(FusionConfig.from_dict(metadata["config"]))
        net.load_state_dict(state, assign=True)
    net = net.eval().requires_grad_(False).to(device)
    return net.to(memory_format=torch.channels_last), metadata  # type: ignore[call-overload]
