"""Kill a batch at random moments, run it again, and compare with an undisturbed one.

    python benchmarks/video_kills.py --videos 20 --kills 10

The detector is a scripted one that finds bright columns, so that the moments are spread over
reading, finding, joining and writing alike; one of the videos is corrupt.
"""

import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

CONFTEST = Path(__file__).parents[1] / "tests" / "conftest.py"


@click.command()
@click.option("--videos", default=20, type=click.IntRange(2))
@click.option("--kills", default=10, type=click.IntRange(1))
@click.option("--workers", default=2, type=click.IntRange(1))
@click.option("--seed", default=0)
def main(videos: int, kills: int, workers: int, seed: int) -> None:
    """Print for each kill what was there, and whether the bytes at the end are the same."""
    tools = runpy.run_path(str(CONFTEST))
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "parts.py").write_text(tools["VIDEO_PARTS"])
        (root / "videos" / "deep").mkdir(parents=True)
        for k in range(videos - 1):
            path = root / "videos" / ("deep" if k % 3 == 0 else ".") / f"{k:02d}.mp4"
            tools["write_video"](path, 40 + 10 * (k % 5), columns=1 + k % 3)
        (root / "videos" / "corrupt.mp4").write_bytes(b"\0" * 5000)
        command = [sys.executable, "-m", "lift3d", "batch", str(root / "videos"), "--device", "cpu"]
        command += ["--detector", f"{root}/parts.py:Moving", "--lifter", f"{root}/parts.py:Flat"]
        command += ["--workers", str(workers), "--format", "jsonl,npz,csv"]
        begin = time.monotonic()
        whole = _run([*command, "-o", str(root / "whole")])
        took = time.monotonic() - begin
        if not _data(root / "whole"):
            raise click.ClickException("the undisturbed run wrote nothing")
        slow = os.environ | {"LIFT3D_TEST_SECONDS": "0.15"}
        for kill in range(kills):
            process = subprocess.Popen(
                [*command, "-o", str(root / "killed")], env=slow, stderr=subprocess.DEVNULL
            )
            after = moments.uniform(0.2, 0.5) * took
            time.sleep(after)
            running = process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.wait()
            done, kept = len(_data(root / "killed")), len(_parts(root / "killed"))
            click.echo(
                f"kill {kill + 1} after {after:.1f} s (running: {running}): {done} files whole, "
                f"{kept} kept in part"
            )
        code = _run([*command, "-o", str(root / "killed")])
        same = _data(root / "whole") == _data(root / "killed")
        click.echo(f"exit codes {whole} and {code}; parts left: {len(_parts(root / 'killed'))}")
        click.echo(f"{len(_data(root / 'whole'))} files, the same bytes: {same}")
    sys.exit(0 if same and code == whole == 1 else 1)


def _run(command: list[str]) -> int:
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode


def _data(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in (".jsonl", ".npz", ".csv")
    }


def _parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


if __name__ == "__main__":
    main()
