"""Frames on the GPU: moved there once, cut and scaled there in batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .preprocess import to_input

MOST_PIXELS = 32_000_000  # of the frames whose copies are scaled at once


def upload_frames(images: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """Return RGB uint8 frames (H, W, 3) of one size as a uint8 tensor (N, 3, H, W) on a device.

    To a GPU they go through pinned memory, all in one transfer.
    """
    stack = torch.from_numpy(np.stack(images))
    if device.type == "cuda":
        stack = stack.pin_memory()
    return stack.to(device, non_blocking=True).permute(0, 3, 1, 2)  # (N, H, W, 3) -> (N, 3, H, W)


def fit_frames(frames: Tensor, size: int, divisor: int) -> tuple[Tensor, float]:
    """Return frames (N, 3, H, W) as the person finder's input, and the factor to their pixels.

    What `people.fit_photo` does with one photo: the longer side is scaled to `size`, averaged where
    it shrinks, and the right and lower side padded to multiples of `divisor`.
    """
    height, width = frames.shape[-2:]
    factor = max(height, width) / size
    inside = (max(1, round(height / factor)), max(1, round(width / factor)))
    inputs = to_input(frames)
    if inside[1] < width:
        inputs = functional.interpolate(inputs, inside, mode="area")
    else:
        inputs = functional.interpolate(inputs, inside, mode="bilinear", align_corners=False)
    rows, columns = (-(-side // divisor) * divisor for side in inside)
    padded = functional.pad(inputs, (0, columns - inside[1], 0, rows - inside[0]))
    return padded.contiguous(memory_format=torch.channels_last), factor


def cut_squares(
    frames: Tensor, owner: np.ndarray, centre: np.ndarray, side: np.ndarray, size: int
) -> Tensor:
    """Return squares of frames as the joint network's input (P, 3, size, size).

    What `preprocess.cut_square` does with one crop: grey, which is zero, outside of the frame; a
    square twice the crop's size or more is averaged before it is read.

    Args:
        frames: uint8 (N, 3, H, W) on the network's device.
        owner: (P,) the frame of each square.
        centre: (P, 2) of the squares in frame pixels.
        side: (P,) of the squares in frame pixels.
        size: side of the crops in pixels.
    """
    crops = torch.empty((len(owner), 3, size, size), device=frames.device)
    shrink = np.maximum(1, side // size).astype(int)
    together = max(1, MOST_PIXELS // (frames.shape[-2] * frames.shape[-1]))
    parts = [
        (factor, rows[k : k + together])
        for factor in np.unique(shrink)
        for rows in [np.flatnonzero(shrink == factor)]
        for k in range(0, len(rows), together)
    ]
    for factor, rows in parts:
        small = to_input(frames[torch.as_tensor(owner[rows], device=frames.device)])
        if factor > 1:
            small = functional.avg_pool2d(small, int(factor), ceil_mode=True)
        grid = _grid(centre[rows], side[rows], size, int(factor), small)
        crops[torch.as_tensor(rows, device=frames.device)] = functional.grid_sample(
            small, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
    return crops.contiguous(memory_format=torch.channels_last)


def _grid(centre: np.ndarray, side: np.ndarray, size: int, factor: int, small: Tensor) -> Tensor:
    """Return where each pixel of the crops lies (P, size, size, 2), in -1..1 over the frame."""
    step = torch.arange(size, device=small.device) - (size - 1) / 2
    places = []
    for axis, extent in ((0, small.shape[-1]), (1, small.shape[-2])):
        middle = torch.as_tensor(centre[:, axis], device=small.device, dtype=torch.float32)
        scale = torch.as_tensor(side / size, device=small.device, dtype=torch.float32)
        pixel = middle[:, None] + scale[:, None] * step  # (P, size)
        # pixel centres: x + 0.5 = factor * (x_small + 0.5); -1..1 spans extent small pixels
        places.append(2 * (pixel + 0.5) / (factor * extent) - 1)
    x, y = places
    shape = (len(centre), size, size)
    return torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], -1)
