"""Random views of whole photos, mosaics of several and pasted people, for the person finder."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..detectors.preprocess import GREY, scale_image
from ..poses.boxes import apply_affine

LEAST_PART = 0.3  # of a person's box that has to be seen; with less it says nothing
LEAST_SIDE_PX = 4.0
NO_BOXES = np.zeros((0, 4))


@dataclass(frozen=True)
class PhotoView:
    """A picture with the people in it.

    Attributes:
        image: RGB uint8 (S, S, 3).
        box_xyxy_px: (P, 4) of the people, in its pixels.
        ignored_xyxy_px: (K, 4) where it is not known whether there is anybody: people of whom
            too little is seen.
    """

    image: np.ndarray
    box_xyxy_px: np.ndarray
    ignored_xyxy_px: np.ndarray = field(default_factory=lambda: NO_BOXES)


@dataclass(frozen=True)
class ViewChange:
    """How far views of photos are changed; each probability is for one photo.

    Attributes:
        zoom: (smallest, largest) factor, drawn evenly in its logarithm; with 1 the photo's
            longer side is the view's.
        turn_degrees: standard deviation of the usual rotation.
        any_turn: probability of a quarter or half turn, or of any angle, instead.
        degrade: probability of a coarse version, as of a small or blurred photo.
    """

    zoom: tuple[float, float] = (0.55, 1.7)
    turn_degrees: float = 6.0
    any_turn: float = 0.14
    degrade: float = 0.1


CALM = ViewChange(zoom=(0.85, 1.15), turn_degrees=3.0, any_turn=0.07, degrade=0.05)


def random_view(
    image: np.ndarray,
    boxes: np.ndarray,
    size: int,
    rng: np.random.Generator,
    change: ViewChange,
) -> PhotoView:
    """Return a photo, zoomed, shifted, turned and mirrored at random, with its boxes.

    Args:
        image: RGB uint8 (H, W, 3).
        boxes: (P, 4) of the people, photo pixels.
        size: side of the result; photos are fitted into it before the random zoom.
        rng: for every draw.
        change: how far.
    """
    height, width = image.shape[:2]
    zoom = size / max(height, width) * np.exp(rng.uniform(*np.log(change.zoom)))
    angle = _angle(rng, change)
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[mirror * cos, -sin], [mirror * sin, cos]])
    extent = np.abs(linear) @ [width, height]
    slack = np.maximum(np.abs(size - extent) / 2, 0.05 * size)
    middle = (size - 1) / 2 + rng.uniform(-1, 1, 2) * slack
    shift = middle - linear @ [(width - 1) / 2, (height - 1) / 2]
    affine = np.c_[linear, shift]
    view = _warp(image, affine, zoom, size)
    if rng.random() < change.degrade:
        small = round(size / rng.uniform(1.3, 2.5))
        view = scale_image(scale_image(view, (small, small)), (size, size))
    return PhotoView(view, *clip_boxes(turn_boxes(boxes, affine), size, size))


def _angle(rng: np.random.Generator, change: ViewChange) -> float:
    draw = rng.random()
    if draw >= change.any_turn:
        return float(np.radians(rng.normal(0, change.turn_degrees)))
    if draw < change.any_turn / 2:  # what boxes around turned ellipses are exact for
        return float(rng.integers(1, 4) * np.pi / 2)
    return float(rng.uniform(-np.pi, np.pi))


def _warp(image: np.ndarray, affine: np.ndarray, zoom: float, size: int) -> np.ndarray:
    """Warp an image; where it shrinks it is averaged first, as a photo is before it is searched."""
    factor = np.ones(2)
    if zoom < 0.9:
        width, height = image.shape[1], image.shape[0]
        small = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        image = scale_image(image, small)
        factor = np.array([width, height]) / small
    # pixel centres: x_image = (x_small + 0.5) * factor - 0.5
    shift = affine[:, :2] @ ((factor - 1) / 2) + affine[:, 2]
    affine = np.c_[affine[:, :2] * factor, shift]
    return cv2.warpAffine(image, affine, (size, size), borderValue=(GREY, GREY, GREY))


def turn_boxes(boxes: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Return the boxes (P, 4) around the mapped ellipses that the boxes (P, 4) enclose.

    For a turned photo the ellipse fits a person better than the box's own corners do.
    """
    centre = apply_affine(affine, (boxes[:, :2] + boxes[:, 2:]) / 2)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt((half**2) @ (affine[:, :2] ** 2).T)  # (P, 2)
    return np.concatenate([centre - reach, centre + reach], 1)


def clip_boxes(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut boxes (P, 4) at the picture's border.

    Returns those of people who are still there, and what is left of those who are hardly there:
    mostly outside of the picture, or very small.
    """
    limit = np.array([width - 1, height - 1, width - 1, height - 1])
    inside = np.clip(boxes, 0, limit)
    sides = inside[:, 2:] - inside[:, :2]
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(1), 1e-9)
    kept = (sides.prod(1) >= LEAST_PART * area) & (sides.min(1) >= LEAST_SIDE_PX)
    return inside[kept], inside[~kept & (sides.min(1) > 0)]


def mosaic(views: list[PhotoView], size: int, rng: np.random.Generator) -> PhotoView:
    """Put four pictures of one size around a random point, each cut at its border."""
    cut = rng.integers(round(0.35 * size), round(0.65 * size), 2)
    picture = np.full((size, size, 3), GREY, np.uint8)
    boxes, ignored = [], []
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
        cut_out = (part.shape[1], part.shape[0])
        moved = np.array([left, top, left, top])
        kept, rest = clip_boxes(view.box_xyxy_px - moved, *cut_out)
        both = [rest, *clip_boxes(view.ignored_xyxy_px - moved, *cut_out)]
        shift = np.array([x0, y0, x0, y0])
        boxes.append(kept + shift)
        ignored += [each + shift for each in both]
    return PhotoView(picture, np.concatenate(boxes), np.concatenate(ignored))


def paste_person(view: PhotoView, person: PhotoView, rng: np.random.Generator) -> PhotoView:
    """Put a person with a soft border somewhere into a view; whom it hides is no longer labelled.

    Args:
        view: what gets the person.
        person: a smaller picture with one box at least; the first one is cut out.
        rng: for the place.
    """
    size, side = view.image.shape[0], person.image.shape[0]
    x0, y0, x1, y1 = _round_with_margin(person.box_xyxy_px[0], side)
    part = person.image[y0:y1, x0:x1]
    left = int(rng.integers(0, size - part.shape[1] + 1))
    top = int(rng.integers(0, size - part.shape[0] + 1))
    image = view.image.copy()
    place = image[top : top + part.shape[0], left : left + part.shape[1]]
    share = _soft_mask(part.shape[:2])[..., None]
    place[:] = (share * part + (1 - share) * place).round().astype(np.uint8)
    new = person.box_xyxy_px[:1] + np.array([left - x0, top - y0, left - x0, top - y0])
    hidden = _part_inside(view.box_xyxy_px, new[0]) > 1 - LEAST_PART
    return PhotoView(
        image,
        np.concatenate([view.box_xyxy_px[~hidden], new]),
        np.concatenate([view.ignored_xyxy_px, view.box_xyxy_px[hidden]]),
    )


def _round_with_margin(box: np.ndarray, side: int) -> tuple[int, int, int, int]:
    """Return the pixels (x0, y0, x1, y1), ends excluded, of a box and a little around it."""
    margin = 0.06 * (box[2:] - box[:2]).max()
    low = np.floor(box[:2] - margin).astype(int).clip(0, side - 1)
    high = np.ceil(box[2:] + margin).astype(int).clip(low + 1, side)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _soft_mask(shape: tuple[int, int]) -> np.ndarray:
    """Return a float mask (H, W): one in the middle, falling to zero at the border."""
    border = max(1, round(0.05 * max(shape)))
    y, x = (np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5 for n in shape)
    return np.clip(np.minimum(y[:, None], x) / border, 0, 1).astype(np.float32)


def _part_inside(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the part (P,) of each box's area that lies inside of one box (4,)."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return (high - low).clip(0).prod(1) / np.maximum(area, 1e-9)
