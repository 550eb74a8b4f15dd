"""EfficientNet-Lite: the bottom-up half of a hourglass that can start from ImageNet's weights.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019),
table 1, in its Lite form: no squeeze-and-excitation, ReLU6, stem and last stage not scaled.
"""

from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..poses.errors import BadInput


class StageShape(NamedTuple):
    """One row of the paper's table 1: blocks, kernel, stride, expansion, channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STEM_CHANNELS = 32
STAGES = (
    StageShape(1, 3, 1, 1, 16),
    StageShape(2, 3, 2, 6, 24),
    StageShape(2, 5, 2, 6, 40),
    StageShape(3, 3, 2, 6, 80),
    StageShape(3, 5, 1, 6, 112),
    StageShape(4, 5, 2, 6, 192),
    StageShape(1, 3, 1, 6, 320),
)
TAPS = (1, 2, 4, 6)  # the last stages with maps of a quarter, 1/8, 1/16 and 1/32
EPSILON = 1e-3
SCALES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # width, depth


def stage_shapes(name: str) -> tuple[StageShape, ...]:
    """Return the stages of "lite0", "lite1" or "lite2".

    Raises:
        BadInput: there is no such network.

    >>> [stage.channels for stage in stage_shapes("lite2")]
    [16, 24, 48, 88, 120, 208, 352]
    """
    if name not in SCALES:
        raise BadInput(f"encoder must be one of {', '.join(SCALES)}, got {name!r}")
    width, depth = SCALES[name]
    last = len(STAGES) - 1
    return tuple(
        stage._replace(
            blocks=stage.blocks if k in (0, last) else ceil(stage.blocks * depth),
            channels=_eights(stage.channels * width) if width != 1 else stage.channels,
        )
        for k, stage in enumerate(STAGES)
    )


def _eights(channels: float) -> int:
    """Round to a multiple of eight, downwards by a tenth at most."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class NormedConv(nn.Module):
    """A convolution and a batch norm whose statistics stay as they are, run as one convolution.

    The statistics are ImageNet's; weight, scale and shift can learn. The two are multiplied before
    the image is touched, which saves a pass over the maps forwards and two backwards.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, width_in: int, width_out: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.stride, self.groups = stride, groups
        self.weight = nn.Parameter(torch.empty(width_out, width_in // groups, kernel, kernel))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)  # as nn.Conv2d does
        self.scale = nn.Parameter(torch.ones(width_out))
        self.shift = nn.Parameter(torch.zeros(width_out))
        self.register_buffer("running_mean", torch.zeros(width_out))
        self.register_buffer("running_var", torch.ones(width_out))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the weight and the bias of the one convolution."""
        scale = self.scale * torch.rsqrt(self.running_var + EPSILON)
        return self.weight * scale[:, None, None, None], self.shift - self.running_mean * scale

    def as_conv(self) -> nn.Conv2d:
        """Return the one convolution, which gives the same and learns no more."""
        weight, bias = (tensor.detach().clone() for tensor in self.folded())
        out, within, kernel = weight.shape[:3]
        conv = nn.Conv2d(
            within * self.groups, out, kernel, self.stride, kernel // 2, groups=self.groups
        )
        conv.load_state_dict({"weight": weight, "bias": bias}, assign=True)
        return conv.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width_out, H / stride, W / stride)."""
        weight, bias = self.folded()
        padding = weight.shape[-1] // 2
        if self.stride > 1 and self.groups > 1 and x.requires_grad:
            # the gradient of a strided depthwise convolution is very slow on CPUs
            whole = functional.conv2d(x, weight, bias, 1, padding, groups=self.groups)
            return whole[..., :: self.stride, :: self.stride]
        return functional.conv2d(x, weight, bias, self.stride, padding, groups=self.groups)


class InvertedResidual(nn.Module):
    """Expand by 1 x 1, filter each channel, project by 1 x 1.

    The sum with what came in, where the shapes allow it and the block expands.
    """

    def __init__(self, width_in: int, shape: StageShape, stride: int) -> None:
        super().__init__()
        inner = width_in * shape.expansion
        self.expand = nn.Sequential()
        if shape.expansion > 1:
            self.expand = nn.Sequential(NormedConv(width_in, inner), nn.ReLU6(inplace=True))
        self.depthwise = NormedConv(inner, inner, shape.kernel, stride, inner)
        self.project = NormedConv(inner, shape.channels)
        self.adds = stride == 1 and width_in == shape.channels and shape.expansion > 1

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, channels, H / stride, W / stride)."""
        y = self.expand(x)
        y = functional.relu6(self.depthwise(y), inplace=True)
        y = self.project(y)
        return x + y if self.adds else y


class EfficientNetLite(nn.Module):
    """The stages of EfficientNet-Lite without its classifier.

    Args:
        name: "lite0", "lite1" or "lite2".

    >>> maps = EfficientNetLite("lite0").eval()(torch.zeros(1, 3, 64, 64))
    >>> [tuple(each.shape[1:]) for each in maps]
    [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        shapes = stage_shapes(name)
        self.channels = tuple(shapes[k].channels for k in TAPS)
        self.stem = NormedConv(3, STEM_CHANNELS, 3, 2)
        self.stages = residual_stages(STEM_CHANNELS, shapes)

    def hold(self, stages: int = 2) -> None:
        """Stop learning in the stem, the first stages, every depthwise filter, the last projection.

        What stays is general already, and its gradients would take most of the time on a CPU. The
        last projection stays for another reason: nothing keeps the mean of its maps in place if
        all that follows takes differences only, and 16 bits have no room for a mean that drifts.
        """
        blocks = [module for module in self.modules() if isinstance(module, InvertedResidual)]
        for module in (self.stem, *self.stages[:stages], blocks[-1].project):
            module.requires_grad_(False)
        hold_depthwise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to maps of a quarter, 1/8, 1/16 and 1/32 of their size."""
        x = functional.relu6(self.stem(images), inplace=True)
        return run_stages(self.stages, x, TAPS)[1]


def residual_stages(width: int, shapes: tuple[StageShape, ...]) -> nn.ModuleList:
    """Return stages of inverted residuals behind maps of a width; the first of each one strides."""
    stages = []
    for shape in shapes:
        blocks = []
        for k in range(shape.blocks):
            blocks.append(InvertedResidual(width, shape, shape.stride if k == 0 else 1))
            width = shape.channels
        stages.append(nn.Sequential(*blocks))
    return nn.ModuleList(stages)


def run_stages(
    stages: nn.ModuleList, x: Tensor, taps: tuple[int, ...]
) -> tuple[Tensor, list[Tensor]]:
    """Return the last stage's maps, and those of the stages whose places are named in `taps`."""
    tapped = []
    for k, stage in enumerate(stages):
        x = stage(x)
        if k in taps:
            tapped.append(x)
    return x, tapped


def hold_depthwise(module: nn.Module) -> None:
    """Stop learning in every depthwise filter of a module."""
    for conv in module.modules():
        if isinstance(conv, NormedConv) and conv.groups > 1:
            conv.requires_grad_(False)
