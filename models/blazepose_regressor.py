"""BlazePose's landmark network up to its last maps, which are worth a pose in three dimensions.

Bazarevsky et al. (2020), figure 3: behind the encoder a small stack of separable convolutions
regresses the landmarks. In MediaPipe's networks it gives 39 points in the picture and in metres;
these two linear layers are left out here.
"""

from torch import Tensor, nn
from torch.nn import functional

from .blazepose_encoder import BlazePoseEncoder
from .efficientnet_lite import NormedConv

CHANNELS = 288
HALVINGS = (5, 6)  # blocks at 4 and at 2 pixels; the first of each halves the size


class SeparableBlock(nn.Module):
    """A 3 x 3 filter of each channel, a 1 x 1 mixture, and what came in, halved where it halves."""

    def __init__(self, halves: bool) -> None:
        super().__init__()
        self.filter = NormedConv(CHANNELS, CHANNELS, 3, groups=CHANNELS)
        self.mix = NormedConv(CHANNELS, CHANNELS)
        self.halves = halves

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 288, H, W) to maps of the same size or half of it."""
        y = self.filter(x)
        if self.halves:
            y, x = y[..., 1::2, 1::2], functional.max_pool2d(x, 2)  # the border lies behind, as TF
        return functional.relu6(x + self.mix(functional.relu6(y)))


class BlazePoseRegressor(nn.Module):
    """The end of the full landmark network: from the encoder's top to 288 maps of 2 x 2.

    >>> import torch
    >>> BlazePoseRegressor().eval()(torch.zeros(1, 864, 8, 8)).shape
    torch.Size([1, 288, 2, 2])
    """

    def __init__(self) -> None:
        super().__init__()
        width = BlazePoseEncoder("blazepose").channels[-1]
        self.filter = NormedConv(width, width, 3, groups=width)
        self.narrow = NormedConv(width, CHANNELS)
        self.blocks = nn.Sequential(
            *(SeparableBlock(halves=k == 0) for count in HALVINGS for k in range(count))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map the encoder's top (N, 864, H, W) to (N, 288, H / 4, W / 4)."""
        x = functional.relu6(self.filter(x))
        return self.blocks(functional.relu6(self.narrow(x)))


class LandmarkTop(nn.Module):
    """The last layer of an image stream that is the whole landmark network."""

    def __init__(self, encoder: BlazePoseEncoder) -> None:
        super().__init__()
        self.widen, self.filter = encoder.widen, encoder.filter
        self.regressor = BlazePoseRegressor()

    def forward(self, x: Tensor) -> Tensor:
        """Map the last stage's maps (N, 144, H, W) to (N, 288, H / 4, W / 4)."""
        x = functional.relu6(self.widen(x))
        return self.regressor(functional.relu6(self.filter(x)))
