"""Time and memory of learning the PPCA mixture from a million poses.

`python benchmarks/ppca_million.py --mocap FILE`: the pack's training poses, repeated, jittered and
turned until there are as many as asked for.
"""

import resource
import time
from pathlib import Path

import click
import numpy as np

from lift3d.datasets.mocap import TRAIN, read_mocap
from lift3d.lifting import PPCALifter
from lift3d.lifting.ppca_align import turn

CHUNK = 50_000


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--poses", default=1_000_000)
@click.option("--clusters", default=10)
@click.option("--components", default=40)
@click.option("--jitter-mm", default=5.0, help="Noise on each coordinate.")
def main(mocap: Path, poses: int, clusters: int, components: int, jitter_mm: float) -> None:
    """Print the seconds of the fit and the peak of the process's memory."""
    poses_mm = many_poses(mocap, poses, jitter_mm)
    begin, started = time.perf_counter(), time.process_time()
    lifter = PPCALifter(clusters=clusters, components=components).fit(poses_mm)
    seconds, processor = time.perf_counter() - begin, time.process_time() - started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    click.echo(f"{poses} poses, {len(lifter.model_.weights)} Gaussians of {components} components")
    rounds = len(lifter.lower_bounds_)
    click.echo(f"fit {seconds:.0f} s, {processor:.0f} s of processors, {rounds} rounds of EM")
    click.echo(f"peak of the process {peak_gib:.2f} GiB, {poses_mm.nbytes / 2**30:.2f} of it input")


def many_poses(mocap: Path, count: int, jitter_mm: float) -> np.ndarray:
    """Return (count, 17, 3) float32 poses."""
    pack = read_mocap(mocap)
    rng = np.random.default_rng(0)
    rows = rng.choice(pack.rows(split=TRAIN), count)
    poses_mm = np.empty((count, 17, 3), dtype=np.float32)
    for start in range(0, count, CHUNK):
        block = pack.poses_mm[rows[start : start + CHUNK]]
        block = turn(block, rng.uniform(-np.pi, np.pi, len(block)))
        poses_mm[start : start + CHUNK] = block + rng.normal(0, jitter_mm, block.shape)
    return poses_mm


if __name__ == "__main__":
    main()
