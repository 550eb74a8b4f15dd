"""The fully connected lifter of Martinez et al. (2017), many of them side by side.

Cha et al. (2018, section 4.2) lift each group of joints with one such network, with leaky ReLU. All
groups run as one batched matrix product.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..poses.errors import BadInput

SLOPE = 0.01  # of the leaky ReLU


@dataclass(frozen=True)
class ResidualMLPConfig:
    """Size of the networks.

    Attributes:
        inputs: numbers that one network takes.
        outputs: numbers that it gives.
        width: of the hidden layers (the papers: 1024).
        blocks: residual blocks of two layers each (the papers: 2).
        groups: networks side by side, each with weights of its own.
        dropout: share of hidden values dropped in training (Martinez et al.: 0.5).
    """

    inputs: int
    outputs: int
    width: int = 1024
    blocks: int = 2
    groups: int = 1
    dropout: float = 0.5

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)


class GroupedLinear(nn.Module):
    """G linear layers at once: (N, G, A) to (N, G, B)."""

    def __init__(self, groups: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(groups, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(groups, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, G, B) for (N, G, A)."""
        return torch.bmm(x.transpose(0, 1), self.weight).transpose(0, 1) + self.bias


class GroupedLayer(nn.Module):
    """Linear, batch norm, leaky ReLU, dropout: one hidden layer of all groups."""

    def __init__(self, groups: int, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.linear = GroupedLinear(groups, inputs, outputs)
        self.norm = nn.BatchNorm1d(groups * outputs)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, G, B) for (N, G, A)."""
        x = self.linear(x)
        x = self.norm(x.flatten(1)).view(x.shape)  # (N, G * B): each channel of each group
        x = functional.leaky_relu(x, SLOPE)
        return functional.dropout(x, self.dropout, self.training) if self.dropout else x


class ResidualMLP(nn.Module):
    """G networks of Martinez et al. (2017, section 3.2): linear, residual blocks, linear.

    >>> net = ResidualMLP(ResidualMLPConfig(inputs=32, outputs=48, width=64, groups=3))
    >>> net(torch.zeros(5, 3, 32)).shape
    torch.Size([5, 3, 48])
    """

    def __init__(self, config: ResidualMLPConfig) -> None:
        super().__init__()
        self.config = config
        G, width, drop = config.groups, config.width, config.dropout
        self.first = GroupedLayer(G, config.inputs, width, drop)
        self.blocks: Sequence[nn.Sequential] = nn.ModuleList(  # type: ignore[assignment]
            nn.Sequential(GroupedLayer(G, width, width, drop), GroupedLayer(G, width, width, drop))
            for _ in range(config.blocks)
        )
        self.last = GroupedLinear(G, width, config.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, G, outputs) for inputs of shape (N, G, inputs)."""
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.last(x)

    def layers(self) -> list[GroupedLayer]:
        """Return the hidden layers in order."""
        return [module for module in self.modules() if isinstance(module, GroupedLayer)]

    @torch.no_grad()
    def limit_norms(self, largest: float = 1.0) -> None:
        """Shrink the weights of each unit to a norm of at most `largest` (Martinez et al., 3.2)."""
        for module in self.modules():
            if isinstance(module, GroupedLinear):
                norm = module.weight.norm(dim=1, keepdim=True)
                module.weight.mul_((largest / norm.clamp_min(1e-12)).clamp(max=1.0))


class FusedMLP(nn.Module):
    """A trained `ResidualMLP` for use: batch norm folded into the matrices, float32.

    Gives what the network gives in evaluation mode, up to rounding.

    Args:
        matrices: of each layer, (G, inputs, outputs).
        shifts: of each layer, (G, outputs).
    """

    def __init__(self, matrices: Sequence[Tensor], shifts: Sequence[Tensor]) -> None:
        super().__init__()
        self.matrices = nn.ParameterList(nn.Parameter(m.float(), False) for m in matrices)
        self.shifts = nn.ParameterList(nn.Parameter(s.float()[:, None], False) for s in shifts)

    @classmethod
    @torch.no_grad()
    def of(cls, net: ResidualMLP) -> "FusedMLP":
        """Fold a network's batch norms, as they are in evaluation mode."""
        matrices, shifts = [], []
        for layer in net.layers():
            weight, norm = layer.linear.weight, layer.norm
            G, _, width = weight.shape
            spread = (norm.get_buffer("running_var") + norm.eps).sqrt()
            scale = (norm.weight / spread).view(G, width)
            mean, shift = norm.get_buffer("running_mean").view(G, width), norm.bias.view(G, width)
            matrices.append(weight * scale[:, None])
            shifts.append((layer.linear.bias - mean) * scale + shift)
        return cls([*matrices, net.last.weight], [*shifts, net.last.bias])

    def check(self, groups: int, width: int) -> None:
        """Raise BadInput unless the layers are networks of so many groups, width in, width out."""
        before = width
        for matrix, shift in zip(self.matrices, self.shifts, strict=True):
            wide = matrix.shape[-1]
            if matrix.shape != (groups, before, wide) or shift.shape != (groups, 1, wide):
                raise BadInput(
                    f"a layer must be ({groups}, {before}, N) with ({groups}, 1, N), got "
                    f"{tuple(matrix.shape)} with {tuple(shift.shape)}"
                )
            before = wide
        if before != width:
            raise BadInput(f"the networks must give {width} numbers, got {before}")

    def forward(self, x: Tensor) -> Tensor:
        """Return (G, N, outputs) for inputs of shape (G, N, inputs)."""
        first, *inner, last = zip(self.shifts, self.matrices, strict=True)
        x = _layer(x, *first)
        for one, two in zip(inner[::2], inner[1::2], strict=True):
            x = x + _layer(_layer(x, *one), *two)
        return torch.baddbmm(last[0], x, last[1])


def _layer(x: Tensor, shift: Tensor, matrix: Tensor) -> Tensor:
    return functional.leaky_relu(torch.baddbmm(shift, x, matrix), SLOPE)
