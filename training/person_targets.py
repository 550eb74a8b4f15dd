"""What the person finder's maps should be, and how far off they are."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..detectors.heatmap import px_to_cells
from ..detectors.people import decode_boxes


def pad_boxes(boxes: list[np.ndarray]) -> Tensor:
    """Return boxes of several pictures as one tensor (N, P, 4), NaN where there are fewer."""
    most = max(1, *(len(rows) for rows in boxes))
    padded = np.full((len(boxes), most, 4), np.nan, np.float32)
    for k, rows in enumerate(boxes):
        padded[k, : len(rows)] = rows
    return torch.from_numpy(padded)


def finder_loss(maps: Tensor, boxes: Tensor, ignored: Tensor, stride: int) -> Tensor:
    """Return the loss of the finder's maps: focal loss of the centres plus GIoU of the boxes.

    Zhou et al., "Objects as points" (2019), equation 1, with alpha 2 and beta 4; Rezatofighi et
    al., "Generalized intersection over union" (CVPR 2019). A cell belongs to the person whose
    Gaussian is the highest there; the boxes are learned near the centres, weighted by it.

    Args:
        maps: (N, 5, H, W) of the network.
        boxes: (N, P, 4) input pixels, NaN rows where there are fewer people.
        ignored: (N, K, 4) where a centre is neither asked for nor an error; NaN likewise.
        stride: input pixels for each cell.
    """
    gauss = centre_gaussians(boxes, maps.shape[-2:], stride)  # (N, P, H, W)
    target, owner = gauss.max(1)
    logit = maps[:, 0]
    probability = logit.sigmoid()
    positive = target > 0.999
    negative = ~positive & ~cells_inside(ignored, maps.shape[-2:], stride)
    log_p, log_q = functional.logsigmoid(logit), functional.logsigmoid(-logit)
    loss_positive = -((1 - probability) ** 2) * log_p * positive
    loss_negative = -((1 - target) ** 4) * probability**2 * log_q * negative
    people = (~boxes.isnan().any(-1)).sum().clamp_min(1)
    focal = (loss_positive.sum() + loss_negative.sum()) / people
    near = target * (target > 0.5)
    wanted = boxes.nan_to_num().gather(1, owner.flatten(1)[..., None].expand(-1, -1, 4))
    found = decode_boxes(maps[:, 1:], stride).flatten(1, 2)  # (N, H, W, 4) -> (N, H*W, 4)
    weight = near.flatten(1)
    overlap = generalised_iou(found, wanted)
    return focal + 2 * ((1 - overlap) * weight).sum() / weight.sum().clamp_min(1)


def centre_gaussians(boxes: Tensor, size: tuple[int, int] | torch.Size, stride: int) -> Tensor:
    """Return a Gaussian (N, P, H, W) around each box's centre cell, its width a part of the box's.

    The peak is one at the cell that holds the centre; a NaN box gives zeros.
    """
    centre = px_to_cells((boxes[..., :2] + boxes[..., 2:]) / 2, stride).round()
    spread = ((boxes[..., 2:] - boxes[..., :2]) / stride * 0.1).clamp_min(0.6)
    x = torch.arange(size[1], device=boxes.device)
    y = torch.arange(size[0], device=boxes.device)
    gx = torch.exp(-0.5 * ((x - centre[..., :1]) / spread[..., :1]) ** 2)
    gy = torch.exp(-0.5 * ((y - centre[..., 1:]) / spread[..., 1:]) ** 2)
    return gy.nan_to_num()[..., :, None] * gx.nan_to_num()[..., None, :]


def cells_inside(boxes: Tensor, size: tuple[int, int] | torch.Size, stride: int) -> Tensor:
    """Return which cells (N, H, W) lie in one of the boxes (N, K, 4) at least; NaN ones have none.

    Boxes are a cell wider than given on each side: the centre of what is left of a person may be
    read at its border.
    """
    low = px_to_cells(boxes[..., :2], stride) - 1
    high = px_to_cells(boxes[..., 2:], stride) + 1
    x = torch.arange(size[1], device=boxes.device)
    y = torch.arange(size[0], device=boxes.device)
    in_x = (x >= low[..., :1]) & (x <= high[..., :1])  # (N, K, W)
    in_y = (y >= low[..., 1:]) & (y <= high[..., 1:])
    return (in_y[..., :, None] & in_x[..., None, :]).any(1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalised IoU (...) of boxes (..., 4), in -1..1."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp_min(0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
    hull_low = torch.minimum(a[..., :2], b[..., :2])
    hull_high = torch.maximum(a[..., 2:], b[..., 2:])
    hull = (hull_high - hull_low).prod(-1)
    return both / union.clamp_min(1e-6) - (hull - union) / hull.clamp_min(1e-6)
