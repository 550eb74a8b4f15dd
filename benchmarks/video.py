"""Speed of `lift3d run` on a video, stage by stage: `python benchmarks/video.py video.mp4`.

    python examples/make_video.py video.mp4 --seconds 18
    python benchmarks/video.py video.mp4 --mediapipe ../mediapipe-venv/bin/python

With `--mediapipe`, the Python of an environment with mediapipe 0.10.21, MediaPipe Pose (full) runs
over the same video in turns with lift3d. Models are loaded and warm before the clock starts, for
both. What other programs take of the CPUs is printed beside each rate (Linux): a rate counts where
that is near 0.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import click
from machine import describe

MEDIAPIPE = """
import sys, time
import cv2, mediapipe
pose = mediapipe.solutions.pose.Pose(static_image_mode=False, model_complexity=1)
def run(most):
    capture, count = cv2.VideoCapture(sys.argv[1]), 0
    while count < most:
        there, bgr = capture.read()
        if not there:
            break
        pose.process(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        count += 1
    return count
run(20)
begin, cpu = time.perf_counter(), time.process_time()
count = run(10**9)
print(count / (time.perf_counter() - begin), 1000 * (time.process_time() - cpu) / count)
"""


@click.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=3, type=click.IntRange(1), help="Over the whole video.")
@click.option("--threads", default=2, type=click.IntRange(1), help="CPU threads of torch.")
@click.option("--device", default="cpu", help="cpu or cuda.")
@click.option("--stride", default=1, type=click.IntRange(1))
@click.option("--mediapipe", help="Python of an environment with mediapipe.")
def main(
    video: Path, runs: int, threads: int, device: str, stride: int, mediapipe: str | None
) -> None:
    """Print frames a second from decoding to JSON lines, and the share of each stage."""
    import torch

    from lift3d import Pipeline
    from lift3d.pipelines.sources import Selection
    from lift3d.pipelines.stream_settings import StreamSettings
    from lift3d.pipelines.video_output import VideoItem, VideoOutput, parts_info
    from lift3d.pipelines.video_run import run_video

    torch.set_num_threads(threads)
    pipeline = Pipeline(device=device)
    item, parts = VideoItem(str(video.resolve()), "video"), parts_info("hourglass", "consensus")
    ours, theirs, outcomes = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        warm = StreamSettings(Selection(max_frames=32))
        run_video(pipeline, item, warm, VideoOutput(Path(folder, "warm"), parts))
        for k in range(runs):
            output, cpu = VideoOutput(Path(folder, str(k)), parts), time.process_time()
            busy = _busy_s()
            outcome = run_video(pipeline, item, StreamSettings(Selection(stride=stride)), output)
            cpu, busy = time.process_time() - cpu, _busy_s() - busy
            if outcome.problem:
                raise click.ClickException(outcome.problem)
            outcomes.append(outcome)
            others = max(0.0, (busy - cpu) / outcome.seconds)
            ours.append((outcome.frames / outcome.seconds, 1000 * cpu / outcome.frames, others))
            if mediapipe:
                theirs.append(_mediapipe_rate(mediapipe, video))
    click.echo(describe(threads))
    click.echo(f"{video.name}, {outcomes[0].frames} frames, {outcomes[0].people} people\n")
    _row("lift3d, decode -> JSON lines", ours)
    if theirs:
        _row("MediaPipe Pose full, decode -> landmarks", theirs)
    _say_stages(outcomes[-1])


def _mediapipe_rate(python: str, video: Path) -> tuple[float, float, float]:
    """Return frames a second, CPU ms a frame, and the cores that other programs took."""
    begin, busy = time.perf_counter(), _busy_s()
    children = _children_s()
    done = subprocess.run(
        [python, "-c", MEDIAPIPE, str(video)], check=True, capture_output=True, text=True
    )
    others = _busy_s() - busy - (_children_s() - children)
    rate, cpu_ms = map(float, done.stdout.splitlines()[-1].split())
    return rate, cpu_ms, max(0.0, others / (time.perf_counter() - begin))


def _busy_s() -> float:
    """Return the seconds that all CPUs were busy since the start; NaN where nothing tells it."""
    try:
        ticks = list(map(int, Path("/proc/stat").read_text().split()[1:9]))
    except OSError:
        return float("nan")
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def _children_s() -> float:
    spent = os.times()
    return spent.children_user + spent.children_system


def _row(name: str, runs: list[tuple[float, float, float]]) -> None:
    rates, cpu_ms, others = zip(*runs, strict=True)
    middle = statistics.median(rates)
    taken = ", ".join(f"{rate:.1f} ({busy:.2f})" for rate, busy in zip(rates, others, strict=True))
    click.echo(
        f"{name:42}{middle:7.1f} frames/s, {statistics.median(cpu_ms):.1f} ms of CPU a frame; "
        f"each run (cores that others took): {taken}"
    )


def _say_stages(outcome) -> None:  # type: ignore[no-untyped-def]
    click.echo(
        "\nstage      ms a frame  share (stages overlap, detect and lift in several threads)"
    )
    total = sum(outcome.stages.values())
    for name, seconds in outcome.stages.items():
        each = 1000 * seconds / outcome.frames
        click.echo(f"{name:10}{each:11.2f}{seconds / total:7.0%}")
    click.echo(json.dumps({"seconds": round(outcome.seconds, 2), "frames": outcome.frames}))


if __name__ == "__main__":
    main()
