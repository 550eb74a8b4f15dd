"""`lift3d data`: make data sets: fixed ones to measure on, synthetic people, bodies."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .shared_options import FiniteRange, seed_option

if TYPE_CHECKING:
    from ..datasets.synthetic.people import SyntheticPeople


@click.group(short_help="Make data sets.")
def data() -> None:
    """Make data sets from other data."""


_MOCAP = click.option(
    "--mocap",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Motion-capture pack (mocap_cmu17.npz).",
)


@data.command("lifting-set")
@_MOCAP
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="NPZ"
)
@click.option("--case", default="true", show_default=True, help="What the 2D joints suffer.")
@click.option(
    "--pitch",
    nargs=2,
    default=(-10.0, 40.0),
    show_default=True,
    type=FiniteRange(-90, 90),
    metavar="FROM TO",
    help="How far the cameras look down, degrees.",
)
@seed_option(0)
def lifting_set_command(
    mocap: Path, output: Path, case: str, pitch: tuple[float, float], seed: int
) -> None:
    """Make pairs of 2D and 3D poses from the validation subjects, and print their SHA-256.

    Cases: true, noise-2 and noise-5 (percent of the height), hidden-2 and hidden-4 (joints),
    detector and detector-hard (errors shaped like a detector's).
    """
    from ..datasets.mocap import read_mocap
    from ..evaluation.lifting_sets import lifting_set
    from ..poses.errors import BadInput

    made = lifting_set(read_mocap(mocap), case, seed=seed, pitch_deg=pitch)
    try:
        made.save(output)
    except OSError as error:
        raise BadInput(
            f"{output} cannot be written ({error.strerror}); choose another with -o"
        ) from None
    click.echo(f"{made.digest()}  {output}")


@data.command("synthesize")
@_MOCAP
@click.option("-n", "--count", type=click.IntRange(1, 10_000_000), help="How many people.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR"
)
@click.option(
    "--body",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Body pack of `lift3d data body`; else bodies of capsules.",
)
@click.option(
    "--backgrounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Photos without people; else backgrounds are drawn.",
)
@click.option(
    "--size",
    default=256,
    show_default=True,
    type=click.IntRange(32, 1024),
    help="Side of the pictures, pixels.",
)
@click.option("--seed", type=click.IntRange(0), help="Other seeds, other people.  [default: 1]")
@click.option(
    "--split",
    type=click.Choice(["train", "validation"]),
    help="Whose poses.  [default: train]",
)
@click.option("--validation", is_flag=True, help="The fixed set that lifters are measured on.")
@click.option(
    "--workers",
    default=0,
    show_default=True,
    type=click.IntRange(0, 512),
    help="Processes beside this one.",
)
def synthesize_command(
    mocap: Path,
    count: int | None,
    output: Path,
    body: Path | None,
    backgrounds: Path | None,
    size: int,
    seed: int | None,
    split: str | None,
    validation: bool,
    workers: int,
) -> None:
    """Make pictures of synthetic people with exact joints, as WebDataset tars of 1000.

    A run that was stopped goes on where it was. --validation makes the fixed set and prints the
    SHA-256 of its labels and, for information, of its pictures.
    """
    from ..datasets.mocap import TRAIN, VALIDATION, read_mocap
    from ..datasets.synthetic.backgrounds import find_backgrounds
    from ..datasets.synthetic.body import read_body
    from ..datasets.synthetic.capsules import capsule_body
    from ..datasets.synthetic.people import SyntheticPeople
    from ..datasets.synthetic.shards import read_shards
    from ..datasets.synthetic.validation import COUNT, digests, validation_people

    if validation and (count or split or seed is not None):
        raise click.UsageError("--validation fixes -n, --seed and --split; leave them out")
    if not validation and not count:
        raise click.UsageError("say how many people with -n, or take the fixed set: --validation")
    photos = find_backgrounds(backgrounds) if backgrounds else None
    shape = read_body(body, "medium") if body else capsule_body()
    pack = read_mocap(mocap)
    if validation:
        people = validation_people(shape, pack, photos, size)
    else:
        chosen = VALIDATION if split == "validation" else TRAIN
        people = SyntheticPeople(shape, pack, photos, size, 1 if seed is None else seed, chosen)
    total = COUNT if validation else count or 0
    _write(people, total, output, workers)
    if validation:
        labels, pictures = digests(read_shards(output))
        click.echo(f"{labels}  labels")
        click.echo(f"{pictures}  pictures")


def _write(people: "SyntheticPeople", total: int, output: Path, workers: int) -> None:
    """Write the shards with a line of progress on stderr."""
    import sys
    import time

    import cv2

    from ..datasets.synthetic.shards import write_shards
    from ..pipelines.run_lock import RunLock

    cv2.setNumThreads(1)  # the pictures are too small to share out

    begin, shown = time.monotonic(), 0.0

    def progress(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if sys.stderr.isatty() and (now - shown > 0.5 or done == total):
            shown = now
            click.echo(f"\r{done} of {total} people", err=True, nl=False)

    with RunLock(output):
        made = write_shards(people, total, output, workers=workers, progress=progress)
    if sys.stderr.isatty():
        click.echo(err=True)
    seconds = time.monotonic() - begin
    click.echo(f"{made} people made in {seconds:.0f} s, {total} in {output}", err=True)


@data.command("body")
@click.argument(
    "checkout", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="MAKEHUMAN"
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="NPZ"
)
def body_command(checkout: Path, output: Path) -> None:
    """Build a body pack from a checkout of MakeHuman: base mesh, rig, weights and targets."""
    from ..datasets.synthetic.makehuman import import_makehuman

    counts = import_makehuman(checkout, output)
    click.echo(f"{output}: {counts}", err=True)


@data.command("backgrounds")
@click.argument(
    "photos", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="NPZ"
)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR"
)
@click.option("--least", default=128, show_default=True, type=click.IntRange(16), metavar="PIXELS")
@click.option(
    "--split",
    default="train",
    show_default=True,
    type=click.Choice(["train", "validation"]),
    help="Which photos.",
)
def backgrounds_command(photos: Path, output: Path, least: int, split: str) -> None:
    """Cut pieces without people from the photos of a photos pack (photos448.npz)."""
    from ..datasets.photos import read_photos_pack
    from ..datasets.synthetic.background_cuts import write_backgrounds

    chosen = read_photos_pack(photos, int(split == "validation"))
    count = write_backgrounds(chosen, output, least)
    click.echo(f"{count} backgrounds in {output}", err=True)
