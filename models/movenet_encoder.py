"""The encoder of MoveNet: the bottom-up half of a hourglass that can start from Google's weights.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (CVPR 2018), table 2, once
and 1.75 times as wide (the last 1280 channels apart), as in MoveNet's networks for one person.
"""

from torch import Tensor, nn
from torch.nn import functional

from .efficientnet_lite import NormedConv, StageShape, hold_depthwise, residual_stages, run_stages

STEM_CHANNELS = {"movenet-lightning": 32, "movenet-thunder": 56}
STAGES = {
    "movenet-lightning": (
        StageShape(1, 3, 1, 1, 16),
        StageShape(2, 3, 2, 6, 24),
        StageShape(3, 3, 2, 6, 32),
        StageShape(4, 3, 2, 6, 64),
        StageShape(3, 3, 1, 6, 96),
        StageShape(3, 3, 2, 6, 160),
        StageShape(1, 3, 1, 6, 320),
    ),
    "movenet-thunder": (
        StageShape(1, 3, 1, 1, 32),
        StageShape(2, 3, 2, 6, 40),
        StageShape(3, 3, 2, 6, 56),
        StageShape(4, 3, 2, 6, 112),
        StageShape(3, 3, 1, 6, 168),
        StageShape(3, 3, 2, 6, 280),
        StageShape(1, 3, 1, 6, 560),
    ),
}
TOP_CHANNELS = 1280
TAPS = (1, 2, 4)  # the last stages with maps of a quarter, 1/8 and 1/16; the top has 1/32


class MoveNetEncoder(nn.Module):
    """MobileNetV2 without its classifier.

    Args:
        name: "movenet-lightning" or "movenet-thunder", which is 1.75 times as wide.

    >>> import torch
    >>> maps = MoveNetEncoder("movenet-thunder").eval()(torch.zeros(1, 3, 64, 64))
    >>> [tuple(each.shape[1:]) for each in maps]
    [(40, 16, 16), (56, 8, 8), (168, 4, 4), (1280, 2, 2)]
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        shapes = STAGES[name]
        self.channels = (*(shapes[k].channels for k in TAPS), TOP_CHANNELS)
        self.stem = NormedConv(3, STEM_CHANNELS[name], 3, 2)
        self.stages = residual_stages(STEM_CHANNELS[name], shapes)
        self.widen = NormedConv(shapes[-1].channels, TOP_CHANNELS)

    def hold(self) -> None:
        """Stop learning in the stem, the first stages and every depthwise filter.

        What stays is general already, and its gradients would take most of the time on a CPU.
        """
        for module in (self.stem, *self.stages[:2]):
            module.requires_grad_(False)
        hold_depthwise(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to maps of a quarter, 1/8, 1/16 and 1/32 of their size."""
        x = functional.relu6(self.stem(images), inplace=True)
        x, taps = run_stages(self.stages, x, TAPS)
        return [*taps, functional.relu6(self.widen(x), inplace=True)]
