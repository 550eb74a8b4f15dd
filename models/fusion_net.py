"""The network that fuses an image and the confidence maps of its joints into a 3D pose.

Tekin, Marquez-Neila, Salzmann and Fua, "Learning to Fuse 2D and 3D Image Cues for Monocular Body
Pose Estimation" (ICCV 2017), section 3.1.
"""

from math import log

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton
from .dense_layer import DenseLayer
from .fusion_config import STREAMS, ConvShape, FusionConfig
from .image_stream import stream_layers
from .joint_branch import JointBranch, joint_numbers, mirror, read_joints
from .joint_glance import CHANNELS, JointGlance

UNIT_MM = 250.0  # of the network's output
ALPHA = 0.1  # section 3.1: the first alpha
BODY = get_skeleton("h36m17")


class ConvLayer(nn.Module):
    """Convolution, batch norm, ReLU, max pooling."""

    def __init__(self, width_in: int, width_out: int, shape: ConvShape, batch_norm: bool) -> None:
        super().__init__()
        pad = shape.kernel // 2
        self.map = nn.Conv2d(
            width_in, width_out, shape.kernel, shape.stride, pad, bias=not batch_norm
        )
        self.norm: nn.Module = nn.BatchNorm2d(width_out) if batch_norm else nn.Identity()
        self.pool = shape.pool

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width_out, H / shrink, W / shrink)."""
        x = functional.relu(self.norm(self.map(x)))
        return functional.max_pool2d(x, self.pool) if self.pool > 1 else x


class FusionNet(nn.Module):
    """Image stream, confidence map stream, fusion stream (figure 3).

    Layer l of the fusion stream reads (1 - w) concat(I, X) + w Z of layer l - 1 (eq. 1), where
    w_l = sigmoid(alpha (l - beta)) (eq. 3). With a fixed fusion the weights are 0 up to beta and 1
    behind it, and only the layers that then count exist; with "image" or "maps" one stream alone.

    With `joint_neurons` the joints are also read off the maps as numbers: the first fully connected
    layer of each stream that knows the maps takes what a `JointBranch` makes of them, and the pose
    is the sum of the streams' and the branch's. With `glances` the first fully connected layer of
    the fusion stream also takes what the image stream's maps hold where those joints lie.

    >>> from lift3d.models.fusion_config import small_config
    >>> net = FusionNet(small_config(0.25)).eval()
    >>> net(torch.zeros(1, 3, 128, 128), torch.zeros(1, 16, 128, 128)).shape
    torch.Size([1, 17, 3])
    >>> net.fusion_weights().detach().round(decimals=2)[[0, 4, 9]]
    tensor([0.4000, 0.5000, 0.6200])
    """

    settled_at: Tensor
    steepness: Tensor

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        self.streams = nn.ModuleDict(
            {
                stream: nn.ModuleDict(_stream_layers(config, stream))
                for stream in (*STREAMS, "fusion")
                if config.depth(stream)
            }
        )
        stream = config.fusion if config.fusion in STREAMS else "fusion"
        self.last = nn.Linear(_numbers(config, config.layers, str(stream)), 3 * BODY.n_joints)
        self.joints = None
        if config.joint_neurons and config.fusion != "image":
            self.joints = JointBranch(
                config.n_maps, config.joint_neurons, 3 * BODY.n_joints, config.batch_norm
            )
        self.glance = None
        if any(config.takes_glances(k, "fusion") for k in config.depth("fusion")):
            self.glance = JointGlance([config.convs[k - 1].image for k in config.glances])
        if config.fusion == "trainable":
            self.log_alpha = nn.Parameter(torch.tensor(log(ALPHA)))
            self.beta = nn.Parameter(torch.tensor(config.layers / 2))  # the middle layer
            self.register_buffer("settled_at", torch.tensor(-1))
            self.register_buffer("steepness", torch.tensor(1.0))

    @property
    def alpha(self) -> Tensor:
        """How sharp the transition of the weights is; kept as its logarithm, so above 0."""
        return self.log_alpha.exp()

    def fusion_weights(self) -> Tensor:
        """Return w (L,), eq. 3: from 0 (the data streams count) to 1 (the fusion stream does).

        Once `settle` was called they are 0 up to the layer of fusion and 1 behind it.
        """
        config = self.config
        layer = torch.arange(1, config.layers + 1, device=self.last.weight.device)
        if config.fusion == "trainable":
            soft = torch.sigmoid(self.steepness * self.alpha * (layer - self.beta))
            # the sum keeps alpha and beta in the graph, without a gradient
            sharp = (layer > self.settled_at).to(soft) + 0 * soft
            return torch.where(self.settled_at < 0, soft, sharp)
        if isinstance(config.fusion, str):
            raise BadInput(f"a network of one stream ({config.fusion!r}) has no fusion weights")
        return (layer > config.fusion).to(self.last.weight)

    @torch.no_grad()
    def sharpen(self, steepness: float) -> None:
        """Multiply alpha in eq. 3, so that the weights come close to 0 and 1 without a jump."""
        self.steepness.fill_(steepness)

    @torch.no_grad()
    def settle(self) -> None:
        """Make the weights 0 and 1 for good, w_l = [l > beta]: what a sharp fusion tends to."""
        if int(self.settled_at) < 0:
            self.settled_at.fill_(int((self.fusion_weights() <= 0.5).sum()))

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """Return poses (N, 17, 3) in units of `UNIT_MM`, camera axes, relative to the pelvis.

        Args:
            images: (N, 3, P, P) as `image_input` gives them, P the configuration's `picture_size`.
            maps: (N, J, S, S), each with its joint's confidence as its peak, 0 or above.

        Raises:
            BadInput: image or maps of another size or number.
        """
        self._check(images, maps)
        config, fusion = self.config, self.config.fusion
        left_out = fusion == "trainable" and self.training and int(self.settled_at) >= 0
        fused = int(self.settled_at) if left_out else fusion
        depth = config.image_depth(fused) if isinstance(fused, int) else config.layers
        seen = self._outputs("image", images, {}, depth) if "image" in self.streams else [images]
        beside, lifted = self._beside(seen, maps)
        if isinstance(fused, int):
            x = self._joined(seen, maps, beside, fused)
        elif fusion == "trainable":
            x = self._mixed(seen, maps, beside)
        elif fusion == "image":
            x = seen[-1]
        else:
            x = self._outputs("maps", maps, beside, config.layers)[-1]
        if left_out:  # what weighs nothing stays in the graph without a gradient
            x = x + 0 * sum(parameter.sum() for parameter in self.parameters())
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 would be 4 mm off
            pose = self.last(x.flatten(1).to(self.last.weight))
        pose = (pose if lifted is None else pose + lifted).view(-1, BODY.n_joints, 3)
        return pose - pose[:, BODY.root : BODY.root + 1]

    def stream_outputs(self, images: Tensor, maps: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Return what image and map stream give at a layer up to which both have layers."""
        beside, _ = self._beside([], maps)
        return (
            self._outputs("image", images, beside, layer)[-1],
            self._outputs("maps", maps, beside, layer)[-1],
        )

    def _beside(self, seen: list[Tensor], maps: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return what the first fully connected layers take beside, by stream; the branch's poses.

        Args:
            seen: what the layers of the image stream give, the image first.
            maps: as `forward` takes them.
        """
        if self.joints is None and self.glance is None:
            return {}, None
        places, height = read_joints(maps)
        of_maps, of_fusion, lifted = [], [], None
        if self.joints is not None:
            features, lifted = self._lift(joint_numbers(places, height))
            of_maps, of_fusion = [features], [features]
        if self.glance is not None and seen:
            layers = [seen[k] for k in self.config.glances]
            of_fusion.append(self.glance(layers, (places + 0.5) / maps.shape[-1], height))
        parts = {"maps": of_maps, "fusion": of_fusion}
        return {stream: torch.cat(part, 1) for stream, part in parts.items() if part}, lifted

    def _lift(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and poses (N, 51) of the branch of the joints.

        Once it has learned, the pose is the mean with that of the mirrored joints, mirrored back.
        """
        assert self.joints is not None
        features, lifted = self.joints(numbers)
        if self.training:
            return features, lifted
        order = get_skeleton(self.config.map_skeleton).flip_index
        again = self.joints(mirror(numbers, order))[1].view(-1, BODY.n_joints, 3)
        return features, (lifted + mirror(again, BODY.flip_index).flatten(1)) / 2

    def _outputs(
        self, stream: str, x: Tensor, beside: dict[str, Tensor], depth: int
    ) -> list[Tensor]:
        """Return what a data stream gives behind each layer, its input first."""
        outputs = [x]
        for k in range(1, depth + 1):
            outputs.append(self._step(stream, k, outputs[-1], beside))
        return outputs

    def _joined(
        self, seen: list[Tensor], maps: Tensor, beside: dict[str, Tensor], layer: int
    ) -> Tensor:
        """Return what the output layer reads where both streams become one behind a layer."""
        x = self._cat((seen[layer], self._outputs("maps", maps, beside, layer)[-1]))
        for k in range(layer + 1, self.config.layers + 1):
            x = self._step("fusion", k, x, beside)
        return x

    def _mixed(self, seen: list[Tensor], maps: Tensor, beside: dict[str, Tensor]) -> Tensor:
        """Return what the output layer reads: eq. 1 at layer L."""
        mixed = self._cat((seen[0], maps))  # Z_0
        weights = self.fusion_weights()
        x = maps
        for k in range(1, self.config.layers + 1):
            fused = self._step("fusion", k, mixed, beside)
            x = self._step("maps", k, x, beside)
            w = weights[k - 1]
            mixed = (1 - w) * torch.cat([seen[k], x], 1) + w * fused
        return mixed

    @staticmethod
    def _cat(data: tuple[Tensor, Tensor]) -> Tensor:
        """Return I and X of a layer as one; a larger picture is scaled to the maps' size."""
        images, maps = data
        if images.ndim == 4 and images.shape[-1] != maps.shape[-1]:
            images = functional.avg_pool2d(images, images.shape[-1] // maps.shape[-1])
        return torch.cat([images, maps], 1)

    def _step(self, stream: str, layer: int, x: Tensor, beside: dict[str, Tensor]) -> Tensor:
        if stream in beside and layer == self.config.first_dense:
            x = torch.cat([x.flatten(1), beside[stream]], 1)
        return self.streams[stream][str(layer)](x)  # type: ignore[index]

    def _check(self, images: Tensor, maps: Tensor) -> None:
        config = self.config
        for name, given, wanted, size in (
            ("images", images, 3, config.picture_size),
            ("maps", maps, config.n_maps, config.input_size),
        ):
            if given.ndim != 4 or tuple(given.shape[1:]) != (wanted, size, size):
                raise BadInput(
                    f"{name} must have shape (N, {wanted}, {size}, {size}), "
                    f"got {tuple(given.shape)}"
                )


def image_input(images: Tensor) -> Tensor:
    """Scale images of 0..255 as the networks take them: the grey 114 of the border is zero."""
    return (images.float() - 114.0) / 64.0


def _numbers(config: FusionConfig, layer: int, stream: str) -> int:
    """Return how many numbers a layer's output has when laid out in a row."""
    width = config.width(layer, stream)
    side = config.input_size // config.shrink
    return width * side * side if layer == len(config.convs) else width


def _stream_layers(config: FusionConfig, stream: str) -> dict[str, nn.Module]:
    """Return the layers of a stream by their numbers, untrained."""
    encoder = _encoder_layers(config) if stream == "image" and config.image_encoder else []
    return {
        str(k): encoder[k - 1] if k <= len(encoder) else _layer(config, k, stream)
        for k in config.depth(stream)
    }


def _layer(config: FusionConfig, layer: int, stream: str) -> nn.Module:
    """Return layer 1 .. L of a stream, untrained."""
    width = config.width(layer, stream)
    if layer <= len(config.convs):
        before = config.width(layer - 1, stream)
        return ConvLayer(before, width, config.convs[layer - 1], config.batch_norm)
    before = _numbers(config, layer - 1, stream)
    if config.takes_joints(layer, stream):
        before += config.joint_neurons
    if config.takes_glances(layer, stream):
        before += config.n_maps * CHANNELS
    return DenseLayer(before, width, config.batch_norm, config.dropout)


def _encoder_layers(config: FusionConfig) -> list[nn.Module]:
    """Return the image stream's convolutional layers: an encoder's stem and its stages."""
    return stream_layers(str(config.image_encoder))[: len(config.convs)]
