"""Fold a network's batch norms into its convolutions: the same maps with fewer passes over them."""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..models.efficientnet_lite import InvertedResidual, NormedConv
from ..models.encoder_hourglass import EncoderHourglass, TopDown
from ..models.heatmap_net import HeatmapNet
from ..models.hourglass import Residual, Stack, StackedHourglass
from .packed_filters import PackedFilters, packs


def fuse(net: HeatmapNet, dtype: torch.dtype) -> HeatmapNet:
    """Return a copy of a network that gives the same maps sooner, from and in numbers of a type.

    Each norm behind a convolution is folded into it, and those that centre the encoder's maps into
    the convolution behind them; ReLUs and sums behind a convolution are done with it. A norm that a
    ReLU follows and that comes first (a residual's, the one before the encoder's scores) stays. The
    last convolution, which gives the result, works and answers in float32: it takes no time, and
    maps of 16 bits would move joints twice as much.

    Args:
        net: in evaluation mode; it stays as it is.
        dtype: of the copy's numbers.
    """
    fused = _copy(net)
    holder: nn.Module = fused
    if not isinstance(fused, EncoderHourglass) or len(fused.stacks):
        holder = fused.stacks[-1]
    score = getattr(holder, "score")  # noqa: B009 - mypy knows no attributes of a ModuleList's
    holder.score = nn.Identity()
    for module in fused.modules():
        if isinstance(module, Stack):
            module.linear = fold(module.linear, module.norm)  # type: ignore[assignment]
            module.norm = nn.Identity()  # type: ignore[assignment]
        if isinstance(module, TopDown):
            pairs = zip(module.centres, module.laterals, strict=True)
            module.laterals = nn.ModuleList(
                fold_before(cast(nn.BatchNorm2d, norm), cast(nn.Conv2d, conv))
                for norm, conv in pairs
            )
            module.centres = nn.ModuleList(nn.Identity() for _ in module.laterals)
    if isinstance(fused, StackedHourglass):
        fused.conv = fold(fused.conv, fused.norm)  # type: ignore[assignment]
        fused.norm = nn.Identity()  # type: ignore[assignment]
    _fuse_children(fused)
    for module in fused.modules():
        _convert(module, dtype)
    holder.score = Float32Conv(score)
    return fused


class FusedConv(nn.Module):
    """A convolution with a bias, of tensors that are there already, and what follows it.

    Args:
        weight: (width_out, width_in / groups, K, K).
        bias: (width_out,).
        stride: of the convolution; its padding keeps the size but for that.
        groups: of channels.
        activation: None, "relu" or "relu6".
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        stride: int = 1,
        groups: int = 1,
        activation: str | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(bias.detach(), requires_grad=False)
        self.stride, self.groups, self.activation = stride, groups, activation
        self._packed: PackedFilters | None = None

    def forward(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """Map (N, width_in, H, W) to (N, width_out, H / stride, W / stride).

        Args:
            x: the maps.
            plus: added to the result, where there is no activation.
        """
        if x.device.type == "cpu" and x.dtype == torch.float32 and packs():
            if self._packed is None:
                self._packed = PackedFilters(self.weight, self.bias, self.stride, self.groups)
            return self._packed(x, self.activation, plus)
        padding = self.weight.shape[-1] // 2
        y = functional.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        if plus is not None:
            return y.add_(plus)
        if self.activation is None:
            return y
        return functional.relu_(y) if self.activation == "relu" else functional.relu6(y, True)


class FusedInverted(nn.Module):
    """An `InvertedResidual` whose convolutions do what follows them as well."""

    def __init__(self, block: InvertedResidual) -> None:
        super().__init__()
        expand = [each for each in block.expand if isinstance(each, NormedConv)]
        self.expand = nn.Sequential(*(_folded(conv, "relu6") for conv in expand))
        self.depthwise = _folded(block.depthwise, "relu6")
        self.project, self.adds = _folded(block.project), block.adds

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, channels, H / stride, W / stride)."""
        return self.project(self.depthwise(self.expand(x)), x if self.adds else None)


class FusedResidual(nn.Module):
    """A `Residual` whose second and third norm are folded into the convolutions before them."""

    def __init__(self, block: Residual) -> None:
        super().__init__()
        self.norm = block.norm1
        self.conv1 = fold(block.conv1, block.norm2, "relu")
        self.conv2 = fold(block.conv2, block.norm3, "relu")
        self.conv3, skip = plain(block.conv3), block.skip
        self.skip = plain(skip) if isinstance(skip, nn.Conv2d) else skip

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) to (N, width_out, H, W)."""
        y = self.conv2(self.conv1(functional.relu_(self.norm(x))))
        return self.conv3(y, self.skip(x))


class Float32Conv(nn.Module):
    """A convolution in float32 inside a network of smaller numbers."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = plain(conv)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width_in, H, W) of any float type to float32 (N, width_out, H, W)."""
        return self.conv(x.float())


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d, activation: str | None = None) -> FusedConv:
    """Return one convolution that does what a convolution, its norm and an activation do."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or conv.bias is None:
        raise ValueError("fold takes a convolution with a bias and a norm that keeps statistics")
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    weight, bias = conv.weight * scale[:, None, None, None], (conv.bias - mean) * scale + norm.bias
    return FusedConv(weight, bias, conv.stride[0], conv.groups, activation)


def fold_before(norm: nn.BatchNorm2d, conv: nn.Conv2d) -> FusedConv:
    """Return one convolution that does what a norm and the 1 x 1 convolution behind it do."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or norm.affine or conv.kernel_size != (1, 1):
        raise ValueError("fold_before takes a norm that only keeps statistics and a 1 x 1 filter")
    weight = conv.weight * torch.rsqrt(variance + norm.eps)[:, None, None]
    return FusedConv(weight, -(weight[:, :, 0, 0] @ mean))


def plain(conv: nn.Conv2d) -> FusedConv:
    """Return a convolution that no norm follows."""
    if conv.bias is None:
        raise ValueError("plain takes a convolution with a bias")
    return FusedConv(conv.weight, conv.bias, conv.stride[0], conv.groups)


def _folded(conv: NormedConv, activation: str | None = None) -> FusedConv:
    return FusedConv(*conv.folded(), conv.stride, conv.groups, activation)


def _fuse_children(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, Residual):
            setattr(module, name, FusedResidual(child))
        elif isinstance(child, InvertedResidual):
            setattr(module, name, FusedInverted(child))
        elif isinstance(child, NormedConv):
            setattr(module, name, _folded(child))
        elif isinstance(child, nn.Conv2d) and child.bias is not None:
            setattr(module, name, plain(child))
        else:
            _fuse_children(child)


def _copy(net: HeatmapNet) -> HeatmapNet:
    """Return a network whose modules are new and whose tensors are shared with another.

    `copy.deepcopy` would take longer than a pass of the network.
    """
    twins = {module: copy.copy(module) for module in net.modules()}
    for module, twin in twins.items():
        twin._parameters, twin._buffers = module._parameters.copy(), module._buffers.copy()
        twin._modules = {name: child and twins[child] for name, child in module._modules.items()}
    return twins[net]  # type: ignore[return-value]


def _convert(module: nn.Module, dtype: torch.dtype) -> None:
    """Give a module tensors of a type, channels last, in place of those that it shares."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            new = _converted(parameter.detach(), dtype)
            module._parameters[name] = nn.Parameter(new, requires_grad=False)
    for name, buffer in module._buffers.items():
        if buffer is not None and buffer.is_floating_point():
            module._buffers[name] = _converted(buffer, dtype)


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    form = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
    return tensor.to(dtype, memory_format=form)
