"""Write trained networks as the files that the detectors load."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ..models.encoder_hourglass import EncoderHourglassConfig
from ..models.heatmap_net import HeatmapNetConfig
from ..models.tensor_file import in_bytes, in_half, write_tensors


def export_hourglass(
    path: Path,
    config: HeatmapNetConfig,
    state: dict[str, Tensor],
    skeleton: str | None,
    input_size: int,
    about: dict[str, Any],
) -> None:
    """Write a hourglass's state, with what is needed to rebuild the network.

    Args:
        path: of the safetensors file.
        config: of the network.
        state: its state, or the moving average of it; `_stored_form` says how it is kept.
        skeleton: whose joints the maps are of; None where they are no joints.
        input_size: of the images that it was trained for.
        about: recipe and scores, kept in the metadata.
    """
    metadata = {
        "kind": "hourglass",
        "config": config.to_dict(),
        "skeleton": skeleton,
        "input_size": input_size,
        **about,
    }
    write_tensors(path, _stored_form(config, state), metadata)


def _stored_form(config: HeatmapNetConfig, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a hourglass's state as its file keeps it: as float16.

    The large filters of a network with an expert are numbers of 8 bits: both sizes that ship would
    take 52 MB in 16.
    """
    with_expert = isinstance(config, EncoderHourglassConfig) and config.expert
    return in_bytes(state) if with_expert else in_half(state)
