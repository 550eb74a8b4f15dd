"""`lift3d train`: recipes that make the weights."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .shared_options import device_option
from .train_consensus import train_consensus_command
from .train_fusion import train_fusion_command
from .train_hourglass import train_hourglass_command
from .training_options import run_options
from .training_progress import training_progress

if TYPE_CHECKING:
    from ..datasets.crops import CropSet

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(short_help="Train networks and models from data.")
def train() -> None:
    """Train what lift3d ships, or your own.

    A training that was stopped goes on when the same command is given again. Several GPUs:
    torchrun --nproc-per-node N -m lift3d train ...
    """


@train.command("lsp-faults")
@click.option("--crops", type=FILE, required=True, help="Crops pack (crops192.npz).")
@click.option("--photos", type=FILE, help="Photos pack (photos448.npz); its people are cut out.")
@click.option(
    "-o", "--output", "folder", type=FOLDER, default=Path("runs/lsp-faults"), show_default=True
)
@device_option()
def lsp_faults_command(crops: Path, photos: Path | None, folder: Path, device: str) -> None:
    """Find wrong labels of LSP extended: train on either half, look at the other."""
    from ..models.device import choose_device
    from ..training.crop_sources import CropSources
    from ..training.lsp_faults import find_faults, look_crosswise, write_faults

    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise click.UsageError("lsp-faults runs in one process; start it without torchrun")
    chosen = choose_device(device)
    click.echo("reading the crops ...", err=True)
    data, validation = CropSources(crops, photos).read(mend=False)
    with training_progress("half of the photos") as progress:
        seen_px, confidence = look_crosswise(data, validation, folder, chosen, progress)
    sport = data.source == "lspet"
    faults = find_faults(data.joints_px[sport], seen_px, confidence)
    write_faults(folder / "lsp_faults.csv", data.photo[sport], faults)
    click.echo(f"{sum(map(bool, faults))} faults: {folder / 'lsp_faults.csv'}", err=True)


@train.command("people")
@click.option("--photos", type=FILE, required=True, help="Photos pack (photos448.npz).")
@click.option("--crops", type=FILE, required=True, help="Crops pack (crops192.npz).")
@click.option(
    "--start-from", type=FILE, help="Weights to begin with: a finder's or a joint network's."
)
@click.option("-o", "--output", type=FOLDER, default=Path("runs/people"), show_default=True)
@click.option(
    "--samples",
    default=100_000,
    show_default=True,
    type=click.IntRange(1),
    help="Pictures in the whole training.",
)
@run_options(10_000)
def train_people_command(
    photos: Path,
    crops: Path,
    start_from: Path | None,
    output: Path,
    samples: int,
    seed: int,
    checkpoint_every: int,
    device: str,
) -> None:
    """Train the person finder on whole photos."""
    from ..datasets.crops import read_crops_pack
    from ..datasets.photos import read_photos_pack
    from ..models.device import choose_device
    from ..training.crop_sources import mend_crops
    from ..training.person_finder import FinderRecipe, train_finder

    chosen = choose_device(device)
    recipe = FinderRecipe(samples=samples, seed=seed)
    click.echo("reading the photos ...", err=True)
    people: CropSet = mend_crops(read_crops_pack(crops, 0))
    people = people.where(people.source == "lspet")
    data, validation = read_photos_pack(photos, 0), read_photos_pack(photos, 1)
    with training_progress("people") as progress:
        path = train_finder(
            recipe,
            data,
            people,
            validation,
            output,
            chosen,
            checkpoint_every,
            progress,
            start_from,
        )
    click.echo(f"weights: {path}", err=True)


@train.command("ppca")
@click.option("--mocap", type=FILE, required=True, help="Motion-capture pack (mocap_cmu17.npz).")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("runs/ppca/ppca.safetensors"),
    show_default=True,
)
@click.option(
    "-K",
    "--clusters",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Gaussians of the mixture.",
)
@click.option(
    "--components",
    default=40,
    show_default=True,
    type=click.IntRange(1),
    help="Basis poses of each Gaussian.",
)
@click.option(
    "--select",
    is_flag=True,
    help="Choose clusters and components by the likelihood of held-out training subjects.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Of the cameras of calibration and validation.",
)
@device_option("cpu")
def train_ppca_command(
    mocap: Path,
    output: Path,
    clusters: int,
    components: int,
    select: bool,
    seed: int,
    device: str,
) -> None:
    """Fit the PPCA lifter to motion capture."""
    from ..training.ppca import train_ppca

    score = train_ppca(
        mocap,
        output,
        clusters=clusters,
        components=components,
        select=select,
        seed=seed,
        device=device,
    )
    click.echo(f"weights: {output}", err=True)
    click.echo(f"validation: {score}", err=True)


train.add_command(train_consensus_command)
train.add_command(train_fusion_command)
train.add_command(train_hourglass_command)
