"""A heatmap network as the detector runs it: norms folded in, 16-bit numbers where they pay."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ..models.heatmap_net import HeatmapNet
from .cuda_graphs import GraphedNet
from .fused_net import fuse
from .openvino_net import OpenvinoNet

# The C library gives larger blocks back to the system after each use, and asking for them anew took
# a third of a pass of eight crops in float32.
MOST_BYTES = 32 * 2**20
WIDEST = 48  # numbers for each pixel of the input in the largest maps: 192 of half the size


class FastNet(nn.Module):
    """A copy of a network that gives the same maps sooner; it takes and gives float32.

    On a GPU sizes of input that come often run as CUDA graphs. On a CPU they run by OpenVINO where
    that is wanted, and large batches go through torch in parts.

    Args:
        net: the network, in evaluation mode; it stays as it is.
        dtype: of the copy's numbers.
        openvino: let OpenVINO run what it can, in float32 on a CPU.

    Attributes:
        often: inputs of one size will come often, so that OpenVINO takes the first ones as well and
            the maps of an input do not depend on how many came before.
    """

    def __init__(self, net: HeatmapNet, dtype: torch.dtype, openvino: bool = False) -> None:
        super().__init__()
        self.config, self.dtype = net.config, dtype
        self.stride, self.divisor = net.stride, net.divisor
        self._net = fuse(net, dtype)
        self._graphed = GraphedNet(self._maps)
        self._openvino = OpenvinoNet(self._net) if openvino else None
        self.often = False

    @torch.inference_mode()
    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of every stack in float32, as the network itself does."""
        return self._graphed(images)

    def _maps(self, images: Tensor) -> list[Tensor]:
        if images.device.type != "cpu":
            return self._pass(images)
        if self._openvino is not None:
            maps = self._openvino(images, self.often)
            if maps is not None:
                return maps
        parts = [self._pass(part) for part in images.split(self._at_once(images))]
        if len(parts) == 1:
            return parts[0]
        return [torch.cat(maps) for maps in zip(*parts, strict=True)]

    def _pass(self, images: Tensor) -> list[Tensor]:
        return [maps.float() for maps in self._net(images.to(self.dtype))]

    def _at_once(self, images: Tensor) -> int:
        """Return how many images of this size go through a CPU together."""
        height, width = images.shape[-2:]
        return max(1, MOST_BYTES // (WIDEST * height * width * self.dtype.itemsize))


def fast_net(net: HeatmapNet, dtype: torch.dtype, openvino: bool = False) -> HeatmapNet:
    """Return a `FastNet`, for what is written for the networks themselves."""
    return cast(HeatmapNet, FastNet(net, dtype, openvino))
