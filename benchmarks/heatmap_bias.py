"""Bias of the domain conversion layer: `python benchmarks/heatmap_bias.py [--crops FILE]`.

Cha et al. (2018), appendix A.2: how far the mean of a heatmap (equation 13) lies from its peak.
They show that a whole Gaussian has no bias; here also near the border, on a background of noise
(evenly from 0 to a part of the peak in each cell), and on the maps of a network.
"""

from pathlib import Path

import click
import torch
from machine import describe
from torch import Tensor

from lift3d.datasets.crops import read_crops_pack
from lift3d.detectors.crop_inference import infer_crops
from lift3d.detectors.heatmap import (
    decode_argmax,
    decode_dark,
    decode_expectation,
    encode_gaussian,
    local_mass,
)
from lift3d.detectors.preprocess import stack_images
from lift3d.models.load import load_hourglass
from lift3d.poses import get_skeleton

BORDERS = ((0.0, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 23.5))
BACKGROUNDS = (0.0, 1e-4, 1e-3, 1e-2)
CONFIDENT = 0.5
COLUMNS = ("mean - argmax", "mean - DARK", "mean - true", "DARK - true")


@click.command()
@click.option("--crops", type=click.Path(exists=True, path_type=Path), help="Crops pack.")
@click.option("--weights", default="hourglass-s", show_default=True, help="Zoo name or path.")
@click.option("--variance", default=1.0, show_default=True, help="Squared cells.")
@click.option("--size", default=48, show_default=True, help="Side of the ideal maps in cells.")
@click.option("--maps", default=2000, show_default=True, help="Ideal maps in each row.")
@click.option("--limit", default=None, type=int, help="Use so many crops only.")
@click.option("--threads", default=2, show_default=True, help="CPU threads of torch.")
def main(
    crops: Path | None,
    weights: str,
    variance: float,
    size: int,
    maps: int,
    limit: int | None,
    threads: int,
) -> None:
    """Print mean, median and 95 % quantile of the distances, in heatmap cells."""
    torch.set_num_threads(threads)
    click.echo(describe(threads))
    click.echo(f"\nideal Gaussians of variance {variance:g} on {size} x {size} cells")
    _header("to border, background", COLUMNS)
    for background in BACKGROUNDS:
        for low, high in BORDERS:
            cells = _positions(maps, size, low, min(high, (size - 1) / 2))
            noise = torch.rand(maps, size, size, generator=torch.Generator().manual_seed(1))
            ideal = encode_gaussian(cells, (size, size), variance) + background * noise
            name = f"{low:g}-{high:g} cells, {background:g}"
            _row(name, maps, _distances(ideal, cells))
    if crops is not None:
        _network_rows(crops, weights, limit)


def _positions(count: int, size: int, low: float, high: float) -> Tensor:
    """Return cells (count, 2) whose distance to the map's outer cells lies in low..high."""
    generator = torch.Generator().manual_seed(0)
    near = low + (high - low) * torch.rand(count, generator=generator)
    along = near + (size - 1 - 2 * near) * torch.rand(count, generator=generator)
    far_side = torch.rand(count, generator=generator) < 0.5
    across = torch.where(far_side, size - 1 - near, near)
    swapped = torch.rand(count, generator=generator) < 0.5
    x, y = torch.where(swapped, along, across), torch.where(swapped, across, along)
    return torch.stack([x, y], -1)


def _distances(maps: Tensor, true: Tensor | None) -> list[Tensor]:
    """Return the distances (...) of the columns for maps (..., H, W)."""
    mean, argmax, dark = decode_expectation(maps), decode_argmax(maps), decode_dark(maps)
    pairs = [(mean, argmax), (mean, dark)]
    if true is not None:
        pairs += [(mean, true), (dark, true)]
    return [(a - b).norm(dim=-1) for a, b in pairs]


def _network_rows(path: Path, weights: str, limit: int | None) -> None:
    loaded = load_hourglass(weights, torch.device("cpu"))
    images = read_crops_pack(path, 1).images[:limit]
    found, trust = [], []
    for start in range(0, len(images), 32):
        inputs = stack_images(list(images[start : start + 32]), torch.device("cpu"))
        inputs = torch.nn.functional.interpolate(
            inputs, size=loaded.input_size, mode="bilinear", antialias=True
        )
        maps = infer_crops(loaded.net, inputs).maps
        found.append(torch.stack(_distances(maps, None), -1))  # (n, 16, 2)
        total = maps.sum((-2, -1)).clamp_min(1e-12)
        trust.append(local_mass(maps, decode_dark(maps)) / total)
    distances, mass = torch.cat(found), torch.cat(trust)
    click.echo(f"\nmaps of {weights}, {len(images)} validation crops")
    _header("joints", COLUMNS[:2])
    _row("all", mass.numel(), list(distances.flatten(0, 1).unbind(-1)))
    sure = mass >= CONFIDENT
    _row(f"mass near the peak >= {CONFIDENT}", int(sure.sum()), list(distances[sure].unbind(-1)))
    for j, joint in enumerate(get_skeleton("mpii16").joints):
        _row(f"  {joint}", len(images), list(distances[:, j].unbind(-1)))


def _header(first: str, columns: tuple[str, ...]) -> None:
    click.echo(f"{first:30}{'maps':>7}" + "".join(f"{name:>25}" for name in columns))


def _row(name: str, count: int, columns: list[Tensor]) -> None:
    cells = []
    for values in columns:
        middle, high = (float(values.quantile(q)) for q in (0.5, 0.95))
        cells.append(f"{float(values.mean()):.3f} / {middle:.3f} / {high:.3f}")
    click.echo(f"{name:30}{count:7}" + "".join(f"{cell:>25}" for cell in cells))


if __name__ == "__main__":
    main()
