"""Write trained networks as the files that the detectors load."""

from pathlib import Path
from typing import Any

from torch import Tensor

from ..models.encoder_hourglass import EncoderHourglassConfig
from ..models.encoders import PLUS
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
    """Write a hourglass's state as float16, with what is needed to rebuild the network.

    The large filters of two encoders side by side take 8 bits each: in 16 they would take 35 MB.

    Args:
        path: of the safetensors file.
        config: of the network.
        state: its state, or the moving average of it.
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
    paired = isinstance(config, EncoderHourglassConfig) and PLUS in config.encoder
    write_tensors(path, in_bytes(state, "encoder.") if paired else in_half(state), metadata)
