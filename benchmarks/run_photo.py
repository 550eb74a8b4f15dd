"""Time and memory of `lift3d run` on one photo: `python benchmarks/run_photo.py`."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from machine import describe

PHOTO = Path(__file__).parents[1] / "examples" / "person.jpg"
WARM_UP = 3
# What `lift3d run` imports by the time that it has written a photo's results.
IMPORTS = (
    "import time; begin = time.perf_counter();"
    "import lift3d.cli.run, lift3d.detectors.hourglass, lift3d.lifting.consensus_lifter;"
    "import lift3d.pipelines.find_images, lift3d.pipelines.photo_output;"
    "print(time.perf_counter() - begin)"
)


@click.command()
@click.argument("photo", default=PHOTO, type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=7, type=click.IntRange(2), help="Of the whole command.")
@click.option("--repeats", default=30, type=click.IntRange(2), help="Of the model part.")
@click.option("--threads", default=2, type=click.IntRange(1), help="CPU threads of torch.")
def main(photo: Path, runs: int, repeats: int, threads: int) -> None:
    """Print seconds from start to finish, the model part of it, and the peak memory, on the CPU.

    The processes come first: what this one has loaded would count as their memory.
    """
    photo = photo.resolve()
    whole = [_run_seconds(photo, threads) for _ in range(runs + 1)][1:]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    imports = [_import_seconds(threads) for _ in range(runs)]
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, else in KiB
    click.echo(describe(threads))
    click.echo(f"{photo.name}, median (min-max)\n")
    _row("lift3d run, start to finish", whole, "s")
    _row("  of that, imports", imports, "s")
    for name, seconds in _model_seconds(photo, repeats, threads).items():
        _row(name, [1000 * value for value in seconds], "ms")
    click.echo(f"{'peak memory of lift3d run':34}{peak * unit / 2**20:9.0f} MiB")


def _run_seconds(photo: Path, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "lift3d", "run", str(photo), "-o", "out", "--device", "cpu"]
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            check=True,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            stderr=subprocess.DEVNULL,
        )
        return time.perf_counter() - begin


def _import_seconds(threads: int) -> float:
    env = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS], cwd=folder, env=env, check=True, capture_output=True
        )
    return float(done.stdout)


def _model_seconds(photo: Path, repeats: int, threads: int) -> dict[str, list[float]]:
    """Return the times of the networks and of the lifter on a photo that is decoded already."""
    import numpy as np
    import torch

    from lift3d import read_image
    from lift3d.detectors.hourglass import HourglassDetector
    from lift3d.detectors.people import find_people
    from lift3d.pipelines.parts import load_lifter

    torch.set_num_threads(threads)
    detector, device = HourglassDetector(device="cpu"), torch.device("cpu")
    finder = detector._people  # as the detector made it quick
    lifter = load_lifter("consensus", "cpu")
    image = read_image(photo)
    poses = detector.detect([image])[0]
    if not poses:
        click.echo("no person found: the rows of joints and lifting say nothing", err=True)
    boxes = np.array([pose.box_xyxy_px for pose in poses]).reshape(-1, 4)
    size, threshold = detector.search_size, detector.threshold
    parts: dict[str, Callable[[], object]] = {
        "model part, one photo": lambda: lifter.lift(detector.detect([image])[0]),
        "  person finder": lambda: find_people(finder.net, image, device, size, threshold),
        f"  joints of {len(poses)}": lambda: detector.detect_in_boxes([image] * len(poses), boxes),
        f"  lifting of {len(poses)}": lambda: lifter.lift(poses),
    }
    return {name: _times(part, repeats) for name, part in parts.items()}


def _times(part: Callable[[], object], repeats: int) -> list[float]:
    seconds = []
    for _ in range(WARM_UP + repeats):
        begin = time.perf_counter()
        part()
        seconds.append(time.perf_counter() - begin)
    return seconds[WARM_UP:]


def _row(name: str, values: list[float], unit: str) -> None:
    digits = 2 if unit == "s" else 1
    middle, low, high = statistics.median(values), min(values), max(values)
    click.echo(f"{name:34}{middle:9.{digits}f} {unit} ({low:.{digits}f}-{high:.{digits}f})")


if __name__ == "__main__":
    main()
