"""The published encoders by their names: BlazePose's and EfficientNet-Lite, each in its sizes."""

from ..poses.errors import BadInput
from . import blazepose_encoder, efficientnet_lite
from .blazepose_encoder import BlazePoseEncoder
from .efficientnet_lite import SCALES, EfficientNetLite, stage_shapes

BLAZEPOSES = tuple(blazepose_encoder.STAGES)
ENCODERS = (*BLAZEPOSES, *SCALES)


def build_encoder(name: str) -> BlazePoseEncoder | EfficientNetLite:
    """Return an untrained encoder.

    Raises:
        BadInput: there is none of that name.
    """
    check_encoder(name)
    return BlazePoseEncoder(name) if name in BLAZEPOSES else EfficientNetLite(name)


def layer_shapes(name: str) -> list[tuple[int, int]]:
    """Return (channels, stride) of an encoder's stem and of each of its stages.

    Raises:
        BadInput: there is none of that name.

    >>> layer_shapes("lite0")[:3]
    [(32, 2), (16, 1), (24, 2)]
    """
    check_encoder(name)
    blazepose = name in BLAZEPOSES
    stages = blazepose_encoder.STAGES[name] if blazepose else stage_shapes(name)
    stem = blazepose_encoder.STEM_CHANNELS if blazepose else efficientnet_lite.STEM_CHANNELS
    return [(stem, 2), *((stage.channels, stage.stride) for stage in stages)]


def check_encoder(name: str) -> None:
    """Raise BadInput unless there is an encoder of that name."""
    if name not in ENCODERS:
        raise BadInput(f"encoder must be one of {', '.join(ENCODERS)}, got {name!r}")
