"""Memory over a long video: `python benchmarks/video_memory.py --minutes 10 --people 2`.

The video is made by examples/make_video.py. Printed is the peak of the resident memory while each
of the video's minutes was written; it should not grow from the second to the last.
"""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import click
from machine import describe

MAKE = Path(__file__).parents[1] / "examples" / "make_video.py"


@click.command()
@click.option("--minutes", default=10, type=click.IntRange(3))
@click.option("--people", default=2, type=click.IntRange(1))
@click.option("--fps", default=30, type=click.IntRange(1))
@click.option("--stride", default=1, type=click.IntRange(1))
@click.option("--detector", default="hourglass")
@click.option("--video", type=click.Path(exists=True, path_type=Path), help="One made before.")
def main(
    minutes: int, people: int, fps: int, stride: int, detector: str, video: Path | None
) -> None:
    """Print the peak of each minute, and how the last one's compares with the second one's."""
    from lift3d import Pipeline
    from lift3d.pipelines.sources import Selection
    from lift3d.pipelines.stream_settings import StreamSettings
    from lift3d.pipelines.video_output import VideoItem, VideoOutput, parts_info
    from lift3d.pipelines.video_run import run_video

    with tempfile.TemporaryDirectory() as folder:
        path = video or Path(folder, "long.mp4")
        if video is None:
            asked = ["--seconds", str(60 * minutes), "--people", str(people), "--fps", str(fps)]
            subprocess.run([sys.executable, str(MAKE), str(path), *asked], check=True)
        peaks: dict[int, float] = defaultdict(float)
        a_minute = 60 * fps / stride

        def note(done: int, total: int | None) -> None:
            minute = int(done // a_minute)
            peaks[minute] = max(peaks[minute], _resident_mib())

        output = VideoOutput(Path(folder, "out"), parts_info(detector, "consensus"))
        settings = StreamSettings(Selection(stride=stride))
        item = VideoItem(str(path.resolve()), "long")
        outcome = run_video(Pipeline(detector, device="cpu"), item, settings, output, note)
    if outcome.problem:
        raise click.ClickException(outcome.problem)
    click.echo(describe(len(os.sched_getaffinity(0))))
    click.echo(f"{outcome.frames} frames, {outcome.people} people, {outcome.seconds:.0f} s\n")
    for minute in range(minutes):
        click.echo(f"minute {minute + 1:3} {peaks[minute]:8.0f} MiB")
    click.echo(f"last over second: {peaks[minutes - 1] / peaks[1]:.3f}")


def _resident_mib() -> float:
    """Return the resident memory of this process; Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
