"""`lift3d eval`: measure detectors and lifters on labelled data."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..poses.errors import BadInput
from .evaluate_fusion import evaluate_fusion, evaluate_fusion_streams
from .shared_options import PART, device_option

if TYPE_CHECKING:
    from ..evaluation.crop_errors import GroupScore
    from ..evaluation.crops import CropScore
    from ..evaluation.lifting import LiftingScore

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("eval", short_help="Measure detectors and lifters on data.")
def evaluate() -> None:
    """Measure on the validation part of the data packs."""


@evaluate.command("crops")
@click.option("--crops", type=FILE, required=True, help="Crops pack (crops192.npz).")
@click.option("--weights", default="hourglass-s", show_default=True, help="Zoo name or path.")
@click.option(
    "--by",
    metavar="GROUPING,...",
    help="Say where and how it errs: by joint, pose, size, occlusion, source, confidence.",
)
@device_option()
def evaluate_crops(crops: Path, weights: str, by: str | None, device: str) -> None:
    """Print how well joints are found in person crops, and what their confidences are worth.

    PCK: the part of the 12 limb joints found within 0.2 torso lengths. ECE: the expected
    calibration error, how far the confidences of all joints are from that part.
    Each without flip averaging, as videos get it, with it, then by a detector that looks again at
    people who do not stand upright (again), and that turns the crop of people of whom it is not
    sure by quarters before (turned).

    With --by a table for each grouping, with flip averaging: the mean confidence stated, and of
    the wrong joints how many lie at the other side's (swapped), at another joint (other), within
    0.5 torso lengths of the truth (close) or nowhere near (missed).
    """
    from ..datasets.crop_facts import read_crop_facts
    from ..datasets.crops import read_crops_pack
    from ..detectors.hourglass import HourglassDetector
    from ..evaluation.crop_errors import FoundCrops, check_grouping, score_groups
    from ..evaluation.crops import find_joints, look_for_joints, score_joints
    from ..models.device import choose_device
    from ..models.load import load_hourglass

    groupings = [name.strip() for name in by.split(",")] if by else []
    for name in groupings:
        check_grouping(name)
    chosen = choose_device(device)
    loaded = load_hourglass(weights, chosen)
    if loaded.skeleton is None:
        raise BadInput(f"weights {weights!r} are a person finder's; give a joint network's")
    facts = read_crop_facts(crops, 1) if groupings else None
    data = read_crops_pack(crops, 1)
    click.echo(f"{'':16}{'crops':>8}{'PCK@0.2':>10}{'ECE':>8}")
    for flip in (False, True):
        net = loaded.net, data, loaded.input_size, chosen, flip
        joints_px, confidence = find_joints(*net, loaded.calibration)
        _say_crops("flip" if flip else "no flip", score_joints(joints_px, confidence, data))
    detector = HourglassDetector(weights, device=chosen, precision="float32")
    for way, detector.looks.quarter_turns in (("again", False), ("turned", True)):
        _say_crops(way, score_joints(*look_for_joints(detector, data), data))
    if facts is not None:
        found = FoundCrops(data, facts, joints_px, confidence)
        for grouping in groupings:
            _say_groups(grouping, score_groups(found, grouping))


def _say_crops(way: str, scores: "list[CropScore]") -> None:
    for score in scores:
        name = f"{score.source}, {way}"
        click.echo(f"{name:16}{score.crops:8}{score.pck:10.4f}{score.calibration_error:8.4f}")


def _say_groups(grouping: str, scores: "list[GroupScore]") -> None:
    columns = ("PCK@0.2", "stated", "ECE", "swapped", "other", "close", "missed")
    click.echo(f"\n{'by ' + grouping:16}{'joints':>8}" + "".join(f"{c:>9}" for c in columns))
    for s in scores:
        shares = (s.pck, s.stated, s.calibration_error, s.swapped, s.other_part, s.close, s.missed)
        click.echo(f"{s.name:16}{s.joints:8}" + "".join(f"{share:9.3f}" for share in shares))


@evaluate.command("photos")
@click.option("--photos", type=FILE, required=True, help="Photos pack (photos448.npz).")
@click.option(
    "--detector",
    default="hourglass",
    show_default=True,
    help=PART,
)
@click.option("--upside-down", is_flag=True, help="Turn the photos by half a turn first.")
@device_option()
def evaluate_photos(photos: Path, detector: str, upside_down: bool, device: str) -> None:
    """Print recall and precision of people in whole photos."""
    from ..datasets.photos import read_photos_pack, turn_upside_down
    from ..evaluation.people import detector_scores
    from ..pipelines.parts import load_detector

    loaded = load_detector(detector, device)
    chosen = read_photos_pack(photos, 1)
    chosen = turn_upside_down(chosen) if upside_down else chosen
    for name, value in detector_scores(loaded, chosen).items():
        click.echo(f"{name} {value:.4f}")


@evaluate.command("lifting")
@click.option("--mocap", type=FILE, help="Motion-capture pack (mocap_cmu17.npz).")
@click.option(
    "--set", "sets", type=FILE, multiple=True, help="A set of `lift3d data lifting-set`; repeat."
)
@click.option(
    "--lifter",
    default="consensus",
    show_default=True,
    help=PART,
)
@click.option("--skeleton", default="h36m17", show_default=True, help="Skeleton of the 2D joints.")
@click.option("--kinds", is_flag=True, help="Also by kind of motion.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Of the virtual cameras.",
)
@device_option("cpu")
def evaluate_lifting(
    mocap: Path | None,
    sets: tuple[Path, ...],
    lifter: str,
    skeleton: str,
    kinds: bool,
    seed: int,
    device: str,
) -> None:
    """Print a lifter's errors on 2D joints seen by virtual cameras, in mm.

    On sets made before, or on all cases made from a motion-capture pack: with the roots laid upon
    each other, after the best rotation and shift, and after the best rotation, shift and scale.
    """
    from ..datasets.mocap import read_mocap
    from ..evaluation.lifting import score_lifter, scores_by_kind
    from ..evaluation.lifting_sets import CASES, lifting_set, read_lifting_set
    from ..pipelines.parts import load_lifter

    if bool(mocap) == bool(sets):
        raise click.UsageError("give either --mocap or --set")
    loaded = load_lifter(lifter, device)
    tests = [(path.stem, read_lifting_set(path)) for path in sets]
    if mocap:
        pack = read_mocap(mocap)
        tests = [(case, lifting_set(pack, case, seed=seed)) for case in CASES]
    click.echo(f"{'':16}{'root':>8}{'rigid':>8}{'similarity':>12}{'lifted':>8}  sha256")
    for name, test in tests:
        score = score_lifter(loaded, test, skeleton=skeleton)
        by_kind = scores_by_kind(loaded, test, skeleton=skeleton) if kinds else {}
        click.echo(f"{name:16}{_columns(score)}  {test.digest()[:16]}")
        for kind, own in by_kind.items():
            click.echo(f"  {kind:14}{_columns(own)}")


def _columns(score: "LiftingScore") -> str:
    return (
        f"{score.root_mm:8.1f}{score.rigid_mm:8.1f}{score.similarity_mm:12.1f}{score.lifted:8.3f}"
    )


evaluate.add_command(evaluate_fusion)
evaluate.add_command(evaluate_fusion_streams)
