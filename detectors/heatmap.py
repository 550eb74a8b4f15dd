"""Joints to heatmaps and back.

Coordinates here are heatmap cells: x right, y down, the centre of the first cell is (0, 0). Maps
have shape (..., H, W); the leading axes are free, mostly (N, J). `cells_to_px` and `px_to_cells`
change to the pixels of the network's input.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ..poses.errors import BadInput

DECODERS = ("argmax", "quadratic", "dark", "expectation")


def px_to_cells(px: Tensor, stride: int) -> Tensor:
    """Change input pixels (..., 2) to heatmap cells (..., 2), both with centres at integers."""
    return (px - (stride - 1) / 2) / stride


def cells_to_px(cells: Tensor, stride: int) -> Tensor:
    """Change heatmap cells (..., 2) to input pixels (..., 2), both with centres at integers."""
    return cells * stride + (stride - 1) / 2


def encode_gaussian(
    cells: Tensor, size: tuple[int, int], variance: float = 1.0, normalise: bool = False
) -> Tensor:
    """Return Gaussian heatmaps (..., H, W) around joints.

    Args:
        cells: (..., 2) joints in heatmap cells; a joint with a NaN gives a map of zeros.
        size: (H, W) of the maps.
        variance: of the Gaussian, in squared cells.
        normalise: scale each map to sum one (a distribution) instead of a peak of one at the
            joint. A joint far outside of the map then gives zeros.

    Raises:
        BadInput: `cells` does not end in an axis of 2, or the variance is not positive.
    """
    if cells.shape[-1] != 2:
        raise BadInput(f"cells must have shape (..., 2), got {tuple(cells.shape)}")
    if not variance > 0:
        raise BadInput(f"variance must be positive, got {variance}")
    height, width = size
    x = torch.arange(width, device=cells.device, dtype=cells.dtype)
    y = torch.arange(height, device=cells.device, dtype=cells.dtype)
    gx = torch.exp(-((x - cells[..., :1]) ** 2) / (2 * variance))  # (..., W)
    gy = torch.exp(-((y - cells[..., 1:]) ** 2) / (2 * variance))  # (..., H)
    if normalise:
        gx = gx / gx.sum(-1, keepdim=True).clamp_min(1e-8)
        gy = gy / gy.sum(-1, keepdim=True).clamp_min(1e-8)
    return torch.nan_to_num(gy[..., :, None] * gx[..., None, :])


def softmax_maps(logits: Tensor) -> Tensor:
    """Turn logits (..., H, W) into distributions over the map, each of sum one."""
    return functional.softmax(logits.flatten(-2), -1).view_as(logits)


def decode_argmax(maps: Tensor) -> Tensor:
    """Return the cell (..., 2) of each map's largest value, as whole numbers."""
    index = maps.flatten(-2).argmax(-1)
    width = maps.shape[-1]
    return torch.stack([index % width, index // width], -1).to(maps.dtype)


def decode_quadratic(maps: Tensor) -> Tensor:
    """Refine the argmax (..., 2) by a parabola through the peak and its neighbours on each axis.

    The step stays within half a cell; at the border of the map that axis is not refined.
    """
    peak = decode_argmax(maps)
    steps = _parabola_steps(_patches(maps, peak, radius=1))
    return peak + torch.where(_inside(maps, peak), steps, torch.zeros_like(steps))


def decode_dark(maps: Tensor, blur_variance: float = 0.0) -> Tensor:
    """Refine the argmax (..., 2) by a Newton step on the logarithm of the map.

    Zhang et al., "Distribution-aware coordinate representation for human pose estimation" (CVPR
    2020), equations 6 to 9: exact for a Gaussian. The map is first blurred by a Gaussian of
    `blur_variance` cells squared, 0 for none. The step is cut at one cell; where the Hessian is
    not negative definite (a ridge, the border) the argmax stays.
    """
    if blur_variance > 0:
        maps = _blur(maps, blur_variance)
    peak = decode_argmax(maps)
    patch = _patches(maps, peak, radius=1)
    log = torch.log(patch.clamp_min(1e-10))
    dx, dy = (log[..., 1, 2] - log[..., 1, 0]) / 2, (log[..., 2, 1] - log[..., 0, 1]) / 2
    dxx = log[..., 1, 2] - 2 * log[..., 1, 1] + log[..., 1, 0]
    dyy = log[..., 2, 1] - 2 * log[..., 1, 1] + log[..., 0, 1]
    dxy = (log[..., 2, 2] - log[..., 2, 0] - log[..., 0, 2] + log[..., 0, 0]) / 4
    determinant = dxx * dyy - dxy**2
    inside = _inside(maps, peak).all(-1) & (determinant > 1e-9) & (dxx < 0)
    determinant = torch.where(inside, determinant, torch.ones_like(determinant))
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], -1) / determinant[..., None]
    return peak + torch.where(inside[..., None], step.clamp(-1, 1), torch.zeros_like(step))


def decode_expectation(maps: Tensor) -> Tensor:
    """Return the mean position (..., 2) of each map: the domain conversion layer.

    Cha et al. (2018), equation 13: the map, made non-negative and normalised to sum one, times the
    cells' coordinates (counted here from 0, in the paper from 1). Differentiable. A map without any
    positive value gives NaN.
    """
    weights = maps.clamp_min(0)
    total = weights.sum((-2, -1))
    x = torch.arange(maps.shape[-1], device=maps.device, dtype=maps.dtype)
    y = torch.arange(maps.shape[-2], device=maps.device, dtype=maps.dtype)
    mean_x = (weights.sum(-2) * x).sum(-1) / total
    mean_y = (weights.sum(-1) * y).sum(-1) / total
    return torch.stack([mean_x, mean_y], -1)


def decode(maps: Tensor, method: str = "dark") -> Tensor:
    """Return the joints (..., 2) of non-negative maps by the named method.

    Raises:
        BadInput: the method is none of `DECODERS`.
    """
    if method not in DECODERS:
        raise BadInput(f"method must be one of {', '.join(DECODERS)}, got {method!r}")
    decoders = {
        "argmax": decode_argmax,
        "quadratic": decode_quadratic,
        "dark": decode_dark,
        "expectation": decode_expectation,
    }
    return decoders[method](maps)


def local_mass(maps: Tensor, cells: Tensor, radius: int = 2) -> Tensor:
    """Return the sum (...) of each map in the square of `radius` cells around a position.

    For a map that is a distribution this is the probability that the joint lies there.
    """
    return _patches(maps, cells.round(), radius).sum((-2, -1))


def _inside(maps: Tensor, peak: Tensor) -> Tensor:
    """Say for x and y (..., 2) whether the peak has neighbours on both sides."""
    last = torch.tensor([maps.shape[-1] - 1, maps.shape[-2] - 1], device=maps.device)
    return (peak >= 1) & (peak <= last - 1)


def _patches(maps: Tensor, centre: Tensor, radius: int) -> Tensor:
    """Cut a square (..., 2 radius + 1, 2 radius + 1) around each centre, zeros outside the map."""
    padded = functional.pad(maps, (radius,) * 4)
    reach = torch.arange(2 * radius + 1, device=maps.device)
    x = centre[..., 0].long().clamp(0, maps.shape[-1] - 1)[..., None, None] + reach
    y = centre[..., 1].long().clamp(0, maps.shape[-2] - 1)[..., None, None] + reach[:, None]
    index = y * padded.shape[-1] + x  # (..., 2r+1, 2r+1)
    flat = padded.flatten(-2).gather(-1, index.flatten(-2))
    return flat.view(index.shape)


def _parabola_steps(patch: Tensor) -> Tensor:
    """Vertex offsets (..., 2) of the parabolas through a 3 x 3 patch's middle row and column."""
    middle = patch[..., 1, 1]
    steps = []
    for low, high in ((patch[..., 1, 0], patch[..., 1, 2]), (patch[..., 0, 1], patch[..., 2, 1])):
        bend = low - 2 * middle + high
        step = 0.5 * (low - high) / torch.where(bend < 0, bend, torch.ones_like(bend))
        steps.append(torch.where(bend < 0, step.clamp(-0.5, 0.5), torch.zeros_like(step)))
    return torch.stack(steps, -1)


def _blur(maps: Tensor, variance: float) -> Tensor:
    rows, columns = (_blurring(maps, n, variance) for n in maps.shape[-2:])
    return rows @ maps @ columns


def _blurring(maps: Tensor, n: int, variance: float) -> Tensor:
    """Return the matrix (n, n) that blurs a row of n cells; outside of them is nothing."""
    x = torch.arange(n, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-((x[:, None] - x) ** 2) / (2 * variance))
    return kernel / kernel.sum(0).max()
