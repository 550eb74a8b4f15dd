"""Speed of the default detector on one photo, part by part: `python benchmarks/detector_speed.py`.

    python benchmarks/detector_speed.py --mediapipe-python ../mediapipe-venv/bin/python

The photo is examples/person.jpg, 480 x 640 px with one person, decoded already. Networks are loaded
and warm; everything takes turns, one photo each. With `--mediapipe-python`, the Python of an
environment with mediapipe 0.10.21, MediaPipe Pose (full model, made for single images) runs in a
process of its own that tells its times. On a CUDA device the images a second of the networks in
batches follow.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from machine import describe

PHOTO = Path(__file__).parents[1] / "examples" / "person.jpg"
WARM_UP = 20
MEDIAPIPE = """
import sys, time
import mediapipe, numpy
image = numpy.load(sys.argv[1])
pose = mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1)
for line in sys.stdin:
    begin = time.perf_counter()
    found = pose.process(image)
    ms = 1000 * (time.perf_counter() - begin)
    print("ms", ms, int(found.pose_landmarks is not None), flush=True)
"""


@dataclass
class Timed:
    """A network that notes the time of its passes, as the detector sees it."""

    net: Any
    ms: float = 0.0

    def __call__(self, images: Any) -> Any:
        """Run the network."""
        begin = time.perf_counter()
        maps = self.net(images)
        self.ms += 1000 * (time.perf_counter() - begin)
        return maps

    def __getattr__(self, name: str) -> Any:
        return getattr(self.net, name)


@dataclass
class Contender:
    """One row: what finds people, and the milliseconds of its passes by part."""

    name: str
    once: Callable[[], dict[str, float]]
    ms: dict[str, list[float]] = field(default_factory=dict)

    def run(self, kept: bool) -> None:
        """Find the people once, and note the times if they are to be kept."""
        for part, value in self.once().items():
            if kept:
                self.ms.setdefault(part, []).append(value)


@click.command()
@click.argument("photo", default=PHOTO, type=click.Path(exists=True, path_type=Path))
@click.option("--weights", multiple=True, default=("hourglass-s", "hourglass-m"), show_default=True)
@click.option("--finder", default="people", show_default=True, help="Weights of the finder.")
@click.option("--repeats", default=50, type=click.IntRange(2), help="Photos for each row.")
@click.option("--threads", default=2, type=click.IntRange(1), help="CPU threads of torch.")
@click.option("--precision", default="auto", show_default=True, help="auto, float32 or bfloat16.")
@click.option("--mediapipe-python", help="Python of an environment with mediapipe 0.10.21.")
def main(
    photo: Path,
    weights: tuple[str, ...],
    finder: str,
    repeats: int,
    threads: int,
    precision: str,
    mediapipe_python: str | None,
) -> None:
    """Print the milliseconds of a photo on the CPU, and images a second on CUDA."""
    import torch

    from lift3d import read_image

    torch.set_num_threads(threads)
    image = read_image(photo)
    click.echo(describe(threads))
    click.echo(f"{photo.name}, {image.shape[1]} x {image.shape[0]} px, {repeats} photos a row\n")
    rows = [row for name in weights for row in detectors(image, name, finder, precision)]
    with mediapipe_on(image, mediapipe_python) as other:
        rows += other
        for k in range(WARM_UP + repeats):
            for row in rows:
                row.run(kept=k >= WARM_UP)
    say_rows(rows)
    if torch.cuda.is_available():
        from cuda_rates import say_rates

        say_rates(image, weights, finder)
    else:
        click.echo("\nno CUDA device: no images a second")


def detectors(image: np.ndarray, weights: str, finder: str, precision: str) -> list[Contender]:
    """Return rows with mirrored crops as it ships, always and never; none without the weights."""
    from lift3d.detectors.hourglass import HourglassDetector
    from lift3d.poses.errors import Lift3dError

    rows = []
    shipped: bool | None = None
    for flip, how in ((None, ""), (True, ", always mirrored"), (False, ", never mirrored")):
        try:
            detector = HourglassDetector(weights, finder, "cpu", flip=flip, precision=precision)
        except Lift3dError as error:
            click.echo(f"left out: {error}")
            return []
        if flip is None:
            shipped = detector.looks.flip
        elif flip is shipped:
            continue
        people = len(detector.detect([image])[0])
        dtypes = [str(each.net.dtype)[6:] for each in (detector._people, detector.looks.joints)]
        name = Path(weights).stem + how
        click.echo(f"{name}: {people} people; finder in {dtypes[0]}, joints in {dtypes[1]}")
        rows.append(Contender(name, in_parts(detector, image)))
    return rows


def in_parts(detector: Any, image: np.ndarray) -> Callable[[], dict[str, float]]:
    """Return what finds the people once and tells the time of each part."""
    finder, joints = Timed(detector._people.net), Timed(detector.looks.joints.net)
    detector._people = replace(detector._people, net=finder)
    detector.looks.joints = replace(detector.looks.joints, net=joints)

    def once() -> dict[str, float]:
        finder.ms = joints.ms = 0.0
        begin = time.perf_counter()
        detector.detect([image])
        whole = 1000 * (time.perf_counter() - begin)
        rest = whole - finder.ms - joints.ms
        return {"whole": whole, "finder": finder.ms, "joints": joints.ms, "rest": rest}

    return once


@contextmanager
def mediapipe_on(image: np.ndarray, python: str | None) -> Iterator[list[Contender]]:
    """Give a row for MediaPipe, whose process ends with the context; none without its Python."""
    if python is None:
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo.npy")
        np.save(path, image)
        process = subprocess.Popen(
            [python, "-c", MEDIAPIPE, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield [Contender("MediaPipe Pose full", lambda: ask(process))]
        finally:
            process.communicate()


def ask(process: subprocess.Popen[str]) -> dict[str, float]:
    """Let MediaPipe find the person once."""
    if process.stdin is None or process.stdout is None:
        raise click.ClickException("MediaPipe's process has no pipes")
    try:
        process.stdin.write("\n")
        process.stdin.flush()
    except BrokenPipeError:
        raise click.ClickException("MediaPipe's process ended; does its Python have it?") from None
    for line in process.stdout:
        word, *values = line.split()
        if word == "ms":
            if values[1] == "0":
                raise click.ClickException("MediaPipe found nobody: its time says nothing")
            return {"whole": float(values[0])}
    raise click.ClickException("MediaPipe's process ended; does its Python have it?")


def say_rows(rows: list[Contender]) -> None:
    """Print the median milliseconds and the tenths at either end, by part."""
    click.echo(
        f"\n{'ms: median (10 %-90 %)':34}{'whole photo':>22}{'finder':>9}{'joints':>9}{'rest':>9}"
    )
    for row in rows:
        whole = sorted(row.ms["whole"])
        low, high = (whole[round(share * (len(whole) - 1))] for share in (0.1, 0.9))
        middle = f"{statistics.median(whole):.1f} ({low:.1f}-{high:.1f})"
        parts = [row.ms.get(part) for part in ("finder", "joints", "rest")]
        cells = [f"{statistics.median(each):9.1f}" if each else " " * 9 for each in parts]
        click.echo(f"{row.name:34}{middle:>22}{''.join(cells)}")


if __name__ == "__main__":
    main()
