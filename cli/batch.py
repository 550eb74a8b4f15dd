"""`lift3d batch`: a folder of videos to 3D poses, on many cores or machines, stoppable."""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .one_line import say
from .run_options import PARTS, VIDEOS, add_options, stream_settings

if TYPE_CHECKING:
    from ..pipelines.batch import WorkerPool
    from ..pipelines.batch_tasks import WorkerSpec
    from ..pipelines.manifest import Manifest
    from ..pipelines.video_output import VideoItem, VideoOutput
    from ..pipelines.video_run import VideoOutcome

FAILED = ("failed", "damaged")


@click.command(short_help="Turn a folder of videos into 3D poses.")
@click.argument("folder")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the results.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes that work at once.  [default: 1; with Ray what the cluster has CPUs for]",
)
@click.option("--shard", metavar="I/N", help="Do the I-th of N parts of the list only.")
@click.option(
    "--engine",
    type=click.Choice(("local", "ray")),
    default="local",
    show_default=True,
    help="This machine, or a Ray cluster.",
)
@click.option("--address", help="Of the Ray cluster: host:port, ray://host:port or auto.")
@click.option(
    "--format",
    "formats",
    default="jsonl",
    show_default=True,
    metavar="jsonl,npz,csv,parquet",
    help="Data files to write.",
)
@click.option("--max-people", type=click.IntRange(1), help="Follow at most so many people.")
@click.option("--retry-failed", is_flag=True, help="Try those again that failed in earlier runs.")
@click.option("--overwrite", is_flag=True, help="Do again what is done.")
@add_options(PARTS, VIDEOS)
@click.pass_context
def batch(ctx: click.Context, **given: Any) -> None:
    """Turn all videos of FOLDER and its sub-folders into 3D poses.

    Results keep the videos' relative paths. What is done is left alone, so that the same command
    goes on where a stopped one was, even if that was killed. Exit code 1 where videos failed; each
    is listed.
    """
    from ..pipelines.manifest import Manifest
    from ..pipelines.run_lock import RunLock
    from ..pipelines.sources_find import find_videos
    from ..pipelines.video_output import VideoOutput, parts_info
    from ..pipelines.video_writers import check_formats

    formats = tuple(dict.fromkeys(part.strip() for part in given["formats"].split(",")))
    check_formats(formats)
    settings, shard = stream_settings(given), _parse_shard(given["shard"])
    if given["address"] and given["engine"] != "ray":
        raise click.UsageError("--address is a Ray cluster's; give --engine ray with it")
    parts = parts_info(given["detector"], given["lifter"])
    out = VideoOutput(Path(given["output"]).absolute(), parts, formats, given["overlay"])
    found = find_videos(given["folder"])
    items = found.videos
    if shard is not None:
        items = items[shard[0] - 1 :: shard[1]]
    label = "" if shard is None else f"{shard[0]}-of-{shard[1]}"
    with RunLock(out.folder, label):
        name = f"manifest.{label}.json" if label else "manifest.json"
        about = (parts.weights_sha256, settings.to_dict())
        manifest = Manifest(out.folder / name, sys.argv, *about)
        tally = Tally(len(items))
        for error in found.errors:
            tally.count("failed", str(error))
        todo = _todo(items, out, tally, given["retry_failed"], given["overwrite"])
        try:
            if todo:
                _run(_spec(given, settings, out), given, todo, manifest, tally)
        finally:
            manifest.save()
    tally.say_table(given["output"])
    ctx.exit(1 if tally.problems else 0)


def _spec(given: dict[str, Any], settings: Any, out: "VideoOutput") -> "WorkerSpec":
    from ..pipelines.batch_tasks import WorkerSpec, usable_cpus

    threads = max(1, usable_cpus() // (given["workers"] or 1))
    if given["engine"] == "ray":
        threads = 1
    return WorkerSpec(settings, out, given["device"], given["conf"], given["height_mm"], threads)


def _pool(spec: "WorkerSpec", given: dict[str, Any], tally: "Tally") -> "WorkerPool":
    if given["engine"] == "ray":
        from ..pipelines.ray_engine import RayPool

        return RayPool(spec, given["workers"], given["address"])
    from ..pipelines.batch_processes import OwnProcess, ProcessPool

    workers = given["workers"] or 1
    return OwnProcess(spec, tally.show_video) if workers == 1 else ProcessPool(spec, workers)


def _parse_shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    part, slash, count = text.partition("/")
    if not (slash and part.isdecimal() and count.isdecimal() and 1 <= int(part) <= int(count)):
        raise click.UsageError(f"--shard must be I/N with I from 1 to N, such as 2/8, got {text!r}")
    return int(part), int(count)


def _todo(
    items: list["VideoItem"],
    out: "VideoOutput",
    tally: "Tally",
    retry_failed: bool,
    overwrite: bool,
) -> list["VideoItem"]:
    """Return the videos that are to be done now; count the others."""
    from ..pipelines.manifest import read_manifests

    todo, earlier = [], read_manifests(out.folder)
    for item in items:
        before = earlier.get(item.name, {})
        broke = before.get("status") in FAILED and before.get("source") == item.source
        if overwrite or (broke and retry_failed):
            todo.append(item)
        elif out.belongs_to_another(item):
            tally.count("failed", out.clash(item))
        elif broke and _may_do_better(item, before, out):
            todo.append(item)
        elif broke:
            again = "; --retry-failed tries it again"
            tally.count(str(before["status"]), f"{before.get('problem')}{again}")
        elif out.is_done(item):
            out.clean(item)
            tally.count("already there")
        else:
            todo.append(item)
    return todo


def _may_do_better(item: "VideoItem", before: dict[str, Any], out: "VideoOutput") -> bool:
    """Say whether a video that broke may give more now: its file, the room or the formats differ.

    Args:
        item: the video.
        before: what the manifest says of it.
        out: where the results go.
    """
    from ..pipelines.manifest import has_changed

    lacks = before["status"] == "damaged" and not out.is_done(item)
    return lacks or before.get("not_written") is True or has_changed(item.source, before)


def _run(
    spec: "WorkerSpec",
    given: dict[str, Any],
    todo: list["VideoItem"],
    manifest: "Manifest",
    tally: "Tally",
) -> None:
    from ..pipelines.batch import run_batch

    tally.todo = len(todo)
    pool = _pool(spec, given, tally)
    try:
        for outcome in run_batch(pool, todo, spec.settings):
            if outcome is not None:
                manifest.put(outcome.item.name, outcome.entry(spec.output))
                tally.take(outcome, spec.output)
            tally.show(pool.progress())
    finally:
        tally.clear()
        pool.close()


@dataclass
class Tally:
    """Count what becomes of the videos and say it on stderr.

    Attributes:
        total: how many videos there are.
        todo: how many of them are to be done now.
    """

    total: int
    todo: int = 0

    def __post_init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self._frames = self._ended = 0
        self._begin = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def count(self, status: str, problem: str | None = None) -> None:
        """Count a video that is not done now; say its problem."""
        self.counts[status] += 1
        if problem is not None:
            self.problems.append(problem)
            say(f"lift3d: {problem}")

    def take(self, outcome: "VideoOutcome", out: "VideoOutput") -> None:
        """Count a video that has ended, and say one line about it."""
        self.clear()
        self._ended += 1
        self._frames += outcome.frames
        self.counts[outcome.status] += 1
        if outcome.problem is not None:
            self.problems.append(outcome.problem)
            say(f"lift3d: {outcome.problem}")
        if outcome.status != "failed":
            say(f"{outcome.item.source}: {outcome.line(out)}")

    def show_video(self, done: int, total: int | None) -> None:
        """Show on a terminal how far the batch is, with the one video that runs."""
        self.show(done / total if total else 0.0, done)

    def show(self, running: float, frames: int = 0) -> None:
        """Show on a terminal how far the batch is: totals, rate and time left.

        Args:
            running: how much of the running videos is done, 1 for each whole one.
            frames: of them that are written.
        """
        from .video_progress import EVERY_S, clock_time

        now = time.monotonic()
        if not self._terminal or now - self._shown < EVERY_S:
            return
        self._shown = now
        elapsed, done = now - self._begin, self._ended + running
        rate = (self._frames + frames) / max(elapsed, 1e-9)
        text = f"{self._ended} of {self.todo} videos, {rate:.1f} frames/s"
        if done > 0:
            text += f", {clock_time((self.todo - done) * elapsed / done)} left"
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def clear(self) -> None:
        """Take the line of `show` away."""
        if self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True)

    def say_table(self, output: str) -> None:
        """Say the summary: how many of each kind, frames, time, rate, and what failed."""
        from .video_progress import clock_time

        seconds = time.monotonic() - self._begin
        rows = [(status, self.counts[status]) for status in ("done", "already there", *FAILED)]
        rate = self._frames / max(seconds, 1e-9)
        click.echo("", err=True)
        for status, count in rows:
            if count or status == "done":
                click.echo(f"{status:14}{count:8}", err=True)
        click.echo(f"{'videos':14}{self.total:8}", err=True)
        click.echo(f"{'frames':14}{self._frames:8}  ({rate:.1f} frames/s)", err=True)
        click.echo(f"{'time':14}{clock_time(seconds):>8}", err=True)
        for problem in self.problems:
            say(f"failed: {problem}")
        say(f"results in {output}")
