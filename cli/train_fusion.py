"""`lift3d train fusion`: the lifter that looks at the picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .shared_options import FiniteRange
from .training_options import length_options, published_option, run_options
from .training_progress import training_progress

if TYPE_CHECKING:
    from ..training.fusion_validation import FusionData

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("fusion")
@click.option(
    "--mocap",
    type=FILE,
    help="Motion-capture pack: teaches lifting joints, and without --shards makes the people.",
)
@click.option(
    "--joint-samples",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(0),
    help="Poses that the branch of the joints begins with, of it and of --found; fewer than 512: "
    "none.",
)
@click.option(
    "--found",
    default=60_000,
    show_default=True,
    type=click.IntRange(0),
    help="Pictures in which the detector looks for joints beforehand, so that its errors are "
    "learned.",
)
@click.option(
    "--found-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of what it found, for several trainings; written where there is none.  "
    "[default: found.safetensors in the output]",
)
@click.option("--body", type=FILE, help="Body pack for them; without it, capsules.")
@click.option("--backgrounds", type=FOLDER, help="Folder of photos to put them in.")
@click.option("--shards", type=FOLDER, help="Or people made before, by `lift3d data synthesize`.")
@click.option("--validation", type=FOLDER, help="Shards of the validation subjects.")
@click.option("--crops", type=FILE, help="Crops pack (crops192.npz): real photos with 2D joints.")
@click.option(
    "--detector",
    default="hourglass-s",
    show_default=True,
    help="Weights that make the confidence maps: zoo name or path; none: draw them all.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/fusion"),
    show_default=True,
)
@click.option(
    "--fusion",
    default="trainable",
    show_default=True,
    help="trainable, early, late, a layer's number, image or maps (one stream alone).",
)
@click.option(
    "--size",
    default="blazepose",
    show_default=True,
    type=click.Choice(["landmarks", "blazepose", "lite0", "small", "paper"]),
    help="Layers: MediaPipe's landmark network, BlazePose's encoder or EfficientNet-Lite0 as image "
    "stream, a plain one for CPUs, or the authors'.",
)
@published_option(
    "For --size landmarks: the package that has MediaPipe's weights (curl -O "
    "https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz)."
)
@click.option(
    "--width",
    default=1.0,
    show_default=True,
    type=FiniteRange(0, min_open=True),
    help="Factor of the channels of landmarks, blazepose and lite0 (but for the image stream's) "
    "and small.",
)
@length_options(samples=1_000_000, batch=32)
@click.option(
    "--photo-share",
    default=0.25,
    show_default=True,
    type=FiniteRange(0, 1, max_open=True),
    help="Part of the samples that are real photos.",
)
@click.option(
    "--sharpness",
    default=0.03,
    show_default=True,
    type=FiniteRange(0),
    help="Lambda of eq. 4.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Processes that make or read the synthetic people.",
)
@click.option(
    "--validation-samples",
    default=512,
    show_default=True,
    type=click.IntRange(1),
    help="Synthetic people, and photos, that each checkpoint is scored on.",
)
@run_options(checkpoint_every=20_000)
def train_fusion_command(
    mocap: Path | None,
    joint_samples: int,
    found: int,
    found_file: Path | None,
    body: Path | None,
    backgrounds: Path | None,
    shards: Path | None,
    validation: Path | None,
    crops: Path | None,
    detector: str,
    output: Path,
    fusion: str,
    size: str,
    published: Path | None,
    width: float,
    samples: int,
    batch: int,
    photo_share: float,
    rate: float,
    sharpness: float,
    workers: int,
    seed: int,
    validation_samples: int,
    checkpoint_every: int,
    device: str,
) -> None:
    """Train the fusion network on synthetic people and real photos.

    Synthetic people teach the third dimension; real photos, by their 2D joints alone, teach what
    people look like.
    """
    from dataclasses import replace

    from ..models.device import choose_device
    from ..models.fusion_config import encoder_config, fusion_of, paper_config, small_config
    from ..models.image_stream import LANDMARKS
    from ..training.fusion import FusionRecipe, train_fusion
    from ..training.fusion_loss import FusionLoss
    from ..training.start import usual_encoder_rate

    shape = {
        "landmarks": lambda: encoder_config(LANDMARKS, width),
        "blazepose": lambda: encoder_config("blazepose", width),
        "lite0": lambda: encoder_config("lite0", width),
        "small": lambda: small_config(width),
        "paper": paper_config,
    }[size]()
    recipe = FusionRecipe(
        config=replace(shape, fusion=fusion_of(fusion, shape.layers)),
        loss=FusionLoss(sharpness=sharpness),
        joint_samples=joint_samples,
        found=found,
        samples=samples,
        batch=batch,
        photo_share=photo_share,
        rate=rate,
        encoder_rate=usual_encoder_rate(shape.image_encoder),
        seed=seed,
    )
    chosen = choose_device(device)
    click.echo("reading the data ...", err=True)
    data = _data(
        (mocap, body, backgrounds, shards, validation, crops),
        detector,
        validation_samples,
        seed,
    )
    with training_progress("fusion") as progress:
        path = train_fusion(
            recipe,
            data,
            output,
            chosen,
            checkpoint_every=checkpoint_every,
            workers=workers,
            found=found_file,
            published=published,
            progress=progress,
        )
    click.echo(f"weights: {path}", err=True)


def _data(paths: tuple[Path | None, ...], detector: str, count: int, seed: int) -> "FusionData":
    import numpy as np
    import torch

    from ..datasets.crops import read_crops_pack
    from ..datasets.mocap import read_mocap
    from ..models.load import load_hourglass
    from ..training.crop_sources import mend_crops
    from ..training.fusion_people import made_people, stored_people
    from ..training.fusion_validation import FusionData

    mocap, body, backgrounds, shards, validation, crops = paths
    if not mocap and not shards:
        raise click.UsageError("give either --mocap or --shards: where synthetic people come from")
    if shards and not validation:
        raise click.UsageError("--shards needs --validation, shards of the validation subjects")
    pack = read_mocap(mocap) if mocap else None
    if shards and validation:
        people, known = stored_people(shards, validation, count, seed)
    elif pack is not None:
        people, known = made_people(pack, body, backgrounds, count, seed, validation)
    loaded = None if detector == "none" else load_hourglass(detector, torch.device("cpu"))
    if crops is None:
        return FusionData(people, known, detector=loaded, mocap=pack)
    photos, other = mend_crops(read_crops_pack(crops, 0)), read_crops_pack(crops, 1)
    rows = np.unique(np.linspace(0, len(other) - 1, count).round().astype(int))
    return FusionData(people, known, photos, other.where(rows), loaded, pack)
