"""Tensors with JSON metadata in safetensors files, written whole or not at all."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..poses.errors import WeightsMissing
from ..poses.whole_files import whole_file

KEY = "lift3d"
STEP = ":step"
LARGE = 40_000  # numbers in a tensor of filters from which 8 bits do no harm


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write a safetensors file, the same bytes for the same content.

    The metadata is stored as JSON under one key, since safetensors writes several in random order.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    with whole_file(path) as part:
        part.write_bytes(save(plain, {KEY: json.dumps(metadata, sort_keys=True)}))


def in_half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state for its file: arrays of floats as float16.

    Single numbers stay as they are, and so do the variances that norms keep and arrays with a
    number that passes its range.
    """
    return {
        name: value.half() if value.ndim and _fits_half(name, value) else value
        for name, value in state.items()
    }


def _fits_half(name: str, value: Tensor) -> bool:
    if not value.is_floating_point() or name.endswith("running_var"):
        return False
    return not bool((value.abs() > torch.finfo(torch.float16).max).any())


def in_bytes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state for its file: large filters in 8 bits, all else as `in_half`.

    A filter tensor (out, in, k, k) is kept as int8 steps, whose size, float32 (out,), stands beside
    it under its name with `STEP`; `expanded` multiplies them. Depthwise filters stay.
    """
    small = {}
    for name, value in in_half(state).items():
        if value.ndim != 4 or value.shape[1] == 1 or value.numel() < LARGE:
            small[name] = value
            continue
        exact = state[name].float()
        step = exact.flatten(1).abs().amax(1).clamp_min(1e-12) / 127
        small[name] = (exact / step[:, None, None, None]).round().to(torch.int8)
        small[name + STEP] = step
    return small


def expanded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what `in_half` or `in_bytes` made of a network's state as float32 again."""
    steps = {name: value for name, value in tensors.items() if name.endswith(STEP)}
    state = {}
    for name, value in tensors.items():
        if name + STEP in steps:
            state[name] = value.float() * steps[name + STEP][:, None, None, None]
        elif name not in steps:
            state[name] = value.float() if value.is_floating_point() else value
    return state


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the metadata of a file that `write_tensors` wrote.

    Raises:
        WeightsMissing: the file is absent or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(KEY, "{}"))
            if not isinstance(metadata, dict):
                raise ValueError("its metadata is no object")
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118
    except FileNotFoundError:
        raise WeightsMissing(f"{path} does not exist; check the path or train it anew") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsMissing(f"{path} is no readable safetensors file ({error})") from error
