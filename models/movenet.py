"""MoveNet Thunder: a published network that finds COCO's joints, as a second opinion on ours.

Google's network for one person (movenet/singlepose/thunder/4): MobileNetV2 (Sandler et al., CVPR
2018, table 2) 1.75 times as wide, a feature pyramid, and the head whose maps say where joints are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .efficientnet_lite import NormedConv, StageShape, residual_stages, run_stages

STEM_CHANNELS, TOP_CHANNELS, HEAD_CHANNELS, COCO_JOINTS = 56, 1280, 96, 17
STAGES = (
    StageShape(1, 3, 1, 1, 32),
    StageShape(2, 3, 2, 6, 40),
    StageShape(3, 3, 2, 6, 56),
    StageShape(4, 3, 2, 6, 112),
    StageShape(3, 3, 1, 6, 168),
    StageShape(3, 3, 2, 6, 280),
    StageShape(1, 3, 1, 6, 560),
)
TAPS = (1, 2, 3)  # the last stages with maps of a quarter, 1/8 and 1/16
UP = (24, 32, 64)  # channels of the pyramid there
OF_MPII = (16, 14, 12, 11, 13, 15, None, None, None, None, 10, 8, 6, 5, 7, 9)  # COCO's joints
FLOOR = 1e-3  # of a probability: the expert rules nothing out


class MoveNet(nn.Module):
    """The published network up to its maps of the joints; it does not learn.

    It works on the picture turned by 180 degrees, with filters turned likewise. That gives the
    published maps turned, and puts the middles of strided filters, which TensorFlow has a pixel
    further to the lower right, where torch has them.

    >>> MoveNet().eval()(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 16, 16, 16])
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (*(STAGES[k].channels for k in TAPS), TOP_CHANNELS)
        self.stem = NormedConv(3, STEM_CHANNELS, 3, 2)
        self.stages = residual_stages(STEM_CHANNELS, STAGES)
        self.widen = NormedConv(STAGES[-1].channels, TOP_CHANNELS)
        self.laterals = nn.ModuleList(
            NormedConv(w, up) for w, up in zip(widths, (*UP, UP[-1]), strict=True)
        )
        self.smooth = nn.ModuleList(_separable(UP[k], UP[max(k - 1, 0)]) for k in range(3))
        self.head = nn.Sequential(
            *_separable(UP[0], HEAD_CHANNELS), NormedConv(HEAD_CHANNELS, COCO_JOINTS)
        )

    def normed_convs(self) -> list[NormedConv]:
        """Return the convolutions in the order of the published graph."""
        ordered: list[nn.Module] = [self.stem]
        for k, stage in enumerate(self.stages):
            ordered += [stage, self.laterals[TAPS.index(k)]] if k in TAPS else [stage]
        ordered += [self.widen, self.laterals[3], *self.smooth[::-1], self.head]
        modules = (module for each in ordered for module in each.modules())
        return [module for module in modules if isinstance(module, NormedConv)]

    def forward(self, images: Tensor) -> Tensor:
        """Return how likely each of the 16 MPII joints is where, as logarithms.

        Args:
            images: (N, 3, H, W) as `to_input` gives them.

        Returns:
            (N, 16, H/4, W/4), from log 0.001 to 0; 0 for joints that COCO does not have.
        """
        x = functional.relu6(self.stem(images.flip((-2, -1))), inplace=True)
        x, taps = run_stages(self.stages, x, TAPS)
        y = self.laterals[3](functional.relu6(self.widen(x), inplace=True))
        for k in (2, 1, 0):
            doubled = functional.interpolate(y, scale_factor=2.0, mode="bilinear")
            y = self.smooth[k](self.laterals[k](taps[k]) + doubled)
        likely = torch.sigmoid(self.head(y).float()).flip((-2, -1))
        known = torch.cat([torch.log(likely + FLOOR), torch.zeros_like(likely[:, 0])[:, None]], 1)
        # by a list's numbers a GPU would wait for the CPU, which a CUDA graph must not
        chosen = (COCO_JOINTS if joint is None else joint for joint in OF_MPII)
        return torch.stack([known[:, joint] for joint in chosen], 1)


def _separable(width_in: int, width_out: int) -> nn.Sequential:
    depthwise = NormedConv(width_in, width_in, 3, groups=width_in)
    return nn.Sequential(depthwise, NormedConv(width_in, width_out), nn.ReLU(inplace=True))
