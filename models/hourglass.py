"""Stacked hourglass network: image crops to joint heatmaps.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation" (ECCV 2016), in the
form that Cha et al. (2018, section 6) and Tekin et al. (2017, section 3.2) take their 2D maps from.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..poses.errors import BadInput

OUTPUTS = ("linear", "sigmoid", "softmax")


@dataclass(frozen=True)
class HourglassConfig:
    """Shape of a `StackedHourglass`.

    Attributes:
        stacks: hourglasses one after the other (the papers: 1, 2, 4 or 8).
        features: channels of the hourglass; the stem has a quarter, then half of them.
        depth: how often the hourglass halves the map (4 in the papers).
        residuals: residual blocks in a row wherever the papers have one.
        outputs: channels of the result, one heatmap for each joint.
        output: what a heatmap's number means. "linear": trained by squared error against a
            Gaussian of peak one; "sigmoid": the same, squashed to 0..1; "softmax": logits of a
            distribution over the map, trained by cross-entropy.
    """

    stacks: int = 2
    features: int = 256
    depth: int = 4
    residuals: int = 1
    outputs: int = 16
    output: str = "linear"

    def __post_init__(self) -> None:
        for name in ("stacks", "features", "depth", "residuals", "outputs"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.features % 4:
            raise BadInput(f"features must be divisible by 4, got {self.features}")
        if self.output not in OUTPUTS:
            raise BadInput(f"output must be one of {', '.join(OUTPUTS)}, got {self.output!r}")

    @property
    def divisor(self) -> int:
        """Image height and width must be multiples of this number."""
        return 4 * 2**self.depth

    def to_dict(self) -> dict[str, int | str]:
        """Return the configuration as plain values, for a weights file's metadata."""
        return asdict(self)


class Residual(nn.Module):
    """Pre-activation bottleneck: BN-1x1-BN-3x3-BN-1x1 with half the width inside."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        half = width_out // 2
        self.norm1, self.conv1 = nn.BatchNorm2d(width_in), nn.Conv2d(width_in, half, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, half, 3, padding=1)
        self.norm3, self.conv3 = nn.BatchNorm2d(half), nn.Conv2d(half, width_out, 1)
        same = width_in == width_out
        self.skip: nn.Module = nn.Identity() if same else nn.Conv2d(width_in, width_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width_out, H, W)."""
        y = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        y = self.conv3(functional.relu(self.norm3(y)))
        return y + self.skip(x)


def _residuals(count: int, width: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(width, width) for _ in range(count)))


class Hourglass(nn.Module):
    """Encoder and decoder over `depth` halvings, with a residual skip at each scale."""

    def __init__(self, depth: int, width: int, residuals: int) -> None:
        super().__init__()
        self.up = _residuals(residuals, width)
        self.down = _residuals(residuals, width)
        self.inner = (
            Hourglass(depth - 1, width, residuals) if depth > 1 else _residuals(residuals, width)
        )
        self.back = _residuals(residuals, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape; H and W are divisible by 2 ** depth."""
        low = self.back(self.inner(self.down(functional.max_pool2d(x, 2))))
        return self.up(x) + functional.interpolate(low, scale_factor=2.0, mode="nearest")


class Stack(nn.Module):
    """One hourglass, its head, and the maps that feed the next stack."""

    def __init__(self, config: HourglassConfig, last: bool) -> None:
        super().__init__()
        width, outputs = config.features, config.outputs
        self.hourglass = Hourglass(config.depth, width, config.residuals)
        self.residual = _residuals(config.residuals, width)
        self.linear, self.norm = nn.Conv2d(width, width, 1), nn.BatchNorm2d(width)
        self.score = nn.Conv2d(width, outputs, 1)
        self.from_features = None if last else nn.Conv2d(width, width, 1)
        self.from_scores = None if last else nn.Conv2d(outputs, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores (N, outputs, H, W) and the next stack's input (N, width, H, W)."""
        y = functional.relu(self.norm(self.linear(self.residual(self.hourglass(x)))))
        score = self.score(y)
        if self.from_features is None or self.from_scores is None:
            return score, y
        return score, x + self.from_features(y) + self.from_scores(score)


class StackedHourglass(nn.Module):
    """Stacked hourglass; the map is a quarter of the image's size.

    With 16 outputs, 256 features, depth 4 and one residual, 1, 2, 4 and 8 stacks have 3,586,960,
    6,730,912, 13,018,816 and 25,594,624 parameters.

    >>> net = StackedHourglass(HourglassConfig(stacks=2, features=32)).eval()
    >>> [tuple(maps.shape) for maps in net(torch.zeros(1, 3, 64, 64))]
    [(1, 16, 16, 16), (1, 16, 16, 16)]
    """

    def __init__(self, config: HourglassConfig) -> None:
        super().__init__()
        self.config = config
        width = config.features
        self.conv = nn.Conv2d(3, width // 4, 7, stride=2, padding=3)
        self.norm = nn.BatchNorm2d(width // 4)
        self.stem1 = Residual(width // 4, width // 2)
        self.stem2 = Residual(width // 2, width)
        self.stem3 = Residual(width, width)
        self.stacks = nn.ModuleList(
            Stack(config, last=i == config.stacks - 1) for i in range(config.stacks)
        )

    @property
    def stride(self) -> int:
        """Image pixels for each heatmap cell."""
        return 4

    @property
    def divisor(self) -> int:
        """Image height and width must be multiples of this number."""
        return self.config.divisor

    def features(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W), roughly zero mean and unit range, to (N, features, H/4, W/4)."""
        x = functional.relu(self.norm(self.conv(images)))
        x = functional.max_pool2d(self.stem1(x), 2)
        return self.stem3(self.stem2(x))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of every stack, each (N, outputs, H/4, W/4); the last one is the result.

        Raises:
            BadInput: the images' height or width is not a multiple of `divisor`.
        """
        check_sides(images, self.divisor)
        x = self.features(images)
        maps = []
        for stack in self.stacks:
            score, x = stack(x)
            maps.append(torch.sigmoid(score) if self.config.output == "sigmoid" else score)
        return maps


def check_sides(images: Tensor, divisor: int) -> None:
    """Raise BadInput unless height and width of images (..., H, W) are multiples of a number."""
    height, width = images.shape[-2:]
    if height % divisor or width % divisor:
        raise BadInput(
            f"image height and width must be multiples of {divisor}, "
            f"got {height} x {width}; resize or pad them"
        )
