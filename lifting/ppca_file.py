"""Write a fitted PPCA lifter to a safetensors file, and read it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..models.tensor_file import read_tensors, write_tensors
from ..poses import Skeleton
from ..poses.errors import WeightsMissing
from .ppca_mixture import PPCAMixture, stacked
from .ppca_model import PPCAModel

PARTS = ("mean", "basis", "variances", "noise")


def write_lifter(
    path: Path,
    mixture: PPCAMixture,
    numbers: dict[str, float],
    skeleton: Skeleton,
    settings: dict[str, Any],
) -> None:
    """Write the mixture, single numbers and settings; whole or not at all."""
    arrays = dict(zip(PARTS, stacked(mixture, PARTS), strict=True)) | {"weights": mixture.weights}
    tensors = {
        name: torch.tensor(np.asarray(value), dtype=torch.float32)
        for name, value in (arrays | numbers).items()
    }
    write_tensors(path, tensors, {"kind": "ppca", "skeleton": skeleton.name, "config": settings})


def read_lifter(path: Path) -> tuple[PPCAMixture, dict[str, float], dict[str, Any]]:
    """Return the mixture, single numbers and settings of a file that `write_lifter` wrote.

    Raises:
        WeightsMissing: no such file, or none of a PPCA lifter.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("kind") != "ppca":
        raise WeightsMissing(
            f"{path} holds weights of kind {metadata.get('kind')!r}, expected 'ppca'; "
            "give a file that PPCALifter.save or `lift3d train ppca` wrote"
        )
    arrays = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    if "weights" not in arrays:
        raise WeightsMissing(
            f"{path} holds a single Gaussian of an older lift3d, expected a mixture; train it anew "
            "with `lift3d train ppca`"
        )
    components = [
        PPCAModel(mean, basis, variances, float(noise))
        for mean, basis, variances, noise in zip(*(arrays.pop(part) for part in PARTS), strict=True)
    ]
    mixture = PPCAMixture(tuple(components), arrays.pop("weights"))
    return mixture, {name: float(value) for name, value in arrays.items()}, metadata["config"]
