"""Speed of the PPCA lifter in the paper's setting: `python benchmarks/ppca_speed.py --mocap FILE`.

80 rotations, one known tilt, no refinement; batches from pixels to millimetres, numpy in and out.
"""

import os
import platform
import statistics
import time
from pathlib import Path

import click
import numpy as np
import torch
from machine import seconds_of

from lift3d.datasets.mocap import TRAIN, read_mocap
from lift3d.evaluation.lifting_sets import lifting_set
from lift3d.lifting import PPCALifter
from lift3d.training.ppca import spaced_rows

REPEATS = 9


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--batch", default=4096)
@click.option("--components", default=40, help="Basis poses of each Gaussian.")
@click.option("--threads", default=2, help="CPU threads of torch.")
@click.option("--device", default="cpu")
def main(mocap: Path, batch: int, components: int, threads: int, device: str) -> None:
    """Print poses a second, median and spread of the repeats, and milliseconds for one pose."""
    torch.set_num_threads(threads)
    pack = read_mocap(mocap)
    poses_mm = pack.poses_mm[spaced_rows(pack, split=TRAIN, per_clip=30)]
    joints_px = lifting_set(pack).joints_px[:batch].astype(np.float64)
    name = torch.cuda.get_device_name() if device.startswith("cuda") else platform.processor()
    click.echo(f"torch {torch.__version__}, {threads} threads, {device} {name}")
    click.echo(f"load {os.getloadavg()[0]:.1f}, batch {len(joints_px)}, 17 joints, 80 rotations")
    click.echo(f"\n{'':44}{'poses/s':>10}{'(min - max)':>22}{'one pose':>12}")
    order = np.random.default_rng(0).random(joints_px.shape[:2]).argsort(axis=1).argsort(axis=1)
    for clusters in (1, 5):
        lifter = PPCALifter(
            clusters=clusters,
            components=components,
            tilts_deg=(15.0,),
            rolls_deg=(0.0,),
            noise=0.03,
            refine_steps=0,
            device=device,
        ).fit(poses_mm)
        click.echo(f"{len(lifter.model_.weights)} Gaussians of {components} components")
        _row("  all joints", lifter, joints_px, None)
        for hidden in (2, 4):
            _row(f"  {hidden} joints hidden, drawn anew", lifter, joints_px, order >= hidden)
        coco = np.ones(order.shape)
        coco[:, [7, 10]] = 0
        _row("  spine and head top always hidden", lifter, joints_px, coco)
        any_weight = np.random.default_rng(0).uniform(0.3, 1.0, order.shape)
        _row("  a confidence of its own each", lifter, joints_px, any_weight)
        refined = PPCALifter.from_model(
            lifter.model_,
            lifter.size_mm_,
            **lifter.settings() | {"n_rotations": 20, "refine_steps": 4, "device": device},
        )
        _row("  20 rotations, the best two refined", refined, joints_px, None)


def _row(name: str, lifter: PPCALifter, joints_px: np.ndarray, seen: np.ndarray | None) -> None:
    """Print one line; the first sight of sets of hidden joints is told apart."""
    confidence = None if seen is None else seen.astype(float)
    one = None if confidence is None else confidence[:1]

    def lift_all() -> None:
        lifter.lift_arrays(joints_px, confidence, skeleton="h36m17")

    def lift_one() -> None:
        lifter.lift_arrays(joints_px[:1], one, skeleton="h36m17")

    begin = time.perf_counter()
    lift_all()
    first = len(joints_px) / (time.perf_counter() - begin)
    seconds_of(lift_all, 6 * REPEATS)  # until memory and processor are warm
    rates = [len(joints_px) / seconds for seconds in seconds_of(lift_all, REPEATS)]
    one_ms = 1000 * statistics.median(seconds_of(lift_one, 50))
    spread = f"({min(rates):,.0f} - {max(rates):,.0f})"
    told = f"  first time {first:,.0f}" if "hidden" in name else ""
    click.echo(f"{name:44}{statistics.median(rates):10,.0f}{spread:>22}{one_ms:9.2f} ms{told}")


if __name__ == "__main__":
    main()
