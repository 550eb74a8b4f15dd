"""Error of the PPCA lifter, what each part of it brings, and how sure it rightly is.

`python benchmarks/ppca.py --mocap FILE`. Speed is in `ppca_speed.py`, optimality in
`ppca_optimality.py`, learning from a million poses in `ppca_million.py`.
"""

import hashlib
import platform
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from lift3d.datasets.mocap import TRAIN, VALIDATION, MocapPack, read_mocap
from lift3d.datasets.virtual_cameras import CameraRanges, photograph
from lift3d.evaluation.lifting import score_lifter, scores_by_kind
from lift3d.evaluation.lifting_sets import CASES, LiftingSet, lifting_set
from lift3d.evaluation.metrics_3d import mpjpe_mm
from lift3d.lifting import PPCALifter
from lift3d.training.ppca import CHI2_90, spaced_rows, squared_distances

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "ppca-cmu.safetensors"
SKELETONS = ("mpii16", "coco17", "lsp14")


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--weights", default=WEIGHTS, type=click.Path(exists=True, path_type=Path))
@click.option("--seed", default=0, help="Of the validation sets.")
@click.option("--every", default=1, help="Measure on one pose in so many.")
@click.option("--threads", default=2, help="CPU threads of torch.")
@click.option("--device", default="cpu")
def main(mocap: Path, weights: Path, seed: int, every: int, threads: int, device: str) -> None:
    """Print errors in mm on the validation subjects."""
    torch.set_num_threads(threads)
    pack = read_mocap(mocap)
    lifter = PPCALifter.load(weights, device=device)
    single = single_gaussian(pack, lifter)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    click.echo(f"{weights.name} sha256 {digest}")
    click.echo(f"torch {torch.__version__}, {threads} threads, {device}, {platform.platform()}")
    click.echo(f"\n{'':40}{'MPJPE':>7}{'rigid':>7}{'sim.':>7}{'lifted':>8}{'poses/s':>9}")
    for case in CASES:
        whole = lifting_set(pack, case, seed=seed)
        test = thinned(whole, every)
        click.echo(f"{case}: {len(test.clip)} poses of set {whole.digest()[:16]}")
        _row("  mixture", lifter, test)
        _row("  one Gaussian", single, test)
    test = thinned(lifting_set(pack, "true", seed=seed), every)
    click.echo("true joints:")
    alone = PPCALifter.from_model(lifter.model_.mean_pose(), lifter.size_mm_, **_settings(lifter))
    _row("  the mean pose, best rotation", alone, test)
    for name, change in variants().items():
        _row(f"  {name}", _changed(lifter, change), test)
    for skeleton in SKELETONS:
        _row(f"  as {skeleton}", lifter, test, skeleton=skeleton)
    for kind, score in scores_by_kind(lifter, test).items():
        click.echo(f"{'  ' + kind:40}{_columns(score)}")
    _perspective(lifter, pack, seed, every)
    _sureness(lifter, test)


def single_gaussian(pack: MocapPack, lifter: PPCALifter) -> PPCALifter:
    """Return the lifter with one Gaussian, all else equal."""
    settings = _settings(lifter) | {"clusters": 1}
    return PPCALifter(**settings).fit(pack.poses_mm[spaced_rows(pack, split=TRAIN, per_clip=30)])


def thinned(test: LiftingSet, every: int) -> LiftingSet:
    """Return one pose in so many of a set."""
    return LiftingSet(**{field.name: getattr(test, field.name)[::every] for field in fields(test)})


def variants() -> dict[str, dict[str, Any]]:
    """Return other settings: what each part of the method brings."""
    return {
        "one tilt (15 degrees)": {"tilts_deg": (15.0,)},
        "no tilt (0 degrees)": {"tilts_deg": (0.0,)},
        "no tilt, 80 rotations, not refined": {
            "tilts_deg": (0.0,),
            "n_rotations": 80,
            "refine_steps": 0,
        },
        "80 rotations, not refined": {"n_rotations": 80, "refine_steps": 0},
        "80 rotations": {"n_rotations": 80},
        "one noise (0.03)": {"noise": 0.03},
        "only the best view refined": {"candidates": 1},
    }


def _settings(lifter: PPCALifter) -> dict[str, Any]:
    return lifter.settings() | {"device": lifter.device}


def _changed(lifter: PPCALifter, change: dict[str, Any]) -> PPCALifter:
    return PPCALifter.from_model(lifter.model_, lifter.size_mm_, **_settings(lifter) | change)


def _row(name: str, lifter: PPCALifter, test: LiftingSet, skeleton: str = "h36m17") -> None:
    begin = time.perf_counter()
    score = score_lifter(lifter, test, skeleton=skeleton)
    speed = len(test.clip) / (time.perf_counter() - begin)
    click.echo(f"{name:40}{_columns(score)}{speed:9,.0f}")


def _columns(score: Any) -> str:
    return f"{score.root_mm:7.1f}{score.rigid_mm:7.1f}{score.similarity_mm:7.1f}{score.lifted:8.3f}"


def _perspective(lifter: PPCALifter, pack: MocapPack, seed: int, every: int) -> None:
    """Print the error with the focal lengths that the virtual cameras had, every pose equal."""
    rows = pack.rows(split=VALIDATION, grades=(0,))[::every]
    views = photograph(pack.poses_mm[rows], seed=seed, ranges=CameraRanges(pitch_deg=(-10, 40)))
    errors = []
    for known in ({}, {"focal_px": views.focal_px, "centre_px": (499.5, 499.5)}):
        lifted = lifter.lift_arrays(views.joints_px, skeleton="h36m17", **known)
        errors.append(mpjpe_mm(lifted, views.joints_mm).mean())
    click.echo(
        f"\nfocal length unknown {errors[0]:.1f} mm, known {errors[1]:.1f} mm (mean over poses)"
    )


def _sureness(lifter: PPCALifter, test: LiftingSet) -> None:
    """Print how many joints lie within their 90 % ellipsoids, and what the runner-up brings."""
    distances = squared_distances(lifter, test.joints_px, test.joints_mm)
    inside = np.mean(distances < CHI2_90)
    click.echo(f"the 90 % ellipsoids hold {100 * inside:.1f} % of the joints")
    modes = lifter.lift_modes(test.joints_px, skeleton="h36m17", modes=2)
    errors = np.stack([mpjpe_mm(modes.joints_mm[:, m], test.joints_mm) for m in (0, 1)])
    second = np.mean(errors[1] < errors[0])
    click.echo(
        f"best mode {errors[0].mean():.1f} mm, the better of two "
        f"{np.nanmin(errors, axis=0).mean():.1f} mm; the runner-up is right in {100 * second:.0f} %"
    )


if __name__ == "__main__":
    main()
