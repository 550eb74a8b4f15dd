"""`lift3d run`: photos and videos to 3D poses."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .one_line import one_line, say
from .run_options import PARTS, VIDEOS, add_options, stream_settings

if TYPE_CHECKING:
    from ..pipelines.find_images import ImageItem
    from ..pipelines.photo_output import PhotoOutput
    from ..pipelines.pipeline import Pipeline
    from ..pipelines.sources_find import FoundMedia
    from ..pipelines.video_output import VideoItem, VideoOutput

PHOTO_FORMATS = ("json", "npz")
VIDEO_ONLY = ("jsonl", "csv", "parquet")
MANIFEST = "manifest.json"


@click.command(short_help="Turn photos and videos into 3D poses.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "-o",
    "--output",
    default="out",
    show_default=True,
    metavar="DIR",
    help="Folder for the results.",
)
@click.option(
    "--batch",
    default=4,
    show_default=True,
    type=click.IntRange(1),
    help="Photos that run together.",
)
@click.option(
    "--format",
    "formats",
    default="json",
    show_default=True,
    metavar="json,npz,csv,parquet",
    help="Data files to write; csv and parquet for videos, whose json is JSON lines.",
)
@click.option(
    "--max-people", type=click.IntRange(1), help="Keep at most so many people in a photo or video."
)
@click.option("--no-pictures", is_flag=True, help="Write photos' data only.")
@click.option("--overwrite", is_flag=True, help="Do again what is done.")
@click.option(
    "--fps", type=float, help="Take each SOURCE as numbered images, so many frames a second."
)
@add_options(PARTS, VIDEOS)
@click.pass_context
def run(ctx: click.Context, **given: Any) -> None:
    """Turn photos and videos into 3D poses.

    SOURCE is a photo or a video, a folder (searched with its sub-folders) or a pattern, a
    camera's number or address, or - for a video on stdin. Each photo NAME gives NAME.json (joints
    in pixels and in millimetres), NAME.overlay.png and NAME.3d.png in the output folder, each
    video NAME.jsonl, one line a frame. What is done is left alone; a video that was stopped is
    gone on with.
    """
    from ..pipelines.sources_find import find_media

    formats = _parse_formats(given["formats"])
    settings = stream_settings(given)
    found = find_media(list(given["sources"]), given["fps"])
    for error in found.errors:
        say(f"lift3d: {error}")
    if not found.photos and not found.videos:
        ctx.exit(2 if found.errors else 1)
    photo_out, video_out = _outputs(given, formats, found)
    _check_streams(video_out, found.videos, settings)
    photos, videos, taken = found.photos, found.videos, 0
    if not given["overwrite"]:
        photos, taken = _leave_out_finished(photo_out, photos)
        videos, more = _leave_out_finished_videos(video_out, videos)
        taken += more
    failed = 0
    if photos or videos:
        parts = [given[name] for name in ("detector", "lifter", "device", "conf", "max_people")]
        pipeline = _pipeline(*parts, given["height_mm"])
        if photos:
            photo_out.describe(pipeline, given["detector"], given["lifter"])
            failed += _run_photos(pipeline, photo_out, photos, given["batch"], settings)
        if videos:
            failed += _run_videos(pipeline, video_out, videos, settings)
    todo = len(photos) + len(videos)
    kept = len(found.photos) + len(found.videos) - todo - taken
    skipped = taken + len(found.errors)
    _say_summary(todo - failed, kept, failed + skipped, given["output"])
    ctx.exit(1 if failed + skipped else 0)


def _pipeline(*settings: Any) -> "Pipeline":
    from ..pipelines.pipeline import Pipeline

    return Pipeline(*settings)


def _outputs(
    given: dict[str, Any], formats: tuple[str, ...], found: "FoundMedia"
) -> tuple["PhotoOutput", "VideoOutput"]:
    """Return where results go; raise where a format does not fit or the folder is not writable."""
    from ..pipelines.photo_output import PhotoOutput
    from ..pipelines.video_output import VideoOutput, parts_info
    from ..pipelines.video_writers import check_formats

    folder = Path(given["output"])
    for_photos = tuple(name for name in formats if name in PHOTO_FORMATS)
    if found.photos and not for_photos:
        raise click.UsageError(f"photos are written as json or npz, got --format {formats[0]}")
    for_videos = tuple(dict.fromkeys("jsonl" if name == "json" else name for name in formats))
    if found.videos:
        check_formats(for_videos)
    photo_out = PhotoOutput(folder, for_photos or ("json",), pictures=not given["no_pictures"])
    photo_out.check_writable()
    parts = parts_info(given["detector"], given["lifter"])
    return photo_out, VideoOutput(folder, parts, for_videos, given["overlay"])


def _leave_out_finished(
    out: "PhotoOutput", items: list["ImageItem"]
) -> tuple[list["ImageItem"], int]:
    """Return the photos still to do, and how many have another photo's results in their place."""
    todo, taken = [], 0
    for item in items:
        if out.belongs_to_another(item):
            taken += 1
            say(f"lift3d: {out.clash(item)}")
        elif not out.is_done(item):
            todo.append(item)
    return todo, taken


def _leave_out_finished_videos(
    out: "VideoOutput", items: list["VideoItem"]
) -> tuple[list["VideoItem"], int]:
    """Return the videos still to do, and how many have others' results, or broken ones, instead.

    A camera's or a stream's results are never its own: it gives something else each time. Of a
    video that breaks off all is done that can be, and it is named each time until its file is
    another.
    """
    from ..pipelines.manifest import has_changed, read_manifests
    from ..pipelines.sources import is_stream

    entries = read_manifests(out.folder) if items else {}
    todo, taken = [], 0
    for item in items:
        if out.belongs_to_another(item):
            taken += 1
            say(f"lift3d: {out.clash(item)}")
        elif is_stream(item.source) and (earlier := out.earlier(item)):
            taken += 1
            there = f"{earlier} holds an earlier recording"
            again = "choose another folder with -o, or --overwrite"
            say(f"lift3d: {item.source}: {there}; {again}")
        elif not out.is_done(item):
            todo.append(item)
        elif (entry := entries.get(item.name, {})).get("status") != "damaged":
            continue
        elif has_changed(item.source, entry):
            todo.append(item)
        else:
            taken += 1
            say(f"lift3d: {entry.get('problem')}; --overwrite does it again")
    return todo, taken


def _check_streams(out: "VideoOutput", items: list["VideoItem"], settings: Any) -> None:
    """Raise where a stream, which comes once, is asked for what needs to read it twice."""
    from ..pipelines.sources import is_stream
    from ..pipelines.video_run import check_once

    for item in items:
        if is_stream(item.source):
            check_once(item.source, out, settings)


def _parse_formats(text: str) -> tuple[str, ...]:
    formats = tuple(part.strip() for part in text.split(","))
    unknown = [part for part in formats if part not in PHOTO_FORMATS + VIDEO_ONLY]
    if unknown:
        raise click.UsageError(
            f"--format takes {' and '.join(PHOTO_FORMATS)}, got {unknown[0]!r}; for videos also "
            f"{', '.join(VIDEO_ONLY)}"
        )
    return formats


def _run_photos(
    pipeline: "Pipeline", out: "PhotoOutput", items: list["ImageItem"], batch: int, settings: Any
) -> int:
    """Run the photos, say what becomes of each, and return how many failed."""
    from ..pipelines.photo_camera import PhotoCamera
    from ..pipelines.photo_run import run_photos

    failed, camera = 0, PhotoCamera(settings.focal_px, settings.fov_deg)
    for outcome in run_photos(pipeline, out, items, batch, camera):
        if outcome.error is None:
            what = f"{_count(outcome.people)} -> {outcome.path} ({outcome.seconds:.2f} s)"
            say(f"{outcome.item.path}: {what}")
        else:
            failed += 1
            say(f"lift3d: {outcome.error}")
    return failed


def _run_videos(
    pipeline: "Pipeline",
    out: "VideoOutput",
    items: list["VideoItem"],
    settings: Any,
) -> int:
    """Run the videos one after the other, say what becomes of each; return how many failed."""
    from ..pipelines.manifest import Manifest
    from ..pipelines.run_lock import RunLock
    from ..pipelines.video_run import run_video
    from .video_progress import VideoProgress

    failed = 0
    with RunLock(out.folder):
        about = (out.parts.weights_sha256, settings.to_dict())
        manifest = Manifest(out.folder / MANIFEST, sys.argv, *about)
        try:
            for item in items:
                with VideoProgress(one_line(item.source)) as progress:
                    outcome = run_video(pipeline, item, settings, out, progress)
                manifest.put(item.name, outcome.entry(out))
                if outcome.status != "failed":
                    say(f"{item.source}: {outcome.line(out)}")
                if outcome.problem is not None:
                    failed += 1
                    say(f"lift3d: {outcome.problem}")
        finally:
            manifest.save()
    return failed


def _count(people: int) -> str:
    return {0: "no person found", 1: "1 person"}.get(people, f"{people} people")


def _say_summary(done: int, kept: int, failed: int, output: str) -> None:
    parts = [f"{done} done"]
    if kept:
        parts.append(f"{kept} already there (--overwrite does them again)")
    if failed:
        parts.append(f"{failed} failed")
    say(f"{', '.join(parts)}; results in {output}")
