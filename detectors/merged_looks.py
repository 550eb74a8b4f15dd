"""One pose of two looks at the same person, by the mean of their maps."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..poses.boxes import apply_affine, invert_affine
from ..poses.pose import Pose2D, PoseCrop
from .crop_inference import CropJoints


def merged_pose(
    first: Pose2D, second: Pose2D, read: Callable[[Tensor], CropJoints], distributions: bool
) -> Pose2D:
    """Return the pose that both looks see together; its crop is the second look's.

    The looks may be turned and of other sizes. Where they agree the mean of their maps stays
    high; where one of them is torn between two places the other one decides.

    Args:
        first: with a crop and maps.
        second: likewise.
        read: gives joints, in pixels of the network's input, and confidences of maps (1, J, H, W).
        distributions: the maps are: what a cell holds grows with its area.
    """
    assert first.crop is not None
    assert second.crop is not None
    maps = (_seen_in(second.crop, first.crop, distributions) + _maps(second.crop)) / 2
    found = read(maps)
    confidence = found.confidence[0].numpy()
    return replace(
        second,
        joints_px=apply_affine(second.crop.to_image, found.joints_px[0].numpy().astype(float)),
        confidence=confidence,
        score=float(confidence.mean()),
        crop=replace(second.crop, heatmaps=maps[0].numpy()),
    )


def _seen_in(wanted: PoseCrop, crop: PoseCrop, distributions: bool) -> Tensor:
    """Return the maps (1, J, H, W) of `crop` in the cells of `wanted`."""
    assert crop.heatmaps is not None
    assert crop.heatmap_to_image is not None
    assert wanted.heatmap_to_image is not None
    height, width = crop.heatmaps.shape[-2:]
    y, x = np.mgrid[:height, :width]
    cells = np.stack([x, y], -1).reshape(-1, 2).astype(float)
    back = invert_affine(crop.heatmap_to_image)
    source = apply_affine(back, apply_affine(wanted.heatmap_to_image, cells))
    grid = torch.from_numpy((2 * source + 1) / (width, height) - 1).float()
    maps = functional.grid_sample(_maps(crop), grid.view(1, height, width, 2), align_corners=False)
    if not distributions:
        return maps
    area = np.linalg.det(wanted.heatmap_to_image[:, :2]) * np.linalg.det(back[:, :2])
    return maps * abs(float(area))


def _maps(crop: PoseCrop) -> Tensor:
    return torch.as_tensor(crop.heatmaps).float()[None]
