"""What the fusion network's image stream begins with: an encoder that was trained before."""

from pathlib import Path
from typing import Any, cast

from torch import nn

from ..models.efficientnet_lite import EfficientNetLite, hold_depthwise
from ..models.encoder_hourglass import EncoderHourglass
from ..models.encoders import build_encoder
from ..models.fusion_net import FusionNet
from ..models.image_stream import LANDMARKS
from ..models.load import LoadedHourglass
from ..poses.errors import BadInput
from .blazepose import GET_PACKAGE, load_landmark_layers
from .imagenet import load_imagenet

HELD = 3  # stem and two stages, or as many groups of stages


def begin_image_stream(
    net: FusionNet, detector: LoadedHourglass | None, published: Path | None = None
) -> None:
    """Fill an image stream that is an encoder with the detector's, if alike, or with ImageNet's.

    The landmark network begins with MediaPipe's weights.

    Args:
        net: whose image stream is filled.
        detector: whose encoder may be taken.
        published: where MediaPipe's weights are, see `load_blazepose`.

    Raises:
        BadInput: the image stream is BlazePose's encoder, and the detector has another one, or
            the landmark network, and `published` is missing.
        WeightsMissing: ImageNet's or MediaPipe's weights are needed and not there.
    """
    name = net.config.image_encoder
    if name is None or "image" not in net.streams:
        return
    if name == LANDMARKS:
        if published is None:
            raise BadInput(
                f"the size landmarks begins with MediaPipe's weights; run `{GET_PACKAGE}` and "
                "pass what it gets as --published"
            )
        load_landmark_layers(_layers(net), published)
        return
    whole = build_encoder(name)
    known = detector.net if detector is not None else None
    if isinstance(known, EncoderHourglass) and known.config.encoder == name:
        whole.load_state_dict(known.encoder.state_dict())
    elif isinstance(whole, EfficientNetLite):
        load_imagenet(whole, name)
    else:
        raise BadInput(
            f"an image stream of the size {name} begins with a detector's encoder; give a "
            "--detector that has it, like hourglass-s, or take --size lite0"
        )
    for own, trained in zip(_layers(net), (whole.stem, *whole.stages), strict=False):
        cast(Any, own[0] if trained is whole.stem else own).load_state_dict(trained.state_dict())


def hold_image_stream(net: FusionNet) -> list[nn.Parameter]:
    """Stop learning where it is slow and what stays is general; return the rest of the encoder.

    That is in the stem, the first two stages (of the landmark network the first six) and every
    depthwise filter.
    """
    layers = _layers(net)
    for layer in layers[:HELD]:
        layer.requires_grad_(False)
    for layer in layers:
        hold_depthwise(layer)
    return [p for layer in layers for p in layer.parameters() if p.requires_grad]


def _layers(net: FusionNet) -> list[Any]:
    """Return the layers of the image stream that are an encoder's."""
    if net.config.image_encoder is None or "image" not in net.streams:
        return []
    stream = cast(nn.ModuleDict, net.streams["image"])
    return [stream[str(k)] for k in net.config.depth("image") if k <= len(net.config.convs)]
