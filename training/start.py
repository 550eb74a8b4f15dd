"""What a network begins its training with: a published encoder, or the weights of another one."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ..models.blazepose_encoder import BlazePoseEncoder
from ..models.encoder_hourglass import EncoderHourglass
from ..models.encoders import MOVENETS, PLUS
from ..models.heatmap_net import HeatmapNet
from ..models.image_stream import LANDMARKS
from ..models.movenet_encoder import MoveNetEncoder
from ..models.paired_encoder import Encoder, PairedEncoder
from ..models.tensor_file import expanded, read_tensors
from ..poses.errors import BadInput, WeightsMissing
from .blazepose import GET_PACKAGE as GET_MEDIAPIPE
from .blazepose import load_blazepose
from .imagenet import load_imagenet
from .movenet import GET_PACKAGE as GET_MOVENET
from .movenet import load_movenet


def usual_encoder_rate(encoder: str | None) -> float:
    """Return the part of the learning rate at which an encoder learns unless told otherwise.

    BlazePose's heavy one forgets at more, and so does a whole landmark network what it knows of
    depth. MoveNet's learn sooner with less. Of two encoders only the second learns.

    >>> [usual_encoder_rate(each) for each in ("lite0", "blazepose-heavy", "lite0+movenet-thunder")]
    [0.4, 0.02, 0.1]
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
        BadInput: BlazePose's or MoveNet's encoder without `published`, or two encoders, of which
            the first is not filled so.
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


def _load_published(encoder: Encoder, name: str, published: Path | None) -> None:
    if isinstance(encoder, BlazePoseEncoder):
        load_blazepose(encoder, name, _given(published, name, GET_MEDIAPIPE))
    elif isinstance(encoder, MoveNetEncoder):
        load_movenet(encoder, name, _given(published, name, GET_MOVENET))
    else:
        load_imagenet(encoder, name)


def _given(published: Path | None, name: str, get_package: str) -> Path:
    if published is None:
        raise BadInput(
            f"the encoder {name} begins with published weights; run `{get_package}` and pass what "
            "it gets as --published"
        )
    return published


def start_from_weights(net: HeatmapNet, weights: Path, published: Path | None = None) -> None:
    """Copy all tensors of the same name and shape from a weights file.

    A network with two encoders may begin with one that has the first of them alone: it gives the
    same maps at first, and the second encoder has its published weights.

    Args:
        net: to be filled.
        weights: of its kind.
        published: where the second encoder's are, as for `start_from_published`.

    Raises:
        BadInput: `published` is needed and missing.
        WeightsMissing: the file cannot be read, has another encoder or, where a second one is
            added, another width, or shares no tensor with the network.
    """
    stored, metadata = read_tensors(weights)
    tensors, own = expanded(stored), net.state_dict()
    if isinstance(net, EncoderHourglass):
        theirs, ours = metadata.get("config", {}).get("encoder"), net.config.encoder
        first, *second = ours.split(PLUS)
        if isinstance(net.encoder, PairedEncoder) and theirs == first:
            tensors = _with_room(tensors, own, weights)
            _load_published(cast(Encoder, net.encoder.parts[1]), second[0], published)
            own = net.state_dict()
        elif theirs != ours:  # blocks of the same shape stand at other places in it
            raise WeightsMissing(
                f"{weights} has {f'the encoder {theirs}' if theirs else 'no encoder'}, the network "
                f"to be trained {ours}; give weights with the same one"
            )
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise WeightsMissing(
            f"{weights} has no tensor of this network's; give weights of its kind and width"
        )
    net.load_state_dict({**own, **{k: v.to(own[k].dtype) for k, v in fitting.items()}})


def _with_room(
    tensors: dict[str, Tensor], own: dict[str, Tensor], weights: Path
) -> dict[str, Tensor]:
    """Return a network's tensors as those of one with a second encoder, whose maps count nothing.

    Room is needed where the encoder's maps come in: in the filters (out, in, 1, 1), which get
    zeros, and in the means and variances (in,) of what they filter.
    """
    wider = {}
    for name, tensor in tensors.items():
        new = name.replace("encoder.", "encoder.parts.0.", 1)
        if name.startswith(("top_down.centres.", "top_down.laterals.")) and tensor.ndim:
            axis = min(tensor.ndim - 1, 1)  # of the encoder's maps
            known = tensor.shape[axis]
            beside = own[new].transpose(0, axis)[known:].transpose(0, axis)
            if beside.shape[:axis] == tensor.shape[:axis]:
                tensor = torch.cat([tensor, torch.zeros_like(beside) if axis else beside], axis)
        if new in own and own[new].shape != tensor.shape:
            raise WeightsMissing(
                f"{weights} has other widths than the network to be trained; a second encoder is "
                "added to a network with the same --features"
            )
        wider[new] = tensor
    return wider
