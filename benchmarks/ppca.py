"""Speed and error of the PPCA lifter in one table: `python benchmarks/ppca.py --mocap FILE`."""

import hashlib
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from lift3d.datasets.mocap import read_mocap
from lift3d.evaluation.lifting import (
    LEGS,
    LiftingTest,
    lifting_test,
    mean_pose_lifter,
    score_lifter,
)
from lift3d.lifting import PPCALifter
from lift3d.poses import convert_joints

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "ppca-cmu.safetensors"
HEIGHT_MM = 1700
REPEATS = 5

# What is measured: the row's name, and how the 2D joints differ from the true ones of h36m17.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("true h36m17 joints", {}),
    ("as mpii16 (no spine)", {"skeleton": "mpii16"}),
    ("as coco17 (no spine, no head)", {"skeleton": "coco17"}),
    ("as lsp14 (no spine, no nose)", {"skeleton": "lsp14"}),
    ("2 of 17 hidden", {"hidden": 2}),
    ("4 of 17 hidden", {"hidden": 4}),
    ("knees and ankles hidden", {"without": LEGS}),
    ("noise 2 % of the height", {"noise_mm": 0.02 * HEIGHT_MM}),
    ("noise 5 % of the height", {"noise_mm": 0.05 * HEIGHT_MM}),
]


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--weights", default=WEIGHTS, type=click.Path(exists=True, path_type=Path))
@click.option("--seed", default=0, help="Of the virtual cameras, hidden joints and noise.")
@click.option("--threads", default=2, help="CPU threads of torch.")
@click.option("--device", default="cpu")
def main(mocap: Path, weights: Path, seed: int, threads: int, device: str) -> None:
    """Print errors in mm on the validation subjects, and poses a second."""
    torch.set_num_threads(threads)
    lifter = PPCALifter.load(weights, device=device)
    test = lifting_test(read_mocap(mocap), seed=seed)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    click.echo(f"{weights.name} sha256 {digest}")
    click.echo(f"torch {torch.__version__}, {threads} threads, {device}, {platform.platform()}")
    click.echo(f"{len(test.clip)} poses of {len(np.unique(test.clip))} clips, seed {seed}\n")
    click.echo(f"{'':34}{'MPJPE':>7}{'similarity':>12}{'lifted':>8}{'poses/s (min-max)':>24}")
    _row("the mean pose, best rotation", mean_pose_lifter(lifter), test, {}, seed)
    for name, case in CASES:
        _row(name, lifter, test, case, seed)
    for name, other in _variants(lifter):
        _row(name, other, test, {}, seed)
    _row("a confidence of its own each", lifter, test, {}, seed, own_weights=True)
    click.echo(f"\none pose at a time: {_single_ms(lifter, test):.1f} ms (median)")


def _variants(lifter: PPCALifter) -> list[tuple[str, PPCALifter]]:
    """Return the lifter with other settings: what each part of the method brings."""
    changes: list[tuple[str, dict[str, Any]]] = [
        ("no refinement", {"refine_steps": 0}),
        ("no refinement, all components", {"refine_steps": 0, "search_components": 32}),
        ("no tilts (0 degrees), refined", {"tilts_deg": (0.0,)}),
        ("no tilts, no refinement", {"tilts_deg": (0.0,), "refine_steps": 0}),
        ("40 rotations", {"n_rotations": 40}),
        ("20 rotations", {"n_rotations": 20}),
    ]
    made = []
    for name, change in changes:
        settings = lifter.settings() | {"device": lifter.device} | change
        made.append((name, PPCALifter.from_model(lifter.model_, lifter.size_mm_, **settings)))
    return made


def _row(
    name: str,
    lifter: PPCALifter,
    test: LiftingTest,
    case: dict[str, Any],
    seed: int,
    own_weights: bool = False,
) -> None:
    """Print one line: the errors of a case, and its speed without the making of the case."""
    skeleton = case.get("skeleton", "h36m17")
    joints = convert_joints(test.joints_px, None, "h36m17", skeleton)
    confidence = joints.confidence
    if own_weights:
        confidence = np.random.default_rng(seed).uniform(0.5, 1.0, confidence.shape)
    if "hidden" in case:
        order = np.random.default_rng(seed).random(confidence.shape).argsort(axis=1)
        confidence = np.where(order.argsort(axis=1) < case["hidden"], 0.0, confidence)
    rates = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        lifter.lift_arrays(joints.joints, confidence, skeleton=skeleton)
        rates.append(len(confidence) / (time.perf_counter() - begin))
    speed = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
    if own_weights:
        click.echo(f"{name:34}{'':27}{speed:>24}")
        return
    score = score_lifter(lifter, test, seed=seed, **case)
    errors = f"{score.root_mm:7.1f}{score.similarity_mm:12.1f}{score.lifted:8.3f}"
    click.echo(f"{name:34}{errors}{speed:>24}")


def _single_ms(lifter: PPCALifter, test: LiftingTest) -> float:
    """Return the median time of one pose alone, in milliseconds."""
    times = []
    for joints_px in test.joints_px[:50]:
        begin = time.perf_counter()
        lifter.lift_arrays(joints_px[None], skeleton="h36m17")
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


if __name__ == "__main__":
    main()
