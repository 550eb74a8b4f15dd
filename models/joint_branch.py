"""Joints read off their confidence maps, and what lifting them alone says of the pose."""

import numpy as np
import torch
from torch import Tensor, nn

from .dense_layer import DenseLayer

BLOCKS = 2  # residual, of two layers each: the lifter of Martinez et al. (2017, section 3.2)


class JointBranch(nn.Module):
    """Fully connected layers over the joints of confidence maps.

    Convolutions find it hard to say where a peak lies to a pixel, which is what depth hangs on;
    here the peaks' positions and heights are numbers.

    Args:
        joints: J, number of maps.
        neurons: of each layer.
        numbers: of a pose.
        batch_norm: normalise behind each layer.

    >>> branch = JointBranch(16, 32, 51, True).eval()
    >>> [tuple(part.shape) for part in branch(torch.zeros(5, 16, 3))]
    [(5, 32), (5, 51)]
    """

    def __init__(self, joints: int, neurons: int, numbers: int, batch_norm: bool) -> None:
        super().__init__()
        self.first = DenseLayer(3 * joints, neurons, batch_norm, 0.0)
        self.blocks = nn.ModuleList(
            nn.Sequential(*(DenseLayer(neurons, neurons, batch_norm, 0.0) for _ in range(2)))
            for _ in range(BLOCKS)
        )
        self.last = nn.Linear(neurons, numbers)
        self.norms_held = False

    def hold_norms(self) -> None:
        """Keep the statistics of the norms from now on, also in training.

        They come from large batches; those of a few pictures would make another lifter of it.
        """
        self.norms_held = True
        self.train(self.training)

    def train(self, mode: bool = True) -> "JointBranch":
        """Switch to training or evaluation, norms that are held to evaluation always."""
        super().train(mode)
        for module in self.modules():
            if self.norms_held and isinstance(module, nn.BatchNorm1d):
                module.eval()
        return self

    def forward(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (N, neurons) and poses (N, numbers), in float32 even under autocast.

        Args:
            joints: (N, J, 3) as `joint_numbers` gives them.
        """
        with torch.autocast(joints.device.type, enabled=False):
            x = self.first(joints.float())
            for block in self.blocks:
                x = x + block(x)
            return x, self.last(x)


@torch.no_grad()
def read_joints(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each map's peak lies, (N, J, 2) pixels, and how high it is, (N, J).

    A parabola through the logarithms of the peak and its neighbours on each axis refines it, which
    is exact for a Gaussian. An empty map has height 0.

    Args:
        maps: (N, J, S, S), 0 or above.

    >>> x = torch.arange(9.0)
    >>> row, column = (torch.exp(-((x - at) ** 2) / 4) for at in (2.25, 6.0))
    >>> read_joints((row[:, None] * column)[None, None])
    (tensor([[[6.0000, 2.2500]]]), tensor([[0.9845]]))
    """
    side = maps.shape[-1]
    flat = maps.flatten(2)
    height, index = flat.max(-1)
    places = []
    for at, reach in ((index % side, 1), (index // side, side)):
        inside = (at > 0) & (at < side - 1) & (height > 0)
        step = torch.where(inside, reach, 0)
        around = torch.stack([index - step, index, index + step], -1)
        low, middle, high = flat.gather(2, around).float().clamp_min(1e-10).log().unbind(-1)
        bend = low - 2 * middle + high
        offset = (low - high) / 2 / torch.where(bend < 0, bend, 1.0)
        places.append(at + torch.where(bend < 0, offset.clamp(-0.5, 0.5), 0.0))
    return torch.stack(places, -1), height.float()


def joint_numbers(joints_px: Tensor, height: Tensor) -> Tensor:
    """Return joints (N, J, 3) free of place and size: x, y in mean distances, height.

    The origin is the joints' middle, the unit their mean distance from it, weighted by the heights;
    a joint that is not there is 0.

    Args:
        joints_px: (N, J, 2); where the height is 0 anything but NaN.
        height: (N, J), 0 where there is no joint.
    """
    weight = height[..., None]
    total = weight.sum(1, keepdim=True).clamp_min(1e-6)
    offset = joints_px - (weight * joints_px).sum(1, keepdim=True) / total
    unit = (weight * offset.norm(dim=-1, keepdim=True)).sum(1, keepdim=True) / total
    return torch.cat([(weight > 0) * offset / unit.clamp_min(1e-3), weight], -1)


def mirror(points: Tensor, order: np.ndarray) -> Tensor:
    """Return points (N, J, 3) with x the other way round, left and right exchanged.

    Args:
        points: joints as `joint_numbers` gives them, or poses.
        order: the skeleton's `flip_index`.
    """
    return points[:, torch.from_numpy(order.copy())] * points.new_tensor([-1.0, 1.0, 1.0])
