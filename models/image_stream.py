"""The image stream of a fusion network as layers of a published encoder."""

from torch import nn

from .blazepose_encoder import STAGES, BlazePoseEncoder
from .blazepose_regressor import CHANNELS, LandmarkTop
from .encoders import build_encoder, layer_shapes

LANDMARKS = "blazepose-landmarks"  # the full landmark network with its regressor
_GROUPS = ((0, 1), (2, 3), (4, 5), (6,))  # its stages in each layer; the stem is in the first


def picture_scale(name: str | None) -> int:
    """Return how many times larger than the maps the picture is that an encoder looks at.

    The landmark network was trained at 256 pixels and ends in 2 x 2 maps of them alone.
    """
    return 2 if name == LANDMARKS else 1


def stream_shapes(name: str) -> list[tuple[int, int]]:
    """Return (channels, stride) of each layer, as the map stream beside it has them.

    Raises:
        BadInput: there is no such encoder.

    >>> stream_shapes("blazepose-landmarks")
    [(24, 2), (32, 2), (88, 2), (144, 2), (288, 4)]
    """
    if name != LANDMARKS:
        return layer_shapes(name)
    stages = STAGES["blazepose"]
    return [*((stages[group[-1]].channels, 2) for group in _GROUPS), (CHANNELS, 4)]


def stream_layers(name: str) -> list[nn.Module]:
    """Return the layers, untrained.

    Raises:
        BadInput: there is no such encoder.
    """
    encoder = build_encoder("blazepose" if name == LANDMARKS else name)
    stem = nn.Sequential(encoder.stem, nn.ReLU6())
    if name != LANDMARKS:
        return [stem, *encoder.stages]
    assert isinstance(encoder, BlazePoseEncoder)
    groups = [nn.Sequential(*(encoder.stages[k] for k in group)) for group in _GROUPS]
    return [nn.Sequential(stem, groups[0]), *groups[1:], LandmarkTop(encoder)]
