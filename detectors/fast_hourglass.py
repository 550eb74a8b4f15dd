"""A hourglass made quick: norms folded in, 16-bit numbers where they are quicker."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..models.hourglass import Residual, StackedHourglass


def fast_dtype(device: torch.device) -> torch.dtype:
    """Return the type of number a device is fastest with: float16, bfloat16 or float32.

    On a CPU bfloat16 pays only where the instructions are there (AVX-512 BF16).

    >>> fast_dtype(torch.device("cuda"))
    torch.float16
    """
    if device.type == "cuda":
        return torch.float16
    has_bfloat16 = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)
    return torch.bfloat16 if device.type == "cpu" and has_bfloat16() else torch.float32


class FastHourglass(StackedHourglass):
    """A copy of a network that gives the same maps sooner; it takes and gives float32.

    Batch norms behind a convolution are folded into it, and sums and rectifiers work in place.

    Args:
        net: the network, in evaluation mode; it stays as it is.
        dtype: of the copy's numbers.
    """

    def __init__(self, net: StackedHourglass, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        copied = copy.deepcopy(net)
        _fold_residuals(copied)
        self.config, self._dtype = net.config, dtype
        placed = copied.to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._net: StackedHourglass = placed

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of every stack in float32, as the network itself does."""
        return [maps.float() for maps in self._net(images.to(self._dtype))]


class FoldedResidual(nn.Module):
    """A `Residual` whose second and third norm are folded into the convolutions before them."""

    def __init__(self, block: Residual) -> None:
        super().__init__()
        self.norm = block.norm1
        self.conv1 = fold(block.conv1, block.norm2)
        self.conv2 = fold(block.conv2, block.norm3)
        self.conv3, self.skip = block.conv3, block.skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width_out, H, W)."""
        y = functional.relu_(self.conv1(functional.relu_(self.norm(x))))
        y = self.conv3(functional.relu_(self.conv2(y)))
        return y.add_(self.skip(x))


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Return one convolution that does what a convolution and the batch norm behind it do."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or conv.bias is None:
        raise ValueError("fold takes a convolution with a bias and a norm that keeps statistics")
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    folded = copy.deepcopy(conv)
    folded.weight = nn.Parameter(conv.weight * scale[:, None, None, None], requires_grad=False)
    folded.bias = nn.Parameter((conv.bias - mean) * scale + norm.bias, requires_grad=False)
    return folded


def _fold_residuals(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, Residual):
            setattr(module, name, FoldedResidual(child))
        else:
            _fold_residuals(child)
