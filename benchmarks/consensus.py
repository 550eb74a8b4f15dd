"""Error and speed of the group lifter: `python benchmarks/consensus.py --mocap FILE`."""

import hashlib
import statistics
from pathlib import Path

import click
import numpy as np
import torch
from machine import describe, seconds_of
from scipy.stats import spearmanr

from lift3d.datasets.mocap import read_mocap
from lift3d.evaluation.lifting import score_lifter
from lift3d.evaluation.lifting_sets import CASES, LiftingSet, lifting_set
from lift3d.lifting import ConsensusLifter
from lift3d.pipelines.parts import load_lifter
from lift3d.poses import Pose2D, convert_joints, get_skeleton

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "consensus-cmu.safetensors"
SKELETONS = ("h36m17", "mpii16", "coco17", "lsp14", "humaneva15", "blazepose33", "body25")
BATCH = 4096
REPEATS = 7


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--weights", default=WEIGHTS, type=click.Path(exists=True, path_type=Path))
@click.option("--threads", default=2, help="CPU threads of torch.")
@click.option("--device", default="cpu")
def main(mocap: Path, weights: Path, threads: int, device: str) -> None:
    """Print errors in mm on the validation subjects beside PPCA's, and poses a second."""
    torch.set_num_threads(threads)
    lifter = ConsensusLifter.load(weights, device=device)
    ppca = load_lifter("ppca", device)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    click.echo(f"{weights.name} sha256 {digest}, {len(lifter.hypotheses_.groups)} groups")
    click.echo(f"{describe(threads)}\n{device}\n")
    pack = read_mocap(mocap)
    sets = {case: lifting_set(pack, case) for case in CASES}
    head = f"{'root':>8}{'rigid':>8}{'similarity':>12}"
    click.echo(f"{'':16}{head}  | PPCA{head}{'below':>8}")
    for case, test in sets.items():
        _row(case, lifter, ppca, test, "h36m17")
    for skeleton in SKELETONS[1:]:
        _row(skeleton, lifter, ppca, sets["true"], skeleton)
    click.echo("")
    for case in ("true", "detector"):
        _uncertainty(case, lifter, sets[case])
    click.echo("")
    _speed(lifter, sets["true"])


def _row(name: str, lifter: ConsensusLifter, ppca: object, test: LiftingSet, skeleton: str) -> None:
    own, other = (score_lifter(each, test, skeleton=skeleton) for each in (lifter, ppca))
    columns = [f"{s.root_mm:8.1f}{s.rigid_mm:8.1f}{s.similarity_mm:12.1f}" for s in (own, other)]
    below = 100 * (1 - own.similarity_mm / other.similarity_mm)
    click.echo(f"{name:16}{columns[0]}  |     {columns[1]}{below:7.0f}%")


def _uncertainty(case: str, lifter: ConsensusLifter, test: LiftingSet) -> None:
    """Print how the stated standard deviation of a joint goes with its true error."""
    body = get_skeleton("h36m17")
    pairs = zip(test.joints_px[::3], test.confidence[::3], strict=True)
    poses = lifter.lift([Pose2D(j, c, body) for j, c in pairs])
    sigma = np.stack([pose.sigma_mm for pose in poses])[:, 1:]
    error = np.stack([pose.joints_mm for pose in poses]) - test.joints_mm[::3]
    length = np.linalg.norm(error, axis=-1)[:, 1:]
    rank = spearmanr(sigma.ravel(), length.ravel()).statistic
    ratio = np.sqrt(np.mean(length**2) / 3) / np.sqrt(np.mean(sigma**2))
    click.echo(f"uncertainty, {case}: rank correlation {rank:.2f}, error / sigma (rms) {ratio:.2f}")
    for low, high in ((0, 25), (25, 50), (50, 75), (75, 100)):
        edge = np.percentile(sigma, [low, high])
        rows = (sigma >= edge[0]) & (sigma <= edge[1])
        click.echo(
            f"  sigma {edge[0]:6.1f} to {edge[1]:6.1f} mm: mean error {length[rows].mean():6.1f} mm"
        )


def _speed(lifter: ConsensusLifter, test: LiftingSet) -> None:
    joints_px = test.joints_px[:BATCH]
    own = np.random.default_rng(0).uniform(0.3, 1, joints_px.shape[:2])
    coco = convert_joints(joints_px, None, "h36m17", "coco17")
    cases = {
        "all joints": (joints_px, None, "h36m17"),
        "coco17": (coco.joints, coco.confidence, "coco17"),
        "own confidences": (joints_px, own, "h36m17"),
    }
    for name, (joints, confidence, skeleton) in cases.items():

        def lift_all(j=joints, c=confidence, s=skeleton) -> None:  # type: ignore[no-untyped-def]
            lifter.lift_arrays(j, c, skeleton=s)

        lift_all()
        rates = sorted(len(joints) / t for t in seconds_of(lift_all, REPEATS))
        click.echo(
            f"{name:16} batches of {len(joints)}: {statistics.median(rates):8,.0f} poses/s "
            f"({rates[0]:,.0f}-{rates[-1]:,.0f})"
        )

    def lift_one() -> None:
        lifter.lift_arrays(joints_px[:1], skeleton="h36m17")

    single = [1000 * t for t in seconds_of(lift_one, 50)]
    click.echo(
        f"one pose at a time: {statistics.median(single):.2f} ms "
        f"({min(single):.2f}-{max(single):.2f})"
    )


if __name__ == "__main__":
    main()
