"""Speed of the generator of synthetic people, and whether joints lie inside of the bodies.

    python benchmarks/synthetic_people.py --mocap FILE --body body_makehuman.npz

Speed: pictures as they are trained on, one core. Joints: pictures without things in front and
without other people; of the joints that the photo shows, the share whose pixel is the person's.
"""

import time
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from machine import describe

from lift3d.datasets.mocap import read_mocap
from lift3d.datasets.synthetic import capsule_body, read_body
from lift3d.datasets.synthetic.people import SceneRanges, SyntheticPeople
from lift3d.datasets.synthetic.sample import Sample
from lift3d.datasets.synthetic.views import outside_photo
from lift3d.poses import get_skeleton

ALONE = SceneRanges(others=0.0, props=0.0, patches=0.0)
BARS = {"head_top": 95.0}  # percent; 99 for all others


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--body", type=click.Path(exists=True, path_type=Path), help="Else capsules.")
@click.option("--samples", default=2000, help="To see whether joints are inside.")
@click.option("--timed", default=200, help="To measure the speed with.")
@click.option("--size", default=256)
@click.option("--seed", default=3)
def main(mocap: Path, body: Path | None, samples: int, timed: int, size: int, seed: int) -> None:
    """Print images/s and core, and the share of joints inside of the silhouette."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    shape = read_body(body, "medium") if body else capsule_body()
    pack = read_mocap(mocap)
    click.echo(describe(1))
    people = SyntheticPeople(shape, pack, size=size, seed=seed)
    people.sample(0)
    times = []
    for index in range(timed):
        begin = time.perf_counter()
        people.sample(index)
        times.append(time.perf_counter() - begin)
    low, middle, high = np.percentile(times, [10, 50, 90]) * 1000
    click.echo(f"\n{len(shape.faces)} faces, {size} px, {timed} pictures: {1 / np.mean(times):.1f}")
    click.echo(f"images/s and core; median {middle:.0f} ms, 10 to 90 % {low:.0f} to {high:.0f} ms")
    alone = SyntheticPeople(shape, pack, size=size, seed=seed, scenes=ALONE)
    found = np.array([inside(alone.sample(index)) for index in range(samples)])  # (N, 17)
    shown, share = ~np.isnan(found), np.nanmean(found, axis=0)
    click.echo(f"\n{samples} people, {shown.sum()} joints that the photo shows; inside, %:")
    for name, value in zip(get_skeleton("h36m17").joints, 100 * share, strict=True):
        short = "" if value >= BARS.get(name, 99.0) else "  below the bar"
        click.echo(f"  {name:16}{value:7.2f}{short}")
    body_joints = np.delete(found, get_skeleton("h36m17").index("head_top"), axis=1)
    click.echo(f"  all but head_top{100 * np.nanmean(body_joints):7.2f}")


def inside(sample: Sample) -> np.ndarray:
    """Return 1 for each joint (17,) whose pixel is the person's, 0 if not, NaN if not shown."""
    size = sample.camera.size
    at = np.rint(sample.joints_px).astype(int)
    within = ((at >= 0) & (at < size)).all(1)
    at = at.clip(0, size - 1)
    within &= ~outside_photo(sample.camera)[at[:, 1], at[:, 0]]
    return np.where(within, sample.mask[at[:, 1], at[:, 0]], np.nan)


if __name__ == "__main__":
    main()
