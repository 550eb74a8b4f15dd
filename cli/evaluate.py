"""`lift3d eval`: measure detectors and lifters on labelled data."""

from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("eval", short_help="Measure detectors and lifters on data.")
def evaluate() -> None:
    """Measure on the validation part of the data packs."""


@evaluate.command("crops")
@click.option("--crops", type=FILE, required=True, help="Crops pack (crops192.npz).")
@click.option("--weights", default="hourglass-s", show_default=True, help="Zoo name or path.")
@click.option("--flip/--no-flip", default=True, show_default=True, help="Flip averaging.")
@click.option("--device", default="auto", show_default=True)
def evaluate_crops(crops: Path, weights: str, flip: bool, device: str) -> None:
    """Print PCK@0.2 of the torso over the 12 limb joints of person crops."""
    from ..datasets.crops import read_crops_pack
    from ..evaluation.crops import crop_scores
    from ..models.device import choose_device
    from ..models.load import load_hourglass

    chosen = choose_device(device)
    loaded = load_hourglass(weights, chosen)
    scores = crop_scores(loaded.net, read_crops_pack(crops, 1), loaded.input_size, chosen, flip)
    for name, value in scores.items():
        click.echo(f"{name} {value:.4f}")


@evaluate.command("photos")
@click.option("--photos", type=FILE, required=True, help="Photos pack (photos448.npz).")
@click.option("--detector", default="hourglass", show_default=True)
@click.option("--device", default="auto", show_default=True)
def evaluate_photos(photos: Path, detector: str, device: str) -> None:
    """Print recall and precision of people in whole photos."""
    from ..datasets.photos import read_photos_pack
    from ..evaluation.people import detector_scores
    from ..pipelines.parts import load_detector

    loaded = load_detector(detector, device)
    for name, value in detector_scores(loaded, read_photos_pack(photos, 1)).items():
        click.echo(f"{name} {value:.4f}")


@evaluate.command("lifting")
@click.option("--mocap", type=FILE, required=True, help="Motion-capture pack (mocap_cmu17.npz).")
@click.option("--lifter", default="ppca", show_default=True)
@click.option("--skeleton", default="h36m17", show_default=True, help="Skeleton of the 2D joints.")
@click.option("--seed", default=0, show_default=True, help="Of the virtual cameras.")
@click.option("--device", default="cpu", show_default=True)
def evaluate_lifting(mocap: Path, lifter: str, skeleton: str, seed: int, device: str) -> None:
    """Print a lifter's error on true 2D joints seen by virtual cameras, in mm."""
    from ..datasets.mocap import read_mocap
    from ..evaluation.lifting import lifting_test, score_lifter
    from ..pipelines.parts import load_lifter

    test = lifting_test(read_mocap(mocap), seed=seed)
    score = score_lifter(load_lifter(lifter, device), test, skeleton=skeleton)
    click.echo(f"root-aligned {score.root_mm:.1f}")
    click.echo(f"similarity-aligned {score.similarity_mm:.1f}")
