"""Tensors with JSON metadata in safetensors files, written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..poses.errors import WeightsMissing

KEY = "lift3d"


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write a safetensors file, the same bytes for the same content.

    The metadata is stored as JSON under one key, since safetensors writes several in random order.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    part.write_bytes(save(plain, {KEY: json.dumps(metadata, sort_keys=True)}))
    os.replace(part, path)


def in_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state for its file: arrays of floats as float16.

    Single numbers stay as they are, and the variances that norms keep, which may pass its range.
    """
    return {
        name: value.half()
        if value.is_floating_point() and value.ndim and not name.endswith("running_var")
        else value
        for name, value in state.items()
    }


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the metadata of a file that `write_tensors` wrote.

    Raises:
        WeightsMissing: the file is absent or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(KEY, "{}"))
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118
    except FileNotFoundError:
        raise WeightsMissing(f"{path} does not exist; check the path or train it anew") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsMissing(f"{path} is no readable safetensors file ({error})") from error
