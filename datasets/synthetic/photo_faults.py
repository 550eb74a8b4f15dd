"""What lens, sensor and compression do to a picture."""

import cv2
import numpy as np


def spoil(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture (S, S, 3), float32 0..255, with the faults of a photo.

    White balance, contrast, coarse resolution, blur of focus or motion, noise, now and then grey.
    """
    picture = picture * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    if rng.random() < 0.04:
        picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
    contrast, level = rng.uniform(0.75, 1.2), rng.uniform(-15, 15)
    picture = ((picture - 110) * contrast + 110 + level).astype(np.float32)
    if rng.random() < 0.25:
        picture = _coarse(picture, rng.uniform(0.3, 0.9))
    if rng.random() < 0.15:
        picture = cv2.filter2D(picture, -1, _motion(rng.uniform(2, 10), rng.uniform(0, np.pi)))
    else:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.25, 0.9))
    return picture + rng.standard_normal(picture.shape, np.float32) * rng.uniform(0.3, 6)


def encode(picture: np.ndarray, quality: int) -> bytes:
    """Return a picture (S, S, 3) RGB as JPEG; values are rounded and clipped to 0..255."""
    whole = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", np.ascontiguousarray(whole[..., ::-1]), flags)[1].tobytes()


def _coarse(picture: np.ndarray, scale: float) -> np.ndarray:
    size = picture.shape[1::-1]
    small = (max(8, int(size[0] * scale)), max(8, int(size[1] * scale)))
    reduced = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, size, interpolation=cv2.INTER_LINEAR)


def _motion(length_px: float, angle: float) -> np.ndarray:
    """Return the kernel of a camera that moves along a line."""
    half = int(np.ceil(length_px / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)  # cv2 smooths lines of bytes only
    reach = np.array([np.cos(angle), np.sin(angle)]) * length_px / 2
    ends = [tuple(int(16 * (half + s * r)) for r in reach) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    return kernel.astype(np.float32) / kernel.sum()
