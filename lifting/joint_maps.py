"""Confidence maps as the fusion network takes them, from any detector's heatmaps or joints.

Each joint has one map over the network's input. Its peak is the joint's confidence, whatever the
detector's own maps mean; a joint that was not found has an empty one.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..poses import Skeleton, convert_joints
from ..poses.errors import BadInput

SPREAD = 1 / 48  # standard deviation of a drawn Gaussian, as a part of the side
LEAST = 4  # joints that a detector's skeleton must share with the network's


class MapPlan(NamedTuple):
    """Hold, for each joint of the network's maps, where its map comes from.

    Attributes:
        source: (K,) the detector's joint whose map it is; -1: there is none, it is drawn round the
            converted joint, or left empty where there is no such joint.
    """

    source: tuple[int, ...]


@lru_cache(maxsize=64)
def plan_maps(source: Skeleton, target: Skeleton) -> MapPlan:
    """Return which maps of a skeleton serve as those of another, by the rules of conversion.

    Raises:
        BadInput: the skeletons share too few joints.

    >>> from lift3d.poses import get_skeleton
    >>> coco, mpii = get_skeleton("coco17"), get_skeleton("mpii16")
    >>> plan_maps(coco, mpii).source[:8]                       # the pelvis is a midpoint: drawn
    (16, 14, 12, 11, 13, 15, -1, -1)
    """
    # converting the unit vectors gives the matrix of the conversion, NaN where it lacks a joint
    matrix = convert_joints(np.eye(source.n_joints), None, source, target).joints
    copied = [int(row.argmax()) if np.nanmax(row, initial=0) == 1 else -1 for row in matrix]
    if sum(k >= 0 for k in copied) < LEAST:
        raise BadInput(
            f"heatmaps of skeleton {source.name!r} share fewer than {LEAST} joints with "
            f"{target.name!r}, which the network was trained with; use a detector of whole bodies"
        )
    return MapPlan(tuple(copied))


def drawn_maps(
    joints_px: Tensor, confidence: Tensor, size: int, spread: Tensor | float = SPREAD
) -> Tensor:
    """Return Gaussian maps (N, J, size, size) round joints, each with its confidence as its peak.

    Args:
        joints_px: (N, J, 2) pixels of the map; NaN, or a confidence of 0, gives an empty map.
        confidence: (N, J).
        size: side of the maps.
        spread: standard deviation as a part of the side; a number, or one a pose (N,).

    >>> maps = drawn_maps(torch.tensor([[[3.0, 1.0]]]), torch.tensor([[0.5]]), 5)
    >>> maps[0, 0, 1, 3], maps.amax()
    (tensor(0.5000), tensor(0.5000))
    """
    sd = torch.as_tensor(spread, device=joints_px.device) * size
    reach = torch.arange(size, device=joints_px.device, dtype=joints_px.dtype)
    apart = (joints_px[..., None] - reach) / sd.reshape(-1, 1, 1, 1)  # (N, J, 2, size)
    x, y = torch.exp(-(apart**2) / 2).unbind(2)
    maps = confidence[..., None, None] * y[..., :, None] * x[..., None, :]
    return maps.nan_to_num(0.0)


def read_maps(maps: Tensor, confidence: Tensor, to_cells: Tensor, size: int) -> Tensor:
    """Return a detector's maps (N, J, h, w) as (N, J, size, size), their peaks the confidences.

    A peak of few cells comes out up to an eighth lower where no pixel of the result meets it.

    Args:
        maps: 0 or above, of any scale.
        confidence: (N, J).
        to_cells: (N, 2, 3) from pixels of the result to cells of the maps.
        size: side of the result; outside of a map it is zero.
    """
    h, w = maps.shape[-2:]
    reach = torch.arange(size, device=maps.device, dtype=maps.dtype)
    y, x = torch.meshgrid(reach, reach, indexing="ij")
    target = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3)
    cells = target @ to_cells.to(maps).mT  # (N, size * size, 2)
    grid = (2 * cells + 1) / cells.new_tensor([w, h]) - 1
    read = functional.grid_sample(maps, grid.view(-1, size, size, 2), align_corners=False)
    peak = maps.amax((-2, -1)).clamp_min(1e-12)
    return read * (confidence / peak)[..., None, None]


def same_area(size: int, side: int) -> Tensor:
    """Return the map (2, 3) from pixels of a picture to those of the same one of another size.

    Args:
        size: side of the picture mapped from.
        side: of the one mapped to.

    >>> same_area(64, 32) @ torch.tensor([0.5, 0.5, 1.0])
    tensor([0., 0.])
    """
    scale = side / size
    shift = (scale - 1) / 2
    return torch.tensor([[scale, 0.0, shift], [0.0, scale, shift]])
