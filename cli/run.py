"""`lift3d run`: photos to 3D poses."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..pipelines.find_images import ImageItem
    from ..pipelines.photo_output import PhotoOutput
    from ..pipelines.pipeline import Pipeline

FORMATS = ("json", "npz")


@click.command(short_help="Turn photos into 3D poses.")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option(
    "-o",
    "--output",
    default="out",
    show_default=True,
    metavar="DIR",
    help="Folder for the results.",
)
@click.option(
    "--detector",
    default="hourglass",
    show_default=True,
    help="Name, package.module:Name or file.py:Name.",
)
@click.option(
    "--lifter", default="ppca", show_default=True, help="Name, package.module:Name or file.py:Name."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option(
    "--batch",
    default=4,
    show_default=True,
    type=click.IntRange(1),
    help="Photos that run together.",
)
@click.option("--height-mm", type=click.FloatRange(300, 2800), help="The people's body height.")
@click.option(
    "--format",
    "formats",
    default="json",
    show_default=True,
    metavar="json,npz",
    help="Data files to write.",
)
@click.option(
    "--conf",
    type=click.FloatRange(0, 1),
    help="Least score of a person.  [default: the detector's]",
)
@click.option(
    "--max-people", type=click.IntRange(1), help="Keep at most so many people in a photo."
)
@click.option("--no-pictures", is_flag=True, help="Write data only.")
@click.option("--overwrite", is_flag=True, help="Do photos again whose results are there.")
@click.pass_context
def run(
    ctx: click.Context,
    photos: tuple[str, ...],
    output: str,
    detector: str,
    lifter: str,
    device: str,
    batch: int,
    height_mm: float | None,
    formats: str,
    conf: float | None,
    max_people: int | None,
    no_pictures: bool,
    overwrite: bool,
) -> None:
    """Turn photos into 3D poses.

    PHOTO is a file, a folder (searched with its sub-folders) or a pattern. Each photo NAME gives
    NAME.json (joints in pixels and in millimetres), NAME.overlay.png and NAME.3d.png in the
    output folder. Photos whose results are there are left alone.
    """
    from ..pipelines.find_images import find_images
    from ..pipelines.photo_output import PhotoOutput
    from ..pipelines.pipeline import Pipeline

    wanted = _parse_formats(formats)
    found = find_images(list(photos))
    for error in found.errors:
        click.echo(f"lift3d: {error}", err=True)
    if not found.items:
        ctx.exit(2 if found.errors else 1)
    out = PhotoOutput(Path(output), wanted, pictures=not no_pictures)
    out.check_writable()
    todo, taken = found.items, 0
    if not overwrite:
        todo, taken = _leave_out_finished(out, found.items)
    failed = 0
    if todo:
        pipeline = Pipeline(detector, lifter, device, conf, max_people, height_mm)
        out.describe(pipeline, detector, lifter)
        failed = _run_photos(pipeline, out, todo, batch)
    kept = len(found.items) - len(todo) - taken
    skipped = taken + len(found.errors)
    _say_summary(len(todo) - failed, kept, failed + skipped, output)
    ctx.exit(1 if failed + skipped else 0)


def _leave_out_finished(
    out: "PhotoOutput", items: list["ImageItem"]
) -> tuple[list["ImageItem"], int]:
    """Return the photos still to do, and how many have another photo's results in their place."""
    todo, taken = [], 0
    for item in items:
        if out.belongs_to_another(item):
            taken += 1
            click.echo(f"lift3d: {out.clash(item)}", err=True)
        elif not out.is_done(item):
            todo.append(item)
    return todo, taken


def _parse_formats(text: str) -> tuple[str, ...]:
    formats = tuple(part.strip() for part in text.split(","))
    unknown = [part for part in formats if part not in FORMATS]
    if unknown:
        raise click.UsageError(f"--format takes {' and '.join(FORMATS)}, got {unknown[0]!r}")
    return formats


def _run_photos(
    pipeline: "Pipeline", out: "PhotoOutput", items: list["ImageItem"], batch: int
) -> int:
    """Run the photos, say what becomes of each, and return how many failed."""
    from ..pipelines.photo_run import run_photos

    failed = 0
    for outcome in run_photos(pipeline, out, items, batch):
        if outcome.error is None:
            what = f"{_count(outcome.people)} -> {outcome.path} ({outcome.seconds:.2f} s)"
            click.echo(f"{outcome.item.path}: {what}", err=True)
        else:
            failed += 1
            click.echo(f"lift3d: {outcome.error}", err=True)
    return failed


def _count(people: int) -> str:
    return {0: "no person found", 1: "1 person"}.get(people, f"{people} people")


def _say_summary(done: int, kept: int, failed: int, output: str) -> None:
    parts = [f"{done} done"]
    if kept:
        parts.append(f"{kept} already there (--overwrite does them again)")
    if failed:
        parts.append(f"{failed} failed")
    click.echo(f"{', '.join(parts)}; results in {output}", err=True)
