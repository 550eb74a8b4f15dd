"""Stacked hourglass whose first bottom-up half is a published encoder.

The network is that of Newell et al. (ECCV 2016), bottom-up then top-down with a skip at each scale
and intermediate supervision, but the first hourglass descends through stages that were trained
before, on ImageNet (EfficientNet-Lite) or on people (BlazePose), down to 1/32 of the image: from
scratch it takes many times the crops to come as far.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..poses.errors import BadInput
from .encoders import build_encoder, check_encoder
from .hourglass import OUTPUTS, HourglassConfig, Residual, Stack, check_sides
from .movenet import OF_MPII, MoveNet

COARSEST = 32
EXPERT = "movenet-thunder"


@dataclass(frozen=True)
class EncoderHourglassConfig:
    """Shape of an `EncoderHourglass`.

    Attributes:
        encoder: one of `ENCODERS`.
        features: channels of the way up; its finest scale has half of them.
        residuals: residual blocks at the scales 1/16 and 1/8; the others have one.
        stacks: hourglasses one after the other; all but the first are Newell et al.'s, at a
            quarter of the image's size.
        outputs: channels of the result, one heatmap for each joint.
        output: as in `HourglassConfig`.
        expert: "movenet-thunder", a published network whose opinion of the 16 MPII joints counts
            as well; None: none does. A training leaves it as it is.
        expert_weight: power of its probabilities in the product with those of the last stack.
    """

    encoder: str = "lite0"
    features: int = 160
    residuals: int = 2
    stacks: int = 1
    outputs: int = 16
    output: str = "softmax"
    expert: str | None = None
    expert_weight: float = 1.0

    def __post_init__(self) -> None:
        check_encoder(self.encoder)
        for name in ("features", "residuals", "stacks", "outputs"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.features % 8:
            raise BadInput(f"features must be divisible by 8, got {self.features}")
        if self.output not in OUTPUTS:
            raise BadInput(f"output must be one of {', '.join(OUTPUTS)}, got {self.output!r}")
        if self.expert not in (None, EXPERT):
            raise BadInput(f"expert must be {EXPERT} or None, got {self.expert!r}")
        if self.expert and (self.output != "softmax" or self.outputs != len(OF_MPII)):
            raise BadInput(
                f"an expert needs the output softmax of {len(OF_MPII)} joints, got {self.output} "
                f"of {self.outputs}"
            )

    @property
    def divisor(self) -> int:
        """Image height and width must be multiples of this number."""
        return COARSEST if self.stacks == 1 else self.refining.divisor

    @property
    def refining(self) -> HourglassConfig:
        """The shape of the stacks behind the first."""
        return HourglassConfig(
            self.stacks, self.features // 2, outputs=self.outputs, output=self.output
        )

    def to_dict(self) -> dict[str, int | float | str | None]:
        """Return the configuration as plain values, for a weights file's metadata."""
        return asdict(self)


class TopDown(nn.Module):
    """From the encoder's maps to a quarter of the image: add, refine, double the size, again.

    The encoder's maps are centred first. Their means would come through all that is added up and
    fall away in the norms only, so that nothing would keep them from growing; numbers of 16 bits
    have no room for the differences then.
    """

    def __init__(self, config: EncoderHourglassConfig, channels: tuple[int, ...]) -> None:
        super().__init__()
        width = config.features
        widths = (width // 2, width, width, width)
        counts = (1, config.residuals, config.residuals, 1)
        self.centres = nn.ModuleList(nn.BatchNorm2d(c, affine=False) for c in channels)
        self.laterals = nn.ModuleList(
            nn.Conv2d(c, w, 1, bias=False) for c, w in zip(channels, widths, strict=True)
        )
        self.residuals = nn.ModuleList(
            nn.Sequential(*(Residual(w, w) for _ in range(count)))
            for w, count in zip(widths, counts, strict=True)
        )
        self.narrow = nn.Conv2d(width, width // 2, 1)

    def forward(self, taps: list[Tensor]) -> Tensor:
        """Map maps of a quarter, 1/8, 1/16 and 1/32 to (N, features / 2, H/4, W/4)."""
        y = self.residuals[3](self._lateral(3, taps))
        for k in (2, 1, 0):
            low = self.narrow(y) if k == 0 else y
            doubled = functional.interpolate(low, scale_factor=2.0, mode="nearest")
            y = self.residuals[k](self._lateral(k, taps) + doubled)
        return y

    def _lateral(self, k: int, taps: list[Tensor]) -> Tensor:
        return self.laterals[k](self.centres[k](taps[k]))


class EncoderHourglass(nn.Module):
    """A hourglass that goes down through an encoder, and further hourglasses behind it.

    With an expert the last maps are those of a product of experts (Hinton, "Training products of
    experts by minimizing contrastive divergence", 2002, eq. 1): logarithms of probabilities add up.

    With 160 features and one stack it has 3.5 million parameters ("lite0") or 2.2 ("blazepose").

    >>> net = EncoderHourglass(EncoderHourglassConfig(features=32)).eval()
    >>> [tuple(maps.shape) for maps in net(torch.zeros(1, 3, 64, 64))]
    [(1, 16, 16, 16)]
    """

    stride = 4

    def __init__(self, config: EncoderHourglassConfig) -> None:
        super().__init__()
        self.config = config
        fine = config.features // 2
        self.encoder = build_encoder(config.encoder)
        self.top_down = TopDown(config, self.encoder.channels)
        self.norm = nn.BatchNorm2d(fine)
        self.score = nn.Conv2d(fine, config.outputs, 1)
        more = config.stacks > 1
        self.from_scores = nn.Conv2d(config.outputs, fine, 1) if more else None
        self.stacks = nn.ModuleList(
            Stack(config.refining, last=k == config.stacks - 1) for k in range(1, config.stacks)
        )
        self.expert = MoveNet().requires_grad_(False) if config.expert else None

    @property
    def divisor(self) -> int:
        """Image height and width must be multiples of this number."""
        return self.config.divisor

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of every stack, each (N, outputs, H/4, W/4); the last one is the result.

        Raises:
            BadInput: the images' height or width is not a multiple of `divisor`.
        """
        check_sides(images, self.divisor)
        x = self.top_down(self.encoder(images))
        scores = [self.score(functional.relu(self.norm(x)))]
        if self.from_scores is not None:
            x = x + self.from_scores(scores[0])
        for stack in self.stacks:
            score, x = stack(x)
            scores.append(score)
        if self.expert is not None:
            scores[-1] = scores[-1] + self.config.expert_weight * self.expert(images)
        return [torch.sigmoid(s) for s in scores] if self.config.output == "sigmoid" else scores
