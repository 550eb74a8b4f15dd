"""The encoder of BlazePose: the bottom-up half of a hourglass that can start from MediaPipe's.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking" (2020), in the form of the
full landmark model of MediaPipe 0.10.21: inverted residuals as in EfficientNet-Lite, narrower.
"""

from torch import Tensor, nn
from torch.nn import functional

from .efficientnet_lite import (
    NormedConv,
    StageShape,
    hold_depthwise,
    residual_stages,
)

STEM_CHANNELS = 24
STAGES = (
    StageShape(1, 3, 1, 1, 16),
    StageShape(1, 3, 2, 4, 24),
    StageShape(1, 3, 1, 6, 24),
    StageShape(2, 5, 2, 6, 32),
    StageShape(3, 3, 2, 6, 64),
    StageShape(3, 5, 1, 6, 88),
    StageShape(4, 5, 2, 6, 144),
)
TAPS = (2, 3, 5)  # the last stages with maps of a quarter, 1/8 and 1/16; the top has 1/32
TOP_CHANNELS = 864


class BlazePoseEncoder(nn.Module):
    """The landmark network's way down, without its heads.

    >>> import torch
    >>> maps = BlazePoseEncoder().eval()(torch.zeros(1, 3, 64, 64))
    >>> [tuple(each.shape[1:]) for each in maps]
    [(24, 16, 16), (32, 8, 8), (88, 4, 4), (864, 2, 2)]
    """

    channels = (*(STAGES[k].channels for k in TAPS), TOP_CHANNELS)

    def __init__(self) -> None:
        super().__init__()
        self.stem = NormedConv(3, STEM_CHANNELS, 3, 2)
        self.stages = residual_stages(STEM_CHANNELS, STAGES)
        self.widen = NormedConv(STAGES[-1].channels, TOP_CHANNELS)
        self.filter = NormedConv(TOP_CHANNELS, TOP_CHANNELS, 3, groups=TOP_CHANNELS)

    def hold(self) -> None:
        """Stop learning in the stem, the first stages and every depthwise filter.

        What stays is general already, and its gradients would take most of the time on a CPU.
        """
        for module in (self.stem, *self.stages[:3], self.filter):
            module.requires_grad_(False)
        hold_depthwise(self)

    def normed_convs(self) -> list[NormedConv]:
        """Return the convolutions in the order in which the network applies them."""
        return [module for module in self.modules() if isinstance(module, NormedConv)]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to maps of a quarter, 1/8, 1/16 and 1/32 of their size."""
        x = functional.relu6(self.stem(images), inplace=True)
        taps = []
        for k, stage in enumerate(self.stages):
            x = stage(x)
            if k in TAPS:
                taps.append(x)
        x = functional.relu6(self.widen(x), inplace=True)
        return [*taps, functional.relu6(self.filter(x), inplace=True)]
