"""The encoder of BlazePose: the bottom-up half of a hourglass that can start from MediaPipe's.

Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking" (2020), in the form of
MediaPipe's full and heavy landmark models: inverted residuals as in EfficientNet-Lite.
"""

from torch import Tensor, nn
from torch.nn import functional

from .efficientnet_lite import (
    NormedConv,
    StageShape,
    hold_depthwise,
    residual_stages,
    run_stages,
)

STEM_CHANNELS = 24
STAGES = {
    "blazepose": (
        StageShape(1, 3, 1, 1, 16),
        StageShape(1, 3, 2, 4, 24),
        StageShape(1, 3, 1, 6, 24),
        StageShape(2, 5, 2, 6, 32),
        StageShape(3, 3, 2, 6, 64),
        StageShape(3, 5, 1, 6, 88),
        StageShape(4, 5, 2, 6, 144),
    ),
    "blazepose-heavy": (
        StageShape(1, 3, 1, 1, 24),
        StageShape(2, 3, 2, 4, 32),
        StageShape(2, 3, 1, 6, 32),
        StageShape(4, 5, 2, 6, 56),
        StageShape(6, 3, 2, 6, 112),
        StageShape(6, 5, 1, 6, 160),
        StageShape(8, 5, 2, 6, 272),
    ),
}
TAPS = (2, 3, 5)  # the last stages with maps of a quarter, 1/8 and 1/16; the top has 1/32


class BlazePoseEncoder(nn.Module):
    """The landmark network's way down, without its heads.

    Args:
        name: "blazepose", of the full model, or "blazepose-heavy".

    >>> import torch
    >>> maps = BlazePoseEncoder("blazepose").eval()(torch.zeros(1, 3, 64, 64))
    >>> [tuple(each.shape[1:]) for each in maps]
    [(24, 16, 16), (32, 8, 8), (88, 4, 4), (864, 2, 2)]
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        shapes = STAGES[name]
        top = shapes[-1].expansion * shapes[-1].channels
        self.channels = (*(shapes[k].channels for k in TAPS), top)
        self.stem = NormedConv(3, STEM_CHANNELS, 3, 2)
        self.stages = residual_stages(STEM_CHANNELS, shapes)
        self.widen = NormedConv(shapes[-1].channels, top)
        self.filter = NormedConv(top, top, 3, groups=top)

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
        x, taps = run_stages(self.stages, x, TAPS)
        x = functional.relu6(self.widen(x), inplace=True)
        return [*taps, functional.relu6(self.filter(x), inplace=True)]
