"""Shape and fusion of a fusion network: layers, channels, where the two streams meet."""

from dataclasses import asdict, dataclass
from typing import Any

from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton
from .encoders import BLAZEPOSES
from .image_stream import LANDMARKS, picture_scale, stream_shapes

STREAMS = ("image", "maps")
KINDS = ("trainable", *STREAMS)
JOINT_NEURONS = 512  # in a layer of the branch of the joints


@dataclass(frozen=True)
class ConvShape:
    """One convolutional layer of all three streams.

    Attributes:
        image: channels of the image stream.
        maps: channels of the confidence map stream; the fusion stream has the sum (eq. 1).
        kernel: side of the filters.
        stride: of the filters.
        pool: side of the max pooling behind it; 1: none.
    """

    image: int
    maps: int
    kernel: int = 3
    stride: int = 1
    pool: int = 1


@dataclass(frozen=True)
class FusionConfig:
    """Shape of a `FusionNet`.

    Attributes:
        convs: the convolutional layers, in order.
        neurons: the fully connected layers behind them, each (image stream, map stream).
        fusion: "trainable" (eq. 3), the layer beta behind which the streams are one (0: early
            fusion, the number of layers: late fusion), or "image" or "maps" for one stream alone.
        input_size: side of the maps; see `picture_size` for the image's.
        map_skeleton: whose joints the confidence maps are.
        batch_norm: normalise behind each layer.
        dropout: share of the fully connected layers' values dropped in training.
        image_encoder: "blazepose", "lite0", "lite1" or "lite2": the image stream's convolutional
            layers are the stem and the stages of that encoder, which can begin with trained
            weights; "blazepose-landmarks": they are MediaPipe's whole landmark network up to its
            two last, linear layers; None: layers as those of the other streams.
        joint_neurons: of each layer of the branch that reads the joints off the maps as numbers; 0:
            no such branch, as in the paper.
        glances: convolutional layers of the image stream whose maps are also read where the joints
            lie, for the fusion stream's first fully connected layer; none in the paper.

    Raises:
        BadInput: no layers, a number below 1, a size that does not divide, or no such fusion.
    """

    convs: tuple[ConvShape, ...]
    neurons: tuple[tuple[int, int], ...]
    fusion: str | int = "trainable"
    input_size: int = 128
    map_skeleton: str = "mpii16"
    batch_norm: bool = True
    dropout: float = 0.0
    image_encoder: str | None = None
    joint_neurons: int = 0
    glances: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.convs:
            raise BadInput("a fusion network needs a convolutional layer or more, got none")
        numbers = [n for conv in self.convs for n in asdict(conv).values()]
        numbers += [n for pair in self.neurons for n in pair]
        if min(numbers) < 1:
            raise BadInput(f"channels, kernels and strides must be 1 or more, got {min(numbers)}")
        if self.input_size % self.shrink:
            raise BadInput(f"input_size must be a multiple of {self.shrink}, got {self.input_size}")
        if self.joint_neurons < 0:
            raise BadInput(f"joint_neurons must be 0 or more, got {self.joint_neurons}")
        if not all(1 <= k <= len(self.convs) for k in self.glances):
            raise BadInput(
                f"glances must be convolutional layers from 1 to {len(self.convs)}, "
                f"got {self.glances}"
            )
        if not 0 <= self.dropout < 1:
            raise BadInput(f"dropout must be from 0 to below 1, got {self.dropout}")
        if self.image_encoder is not None:
            self._check_encoder(self.image_encoder)
        get_skeleton(self.map_skeleton)
        if isinstance(self.fusion, str) and self.fusion not in KINDS:
            raise BadInput(f"fusion must be {', '.join(KINDS)} or a layer, got {self.fusion!r}")
        if isinstance(self.fusion, int) and not 0 <= self.fusion <= self.layers:
            raise BadInput(
                f"the layer of fusion must be from 0 (early) to {self.layers} (late), "
                f"got {self.fusion}"
            )

    def _check_encoder(self, name: str) -> None:
        wanted = stream_shapes(name)[: len(self.convs)]
        found = [(conv.image, conv.stride) for conv in self.convs]
        if found != wanted or any(conv.pool > 1 for conv in self.convs):
            raise BadInput(
                f"with the image_encoder {name!r} the image stream's channels and strides are "
                f"{wanted} without pooling, got {found}"
            )

    @property
    def layers(self) -> int:
        """L, the layers before the output."""
        return len(self.convs) + len(self.neurons)

    @property
    def first_dense(self) -> int:
        """Number of the first fully connected layer."""
        return len(self.convs) + 1

    @property
    def shrink(self) -> int:
        """How many times smaller the last convolutional layer's maps are than the input."""
        product = 1
        for conv in self.convs:
            product *= conv.stride * conv.pool
        return product

    @property
    def picture_size(self) -> int:
        """Side of the image: that of the maps, twice that with "blazepose-landmarks"."""
        return picture_scale(self.image_encoder) * self.input_size

    @property
    def n_maps(self) -> int:
        """J, the number of confidence maps."""
        return get_skeleton(self.map_skeleton).n_joints

    def width(self, layer: int, stream: str) -> int:
        """Return the channels or neurons behind a layer (0: the input) of a stream.

        Args:
            layer: 0 to L.
            stream: "image", "maps" or "fusion".
        """
        if layer == 0:
            image, maps = 3, self.n_maps
        elif layer <= len(self.convs):
            shape = self.convs[layer - 1]
            image, maps = shape.image, shape.maps
        else:
            image, maps = self.neurons[layer - self.first_dense]
        return {"image": image, "maps": maps, "fusion": image + maps}[stream]

    def takes_joints(self, layer: int, stream: str) -> bool:
        """Say whether a layer of a stream takes the features of the branch of the joints."""
        return bool(self.joint_neurons) and layer == self.first_dense and stream != "image"

    def takes_glances(self, layer: int, stream: str) -> bool:
        """Say whether a layer of a stream takes what the image shows where the joints lie."""
        return bool(self.glances) and layer == self.first_dense and stream == "fusion"

    def depth(self, stream: str) -> range:
        """Return the layers, counted from 1, that a stream has with this fusion."""
        everything = range(1, self.layers + 1)
        if self.fusion == "trainable" or self.fusion == stream:
            return everything
        if isinstance(self.fusion, str):
            return range(0)
        if stream == "fusion":
            return everything[self.fusion :]
        return everything[: self.image_depth(self.fusion) if stream == "image" else self.fusion]

    def image_depth(self, fused: int) -> int:
        """Return how many layers of the image stream count with a fusion behind a layer.

        Those before it, and those whose maps the fusion stream reads at the joints.
        """
        glances = self.glances if fused < self.first_dense <= self.layers else ()
        return max(fused, *glances, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values, for a weights file's metadata."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FusionConfig":
        """Return the configuration that `to_dict` was called on.

        Raises:
            TypeError, KeyError: there is no such setting.
            BadInput: a setting is out of its range.
        """
        convs = tuple(ConvShape(**conv) for conv in values["convs"])
        neurons = tuple((int(image), int(maps)) for image, maps in values["neurons"])
        glances = tuple(int(layer) for layer in values.get("glances", ()))
        return cls(**{**values, "convs": convs, "neurons": neurons, "glances": glances})


# Image and map channels, stride of the 3 x 3 filters: 128 -> 4 in eight layers.
_SMALL = (
    (24, 24, 2),
    (48, 32, 2),
    (48, 32, 1),
    (96, 64, 2),
    (96, 64, 1),
    (128, 96, 2),
    (128, 96, 1),
    (128, 96, 2),
)


# Map channels beside an encoder's stem and its stages, but for the last of EfficientNet-Lite.
_BESIDE_BLAZEPOSE = (24, 24, 32, 32, 48, 64, 64, 96)
_BESIDE_LITE = (24, 24, 32, 48, 64, 64, 96)
_BESIDE_LANDMARKS = (24, 32, 64, 64, 96)


def small_config(width: float = 1.0, fusion: str | int = "trainable") -> FusionConfig:
    """Return the size that CPUs run: eight 3 x 3 layers and two fully connected ones.

    Args:
        width: factor of all channels and neurons; they are rounded to multiples of 8.
        fusion: as in `FusionConfig`.

    Raises:
        BadInput: the width is not positive.

    >>> small_config().layers, small_config(0.5).convs[0].image
    (10, 16)
    """
    convs = tuple(
        ConvShape(_wide(image, width), _wide(maps, width), 3, step) for image, maps, step in _SMALL
    )
    neurons = ((_wide(256, width),) * 2,) * 2
    return FusionConfig(convs, neurons, fusion, joint_neurons=_wide(JOINT_NEURONS, width))


def encoder_config(
    encoder: str = "lite0", width: float = 1.0, fusion: str | int = "trainable"
) -> FusionConfig:
    """Return a size for CPUs whose image stream is an encoder; of EfficientNet-Lite but one stage.

    Eight convolutional layers with BlazePose's and seven with EfficientNet-Lite, 128 to 4 pixels,
    and two fully connected ones; with the landmark network five, 128 to 2 pixels, and five.

    Args:
        encoder: of the image stream.
        width: factor of the map stream's channels and of all neurons, rounded to multiples of 8.
        fusion: as in `FusionConfig`.

    Raises:
        BadInput: the width is not positive, or there is no such encoder.

    >>> config = encoder_config()
    >>> config.layers, config.convs[-1].image, config.shrink
    (9, 192, 32)
    """
    beside: tuple[int, ...] = _BESIDE_BLAZEPOSE if encoder in BLAZEPOSES else _BESIDE_LITE
    dense, dropout = 2, 0.0
    glances: tuple[int, ...] = ()
    if encoder == LANDMARKS:
        beside, dense, dropout, glances = _BESIDE_LANDMARKS, 5, 0.1, (3, 4)
    shapes = stream_shapes(encoder)[: len(beside)]
    convs = tuple(
        ConvShape(image, _wide(maps, width), 5 if step > 2 else 3, step)
        for (image, step), maps in zip(shapes, beside, strict=True)
    )
    neurons = ((_wide(160, width),) * 2,) * dense
    return FusionConfig(
        convs,
        neurons,
        fusion,
        image_encoder=encoder,
        joint_neurons=_wide(JOINT_NEURONS, width),
        dropout=dropout,
        glances=glances,
    )


def _wide(count: int, width: float) -> int:
    """Return a number of channels times a factor, a multiple of 8."""
    if not width > 0:
        raise BadInput(f"width must be above 0, got {width}")
    return max(8, int(8 * ((count * width + 4) // 8)))


def paper_config(fusion: str | int = "trainable") -> FusionConfig:
    """Return the size of the authors' networks: 9 x 9, 5 x 5, 5 x 5 with pooling, 512, 2048.

    Figure 3 draws its sizes; they do not stand in the text. These are the streams of the paper's
    first version (arXiv:1611.05708v1) as others built it: three pooled convolutional layers
    with 32, 72 and 72 channels and fully connected ones of 512 and 2048, with dropout and without
    batch norm. The filters are padded here, so that the maps halve exactly.
    """
    convs = (ConvShape(32, 32, 9, 1, 2), ConvShape(72, 72, 5, 1, 2), ConvShape(72, 72, 5, 1, 2))
    neurons = ((512, 512), (2048, 2048))
    return FusionConfig(convs, neurons, fusion, batch_norm=False, dropout=0.5)


def fusion_of(text: str, layers: int) -> str | int:
    """Return the fusion that a word names: early, late, trainable, image, maps or a layer.

    Raises:
        BadInput: it names none.

    >>> fusion_of("late", 10), fusion_of("4", 10), fusion_of("maps", 10)
    (10, 4, 'maps')
    """
    if text in KINDS:
        return text
    if text in ("early", "late"):
        return 0 if text == "early" else layers
    if text.isdecimal() and int(text) <= layers:
        return int(text)
    raise BadInput(
        f"fusion must be trainable, early, late, image, maps or a layer from 0 to {layers}, "
        f"got {text!r}"
    )
