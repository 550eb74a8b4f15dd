"""Find people in whole photos: a one-stack hourglass with five maps.

The maps are, a quarter of the input's size: the logit of a person's centre, and the logarithms of
the distances (in units of `REACH` cells) from the cell to the left, upper, right and lower side of
the person's box. Zhou et al., "Objects as points" (2019), for the centres; Tian et al., "FCOS"
(ICCV 2019), for the four distances, which let a cut-off person's centre lie off the middle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..models.heatmap_net import HeatmapNet
from ..poses.boxes import box_iou
from .heatmap import cells_to_px
from .preprocess import GREY, scale_image, stack_images

OUTPUTS = 5
REACH = 8.0


@dataclass(frozen=True)
class FoundPeople:
    """People in one photo, best first: box_xyxy_px (P, 4) in photo pixels, score (P,) in 0..1."""

    box_xyxy_px: np.ndarray
    score: np.ndarray


def decode_boxes(maps: Tensor, stride: int) -> Tensor:
    """Turn the distances (N, 4, H, W) into boxes (N, H, W, 4) in input pixels, x0 y0 x1 y1."""
    height, width = maps.shape[-2:]
    reach = maps.float().clamp(-6, 4).exp() * REACH * stride
    x = cells_to_px(torch.arange(width, device=maps.device, dtype=torch.float32), stride)
    y = cells_to_px(torch.arange(height, device=maps.device, dtype=torch.float32), stride)
    sides = (x - reach[:, 0], y[:, None] - reach[:, 1], x + reach[:, 2], y[:, None] + reach[:, 3])
    return torch.stack(sides, -1)


def find_people(
    net: HeatmapNet,
    image: np.ndarray,
    device: torch.device,
    size: int,
    threshold: float,
    max_people: int = 50,
) -> FoundPeople:
    """Find the people in one photo.

    Args:
        net: in evaluation mode, with `OUTPUTS` maps.
        image: RGB uint8 (H, W, 3).
        device: of the network.
        size: the photo's longer side is scaled to it.
        threshold: people with a lower score are left out.
        max_people: at most so many, the best ones.
    """
    return find_people_alike(net, [image], device, size, threshold, max_people)[0]


def find_people_alike(
    net: HeatmapNet,
    images: Sequence[np.ndarray],
    device: torch.device,
    size: int,
    threshold: float,
    max_people: int = 50,
) -> list[FoundPeople]:
    """Find the people in each of several photos of one size, in one pass; see `find_people`."""
    fitted = [fit_photo(image, size, net.divisor) for image in images]
    inputs = stack_images([picture for picture, _ in fitted], device)
    sides = (images[0].shape[1], images[0].shape[0])
    return find_people_in_inputs(net, inputs, fitted[0][1], sides, threshold, max_people)


@torch.inference_mode()
def find_people_in_inputs(
    net: HeatmapNet,
    inputs: Tensor,
    factor: float,
    size_px: tuple[int, int],
    threshold: float,
    max_people: int = 50,
) -> list[FoundPeople]:
    """Find the people in photos that are on the device already.

    Args:
        net: in evaluation mode, with `OUTPUTS` maps.
        inputs: (N, 3, H, W), photos scaled as by `fit_photo` and `to_input`.
        factor: from pixels of the inputs to those of the photos.
        size_px: (width, height) of the photos.
        threshold: people with a lower score are left out.
        max_people: at most so many in each, the best ones.
    """
    maps = net(inputs)[-1].float()
    score = maps[:, :1].sigmoid()
    peak = score == functional.max_pool2d(score, 3, 1, 1)
    keep = (peak & (score >= threshold))[:, 0].cpu().numpy()
    boxes = decode_boxes(maps[:, 1:], net.stride).cpu().numpy()
    scores = score[:, 0].cpu().numpy()
    limit = np.array(size_px) - 1
    found = []
    for k in range(len(inputs)):
        corners = (boxes[k][keep[k]].reshape(-1, 2) + 0.5) * factor - 0.5
        inside = corners.clip(0, limit).reshape(-1, 4)
        chosen = suppress(inside, scores[k][keep[k]])[:max_people]
        found.append(FoundPeople(inside[chosen], scores[k][keep[k]][chosen]))
    return found


def fit_photo(image: np.ndarray, size: int, divisor: int) -> tuple[np.ndarray, float]:
    """Scale a photo so that its longer side is `size`, pad it on the right and below.

    Returns the picture, its sides multiples of `divisor`, and the factor from its pixels to the
    photo's: x_photo + 0.5 = factor * (x_picture + 0.5), up to the rounding of the shorter side.
    """
    height, width = image.shape[:2]
    factor = max(height, width) / size
    scaled = scale_image(image, (max(1, round(width / factor)), max(1, round(height / factor))))
    rows, columns = (-(-side // divisor) * divisor for side in scaled.shape[:2])
    picture = np.full((rows, columns, 3), GREY, np.uint8)
    picture[: scaled.shape[0], : scaled.shape[1]] = scaled
    return picture, factor


def suppress(boxes: np.ndarray, scores: np.ndarray, overlap: float = 0.6) -> np.ndarray:
    """Return the rows of boxes (P, 4) to keep, best first; no two overlap by more IoU."""
    order = np.argsort(-scores, kind="stable")
    iou = box_iou(boxes, boxes)
    kept: list[int] = []
    for row in order:
        if not kept or iou[row, kept].max() <= overlap:
            kept.append(int(row))
    return np.array(kept, int)
