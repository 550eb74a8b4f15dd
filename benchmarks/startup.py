"""Time of what every call pays for: `python benchmarks/startup.py`."""

import statistics
import subprocess
import sys
import tempfile
import time

import click
from machine import describe

CASES = {
    "python -c pass": ["-c", "pass"],
    "import lift3d": ["-c", "import lift3d"],
    "lift3d --help": ["-m", "lift3d", "--help"],
    "lift3d run --help": ["-m", "lift3d", "run", "--help"],
    "lift3d models list": ["-m", "lift3d", "models", "list"],
}


@click.command()
@click.option("--runs", default=11, type=click.IntRange(2), help="Of each case, after one more.")
def main(runs: int) -> None:
    """Print the seconds from start to exit, Python's own start included."""
    click.echo(describe(threads=1))
    click.echo(f"median (min-max) of {runs} runs in seconds\n")
    for name, arguments in CASES.items():
        seconds = sorted([_seconds(arguments) for _ in range(runs + 1)][1:])
        middle = statistics.median(seconds)
        click.echo(f"{name:24}{middle:8.3f} ({seconds[0]:.3f}-{seconds[-1]:.3f})")


def _seconds(arguments: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - begin


if __name__ == "__main__":
    main()
