"""The published encoders by their names: BlazePose's, MoveNet's and EfficientNet-Lite, by size."""

from ..poses.errors import BadInput
from . import blazepose_encoder, efficientnet_lite, movenet_encoder
from .blazepose_encoder import BlazePoseEncoder
from .efficientnet_lite import SCALES, EfficientNetLite, StageShape, stage_shapes
from .movenet_encoder import MoveNetEncoder
from .paired_encoder import Encoder, PairedEncoder

BLAZEPOSES = tuple(blazepose_encoder.STAGES)
MOVENETS = tuple(movenet_encoder.STAGES)
ENCODERS = (*BLAZEPOSES, *MOVENETS, *SCALES)
PLUS = "+"


def build_encoder(name: str) -> Encoder | PairedEncoder:
    """Return an untrained encoder, or two side by side if the name has a plus.

    Raises:
        BadInput: there is none of that name.
    """
    check_encoder(name)
    parts = [build_single(part) for part in name.split(PLUS)]
    return PairedEncoder(*parts) if len(parts) > 1 else parts[0]


def build_single(name: str) -> Encoder:
    """Return one untrained encoder.

    Raises:
        BadInput: there is none of that name.
    """
    check_encoder(name, most=1)
    if name in BLAZEPOSES:
        return BlazePoseEncoder(name)
    return MoveNetEncoder(name) if name in MOVENETS else EfficientNetLite(name)


def layer_shapes(name: str) -> list[tuple[int, int]]:
    """Return (channels, stride) of a single encoder's stem and of each of its stages.

    Raises:
        BadInput: there is none of that name.

    >>> layer_shapes("lite0")[:3]
    [(32, 2), (16, 1), (24, 2)]
    """
    check_encoder(name, most=1)
    stages: tuple[StageShape, ...]
    if name in BLAZEPOSES:
        stem, stages = blazepose_encoder.STEM_CHANNELS, blazepose_encoder.STAGES[name]
    elif name in MOVENETS:
        stem, stages = movenet_encoder.STEM_CHANNELS[name], movenet_encoder.STAGES[name]
    else:
        stem, stages = efficientnet_lite.STEM_CHANNELS, stage_shapes(name)
    return [(stem, 2), *((stage.channels, stage.stride) for stage in stages)]


def check_encoder(name: str, most: int = 2) -> None:
    """Raise BadInput unless the name is an encoder's, or of `most` with a plus between them."""
    parts = name.split(PLUS)
    if len(parts) > most or any(part not in ENCODERS for part in parts):
        pair = ", or two of them with a plus between" if most > 1 else ""
        raise BadInput(f"encoder must be one of {', '.join(ENCODERS)}{pair}, got {name!r}")
