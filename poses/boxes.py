"""Boxes in images: (x0, y0, x1, y1) in pixels, centres of pixels at integers."""

import numpy as np


def square_affine(centre: np.ndarray, side: float, size: int, turn: float = 0.0) -> np.ndarray:
    """Return the (2, 3) affine map from image pixels to the pixels of a crop of a square.

    Args:
        centre: (2,) of the square in image pixels.
        side: of the square in image pixels.
        size: side of the crop in pixels.
        turn: how far the square is turned clockwise, in radians: what lies at its right-hand side
            in the image's coordinates then (cos, sin) from its centre lies at the crop's right.

    >>> square_affine(np.array([49.5, 49.5]), 100, 50) @ [49.5, 49.5, 1]
    array([24.5, 24.5])
    >>> square_affine(np.array([50.0, 50.0]), 10, 11, np.pi / 2) @ [50, 55, 1]
    array([10.5,  5. ])
    """
    across = size / side * np.array([np.cos(turn), np.sin(turn)])
    linear = np.array([across, [-across[1], across[0]]])
    shift = (size - 1) / 2 - linear @ np.asarray(centre, np.float64)
    return np.c_[linear, shift]


def invert_affine(affine: np.ndarray) -> np.ndarray:
    """Return the inverse (..., 2, 3) of affine maps (..., 2, 3)."""
    linear = np.linalg.inv(affine[..., :2])
    return np.concatenate([linear, -linear @ affine[..., 2:]], -1)


def apply_affine(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (..., K, 2) by affine maps (..., 2, 3); NaN stays NaN."""
    return points @ np.swapaxes(affine[..., :2], -1, -2) + affine[..., None, :, 2]


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union (A, B) of boxes (A, 4) and (B, 4).

    >>> box_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3)
    array([[0.333, 0.   ]])
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    area_a = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(-1)
    area_b = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(-1)
    return both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-9)
