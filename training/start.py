"""What a network begins its training with: a published encoder, or the weights of another one."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..models.blazepose_encoder import BlazePoseEncoder
from ..models.efficientnet_lite import EfficientNetLite
from ..models.encoder_hourglass import EncoderHourglass
from ..models.encoders import MOVENETS, PLUS
from ..models.heatmap_net import HeatmapNet
from ..models.image_stream import LANDMARKS
from ..models.movenet_encoder import MoveNetEncoder
from ..models.paired_encoder import PairedEncoder
from ..models.tensor_file import expanded, read_tensors
from ..poses.errors import BadInput, WeightsMissing
from . import blazepose, movenet
from .blazepose import load_blazepose
from .imagenet import load_imagenet
from .movenet import load_movenet


def usual_encoder_rate(encoder: str | None) -> float:
    """Return the part of the learning rate at which an encoder learns unless told otherwise.

    BlazePose's heavy one forgets at more, and so does a whole landmark network what it knows of
    depth. Of two encoders only the second learns.

    >>> usual_encoder_rate("blazepose-heavy"), usual_encoder_rate("lite0")
    (0.02, 0.4)
    """
    learning = (encoder or "").split(PLUS)[-1]
    if learning in MOVENETS:
        return 0.1
    return 0.02 if learning in ("blazepose-heavy", LANDMARKS) else 0.4


def parameter_groups(net: HeatmapNet, encoder_rate: float) -> list[dict[str, Any]]:
    """Return the optimizer's groups; a pretrained encoder is held in part and learns slower.

    Args:
        net: whose encoder, if it has one, starts from published weights.
        encoder_rate: the encoder's learning rate as a part of the others'.
    """
    if not isinstance(net, EncoderHourglass):
        return [{"params": list(net.parameters())}]
    net.encoder.hold()
    pretrained = [p for p in net.encoder.parameters() if p.requires_grad]
    rest = [p for name, p in net.named_parameters() if not name.startswith("encoder.")]
    return [{"params": pretrained, "scale": encoder_rate}, {"params": rest}]


def start_from_published(net: HeatmapNet, published: Path | None = None) -> None:
    """Fill the encoder of a network that has one with ImageNet's, MediaPipe's or MoveNet's weights.

    Args:
        net: with an encoder or without.
        published: where BlazePose's or MoveNet's weights are, see `load_blazepose` and
            `load_movenet`; ImageNet's come from an installed package.

    Raises:
        BadInput: BlazePose's or MoveNet's encoder without `published`.
        WeightsMissing: the weights are not there.
    """
    if not isinstance(net, EncoderHourglass):
        return
    encoder, name = net.encoder, net.config.encoder
    if isinstance(encoder, PairedEncoder):
        raise BadInput(
            f"a training with the encoders {name} begins with a network that has the first alone; "
            "pass its weights as --start-from"
        )
    _load_published(encoder, name, published)


def _load_published(encoder: nn.Module, name: str, published: Path | None) -> None:
    if isinstance(encoder, BlazePoseEncoder):
        load_blazepose(encoder, name, _given(published, name, blazepose.GET_PACKAGE))
    elif isinstance(encoder, MoveNetEncoder):
        load_movenet(encoder, name, _given(published, name, movenet.GET_PACKAGE))
    elif isinstance(encoder, EfficientNetLite):
        load_imagenet(encoder, name)


def _given(published: Path | None, name: str, get_package: str) -> Path:
    if published is None:
        raise BadInput(
            f"the encoder {name} begins with published weights; run `{get_package}` and pass what "
            "it gets as --published, or pass --start-from"
        )
    return published


def start_from_weights(net: HeatmapNet, weights: Path, published: Path | None = None) -> None:
    """Copy all tensors of the same name and shape from a weights file.

    Args:
        net: to be filled.
        weights: of its kind. Those of a network that has the first of its two encoders alone serve
            as well: at first it gives the same maps, and the second encoder begins with
        published: its published weights, as `start_from_published` takes them.

    Raises:
        BadInput: `published` is needed and missing.
        WeightsMissing: the file cannot be read, has another encoder, or shares no tensor with the
            network.
    """
    stored, metadata = read_tensors(weights)
    tensors = expanded(stored)
    theirs = metadata.get("config", {}).get("encoder")
    if isinstance(net, EncoderHourglass) and isinstance(net.encoder, PairedEncoder):
        first, second = net.config.encoder.split(PLUS)
        if theirs == first:
            _load_published(net.encoder.parts[1], second, published)
            tensors = {_beside(k): _widened(v, net, k) for k, v in tensors.items()}
            theirs = net.config.encoder
    if isinstance(net, EncoderHourglass) and theirs not in (None, net.config.encoder):
        # blocks of the same shape stand at other places in it
        raise WeightsMissing(
            f"{weights} has the encoder {theirs}, the network to be trained {net.config.encoder}; "
            "give weights with the same one"
        )
    own = net.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise WeightsMissing(
            f"{weights} has no tensor of this network's; give weights of its kind and width"
        )
    net.load_state_dict({**own, **{k: v.to(own[k].dtype) for k, v in fitting.items()}})


def _beside(name: str) -> str:
    """Return the name in a network with two encoders of a tensor in one with the first alone."""
    return name.replace("encoder.", "encoder.parts.0.", 1) if name.startswith("encoder.") else name


def _widened(tensor: Tensor, net: EncoderHourglass, name: str) -> Tensor:
    """Return a tensor of the way up with room for the second encoder's maps, which count nothing.

    Those are the filters (out, in, 1, 1) and the means and variances (in,) of each scale.
    """
    own = net.state_dict().get(name)
    if own is None or own.shape == tensor.shape or not name.startswith("top_down."):
        return tensor
    wide = own.clone()
    if own.ndim == 1:
        wide[: len(tensor)] = tensor
    else:
        wide.zero_()[:, : tensor.shape[1]] = tensor
    return wide
