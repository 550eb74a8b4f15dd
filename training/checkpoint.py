"""Checkpoints: weights, their moving average and the optimizer's state, in one safetensors file."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..models.tensor_file import read_tensors, write_tensors
from ..poses.errors import WeightsMissing


def save_checkpoint(
    path: Path,
    net: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    metadata: dict[str, Any],
) -> None:
    """Write everything that `load_checkpoint` needs to go on as if never stopped."""
    tensors = {f"net/{key}": value for key, value in net.state_dict().items()}
    tensors.update({f"average/{key}": value for key, value in average.items()})
    for index, state in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer/{index}/{key}": value for key, value in state.items()})
    write_tensors(path, tensors, metadata)


def load_checkpoint(
    path: Path,
    net: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> dict[str, Any]:
    """Restore what `save_checkpoint` wrote, in place, and return the metadata.

    Raises:
        WeightsMissing: the file is damaged or is of another network.
    """
    tensors, metadata = read_tensors(path)
    groups: dict[str, dict[str, Tensor]] = {"net": {}, "average": {}, "optimizer": {}}
    for key, value in tensors.items():
        kind, _, name = key.partition("/")
        groups.setdefault(kind, {})[name] = value
    try:
        net.load_state_dict(groups["net"])
        if groups["average"].keys() != average.keys() or "step" not in metadata:
            raise KeyError("average or step")
    except (KeyError, RuntimeError) as error:
        raise WeightsMissing(
            f"{path} is a checkpoint of another network; go on with its settings or start in an "
            "empty folder"
        ) from error
    for name, value in groups["average"].items():
        average[name].copy_(value)
    state = optimizer.state_dict()
    state["state"] = {}
    for name, value in groups["optimizer"].items():
        index, key = name.split("/")
        state["state"].setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(state)
    return metadata
