"""Cut and scale images for the networks."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from ..poses.boxes import square_affine
from ..poses.errors import BadInput

GREY = 114
SPREAD = 64.0


def check_image(image: np.ndarray) -> None:
    """Raise BadInput unless the image is RGB uint8 of shape (H, W, 3)."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
        form = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image)
        raise BadInput(f"an image must be an RGB uint8 array of shape (H, W, 3), got {form}")
    if image.shape[2] != 3 or 0 in image.shape:
        raise BadInput(f"an image must have shape (H, W, 3), got {image.shape}")


def cut_square(
    image: np.ndarray, centre: np.ndarray, side: float, size: int, turn: float = 0.0
) -> np.ndarray:
    """Return a square of an image as a (size, size, 3) crop, grey outside of the image.

    Args:
        image: uint8 (H, W, 3).
        centre: (2,) of the square in image pixels.
        side: of the square in image pixels; a square twice the crop's size or more is averaged
            before it is read, so that fine patterns do not alias.
        size: side of the crop in pixels.
        turn: of the square, clockwise, in radians.
    """
    affine = square_affine(centre, side, size, turn)
    shrink = max(1, int(side // size))
    reach = side / 2 * (abs(np.cos(turn)) + abs(np.sin(turn))) + shrink
    x0, y0 = np.floor(np.asarray(centre) - reach).astype(int).clip(0)
    x1, y1 = np.ceil(np.asarray(centre) + reach).astype(int).clip(1)
    part = image[y0:y1, x0:x1]
    if not part.size:
        return np.full((size, size, 3), GREY, np.uint8)
    small = (max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink))
    factor = np.array(part.shape[1::-1]) / small
    if shrink > 1:
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    # pixel centres: x_image = x0 + (x_part + 0.5) * factor - 0.5
    shift = (factor - 1) / 2 + (x0, y0)
    affine = np.c_[affine[:, :2] * factor, affine[:, :2] @ shift + affine[:, 2]]
    return cv2.warpAffine(
        part, affine, (size, size), flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY)
    )


def scale_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image (H, W, 3) at another (width, height), averaged where it shrinks."""
    shrinks = size[0] < image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def to_input(images: Tensor) -> Tensor:
    """Scale uint8 or float images of 0..255 so that the grey of the border is zero."""
    return (images.float() - GREY) / SPREAD


def stack_images(images: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """Return RGB uint8 images (H, W, 3) of one size as network input (N, 3, H, W)."""
    if device.type == "cpu":
        # torch's threads would wait for more on the cores that the network needs next
        inputs = torch.from_numpy((np.stack(images).astype(np.float32) - GREY) / SPREAD)
    else:
        inputs = to_input(torch.from_numpy(np.stack(images)).to(device))
    # channels last, as they lie: (N, H, W, 3) -> (N, 3, H, W)
    return inputs.permute(0, 3, 1, 2)
