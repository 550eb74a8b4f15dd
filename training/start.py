"""What a network begins its training with: a published encoder, or the weights of another one."""

from pathlib import Path
from typing import Any

from ..models.blazepose_encoder import BlazePoseEncoder
from ..models.encoder_hourglass import EncoderHourglass
from ..models.heatmap_net import HeatmapNet
from ..models.image_stream import LANDMARKS
from ..models.tensor_file import expanded, read_tensors
from ..poses.errors import BadInput, WeightsMissing
from .blazepose import GET_PACKAGE, load_blazepose
from .imagenet import load_imagenet
from .movenet import GET_PACKAGE as GET_MOVENET
from .movenet import load_movenet


def usual_encoder_rate(encoder: str | None) -> float:
    """Return the part of the learning rate at which an encoder learns unless told otherwise.

    BlazePose's heavy one forgets at more, and so does a whole landmark network what it knows of
    depth.

    >>> usual_encoder_rate("blazepose-heavy"), usual_encoder_rate("lite0")
    (0.02, 0.4)
    """
    return 0.02 if encoder in ("blazepose-heavy", LANDMARKS) else 0.4


def parameter_groups(net: HeatmapNet, encoder_rate: float) -> list[dict[str, Any]]:
    """Return the optimizer's groups; a pretrained encoder is held in part and learns slower.

    An expert is in none of them.

    Args:
        net: whose encoder, if it has one, starts from published weights.
        encoder_rate: the encoder's learning rate as a part of the others'.
    """
    if not isinstance(net, EncoderHourglass):
        return [{"params": list(net.parameters())}]
    net.encoder.hold()
    pretrained = [p for p in net.encoder.parameters() if p.requires_grad]
    others = ("encoder.", "expert.")
    rest = [p for name, p in net.named_parameters() if not name.startswith(others)]
    return [{"params": pretrained, "scale": encoder_rate}, {"params": rest}]


def start_from_published(net: HeatmapNet, published: Path | None = None) -> None:
    """Fill the encoder of a network that has one with ImageNet's or MediaPipe's weights.

    Args:
        net: with an EfficientNet-Lite, BlazePose's encoder, or none.
        published: where BlazePose's weights are, see `load_blazepose`.

    Raises:
        BadInput: BlazePose's encoder without `published`.
        WeightsMissing: the weights are not there.
    """
    if not isinstance(net, EncoderHourglass):
        return
    if not isinstance(net.encoder, BlazePoseEncoder):
        load_imagenet(net.encoder, net.config.encoder)
    elif published is None:
        raise BadInput(
            f"the encoder {net.config.encoder} begins with MediaPipe's weights; run "
            f"`{GET_PACKAGE}` and pass what it gets as --published, or pass --start-from"
        )
    else:
        load_blazepose(net.encoder, net.config.encoder, published)


def start_from_weights(net: HeatmapNet, weights: Path) -> None:
    """Copy all tensors of the same name and shape from a weights file.

    Raises:
        WeightsMissing: the file cannot be read, has another encoder, or shares no tensor with the
            network.
    """
    stored, metadata = read_tensors(weights)
    tensors = expanded(stored)
    theirs = metadata.get("config", {}).get("encoder")
    if isinstance(net, EncoderHourglass) and theirs != net.config.encoder:
        # blocks of the same shape stand at other places in it
        raise WeightsMissing(
            f"{weights} has {f'the encoder {theirs}' if theirs else 'no encoder'}, the network to "
            f"be trained {net.config.encoder}; give weights with the same one"
        )
    own = net.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise WeightsMissing(
            f"{weights} has no tensor of this network's; give weights of its kind and width"
        )
    net.load_state_dict({**own, **{k: v.to(own[k].dtype) for k, v in fitting.items()}})


def start_expert(net: HeatmapNet, published: Path | None) -> None:
    """Fill the expert of a network that has one with MoveNet's weights.

    Raises:
        BadInput: the network has an expert, and `published` is None.
        WeightsMissing: see `load_movenet`.
    """
    expert = net.expert if isinstance(net, EncoderHourglass) else None
    if expert is None:
        return
    if published is None:
        raise BadInput(
            f"the expert needs MoveNet's weights; run `{GET_MOVENET}` and pass what it gets"
        )
    expert.load_state_dict(load_movenet(published).state_dict())
