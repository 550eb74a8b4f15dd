"""Random views of whole photos, and of mosaics of crops, for the person finder."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..detectors.preprocess import GREY
from ..poses.boxes import apply_affine


@dataclass(frozen=True)
class PhotoView:
    """A picture with the boxes of the people in it: RGB uint8 (S, S, 3), (P, 4) in its pixels."""

    image: np.ndarray
    box_xyxy_px: np.ndarray


def random_view(
    image: np.ndarray, boxes: np.ndarray, size: int, rng: np.random.Generator
) -> PhotoView:
    """Return a photo, zoomed, shifted, turned and mirrored at random, with its boxes.

    Args:
        image: RGB uint8 (H, W, 3).
        boxes: (P, 4) of the people, photo pixels.
        size: side of the result; photos are fitted into it before the random zoom.
        rng: for every draw. One photo in seven is turned by any angle.
    """
    height, width = image.shape[:2]
    zoom = size / max(height, width) * np.exp(rng.uniform(np.log(0.6), np.log(1.8)))
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < 0.14 else np.radians(rng.normal(0, 6))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[mirror * cos, -sin], [mirror * sin, cos]])
    extent = np.abs(linear) @ [width, height]
    slack = np.maximum(np.abs(size - extent) / 2, 0.1 * size)
    middle = (size - 1) / 2 + rng.uniform(-1, 1, 2) * slack
    shift = middle - linear @ [(width - 1) / 2, (height - 1) / 2]
    affine = np.c_[linear, shift]
    view = cv2.warpAffine(image, affine, (size, size), borderValue=(GREY, GREY, GREY))
    return PhotoView(view, clip_boxes(turn_boxes(boxes, affine), size, size))


def turn_boxes(boxes: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return the boxes (P, 4) around the mapped ellipses that the boxes (P, 4) enclose.

    For a turned photo the ellipse fits a person better than the box's own corners do.
    """
    centre = apply_affine(affine, (boxes[:, :2] + boxes[:, 2:]) / 2)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt((half**2) @ (affine[:, :2] ** 2).T)  # (P, 2)
    return np.concatenate([centre - reach, centre + reach], 1)


def clip_boxes(boxes: np.ndarray, width: int, height: int, least_part: float = 0.3) -> np.ndarray:
    """Cut boxes (P, 4) at the picture's border; people mostly outside of it are dropped."""
    limit = np.array([width - 1, height - 1, width - 1, height - 1])
    inside = np.clip(boxes, 0, limit)
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-9)
    part = (inside[:, 2:] - inside[:, :2]).prod(1) / area
    return inside[(part >= least_part) & ((inside[:, 2:] - inside[:, :2]).min(1) >= 3)]


def mosaic(views: list[PhotoView], size: int, rng: np.random.Generator) -> PhotoView:
    """Put four pictures of one size around a random point, each cut at its border."""
    cut = rng.integers(round(0.35 * size), round(0.65 * size), 2)
    picture = np.full((size, size, 3), GREY, np.uint8)
    boxes = []
    for k, view in enumerate(views[:4]):
        right, low = k % 2, k // 2
        x0, y0 = (cut[0] if right else 0), (cut[1] if low else 0)
        x1, y1 = (size if right else cut[0]), (size if low else cut[1])
        wide, high = x1 - x0, y1 - y0
        side = view.image.shape[0]
        left = rng.integers(0, max(1, side - wide + 1))
        top = rng.integers(0, max(1, side - high + 1))
        part = view.image[top : top + high, left : left + wide]
        picture[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] = part
        moved = view.box_xyxy_px - [left, top, left, top]
        kept = clip_boxes(moved, part.shape[1], part.shape[0])
        boxes.append(kept + np.array([x0, y0, x0, y0]))
    return PhotoView(picture, np.concatenate(boxes))
