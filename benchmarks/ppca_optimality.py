"""How near the PPCA lifter comes to the best of 10,000 rotations.

`python benchmarks/ppca_optimality.py --mocap FILE` compares, on validation poses seen by cameras of
one known pitch as in the paper, the 80 rotations of the default and the refined search with an
exhaustive search.
"""

import math
from pathlib import Path

import click
import numpy as np
import torch

from lift3d.datasets.mocap import read_mocap
from lift3d.datasets.virtual_cameras import CameraRanges
from lift3d.evaluation.lifting_sets import LiftingSet, clean_set
from lift3d.evaluation.metrics_3d import mpjpe_mm
from lift3d.lifting import PPCALifter
from lift3d.lifting.ppca_camera import CameraKnowledge
from lift3d.lifting.ppca_forms import view_forms
from lift3d.lifting.ppca_mixture import with_noise_levels
from lift3d.lifting.ppca_place import place
from lift3d.lifting.ppca_search import ViewSearch
from lift3d.lifting.ppca_view import to_unit

WEIGHTS = Path(__file__).parents[1] / "models" / "weights" / "ppca-cmu.safetensors"
PITCH_DEG = 15.0
SLICE = 80  # rotations of the exhaustive search that are tried together


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--weights", default=WEIGHTS, type=click.Path(exists=True, path_type=Path))
@click.option("--poses", default=2000, help="Evenly spaced validation poses.")
@click.option("--rotations", default=10_000, help="Of the exhaustive search.")
@click.option("--seed", default=0, help="Of the virtual cameras.")
def main(mocap: Path, weights: Path, poses: int, rotations: int, seed: int) -> None:
    """Print mean cost and 3D error of each way to search."""
    ranges = CameraRanges(pitch_deg=(PITCH_DEG, PITCH_DEG), roll_deg=(0.0, 0.0))
    test = clean_set(read_mocap(mocap), seed=seed, ranges=ranges)
    rows = np.linspace(0, len(test.clip) - 1, min(poses, len(test.clip))).astype(int)
    lifter = PPCALifter.load(weights)
    click.echo(f"{len(rows)} poses, pitch {PITCH_DEG:g} known, seed {seed}, {weights.name}")
    click.echo(f"{'':32}{'cost above':>12}{'MPJPE':>8}{'change':>9}")
    energy, cost, joints_mm = exhaustive(lifter, test, rows, rotations)
    best_mm = mpjpe_mm(joints_mm, test.joints_mm[rows]).mean()
    click.echo(f"{f'{rotations} rotations':32}{'':12}{best_mm:8.2f}")
    ways = {
        "80 rotations": {"n_rotations": 80, "refine_steps": 0},
        "20 rotations": {"n_rotations": 20, "refine_steps": 0},
        "20 rotations, refined": {"n_rotations": 20, "refine_steps": 4},
        "80 rotations, refined": {"n_rotations": 80, "refine_steps": 4},
    }
    for name, change in ways.items():
        other = PPCALifter.from_model(lifter.model_, lifter.size_mm_, **lifter.settings() | change)
        lifted = other.lift_modes(
            test.joints_px[rows], skeleton="h36m17", modes=1, camera_rotation=looking_down()
        )
        above = 2 * np.mean(-lifted.log_probability[:, 0] - energy) / np.mean(cost)
        error_mm = mpjpe_mm(lifted.joints_mm[:, 0], test.joints_mm[rows]).mean()
        change_mm = error_mm / best_mm - 1
        click.echo(f"{name:32}{100 * above:10.3f} %{error_mm:8.2f}{100 * change_mm:7.2f} %")


def looking_down() -> np.ndarray:
    """Return the rotation from the world to a camera that looks down by PITCH_DEG."""
    cos, sin = math.cos(math.radians(PITCH_DEG)), math.sin(math.radians(PITCH_DEG))
    return np.array([[1, 0, 0], [0, -cos, sin], [0, -sin, -cos]])


def exhaustive(
    lifter: PPCALifter, test: LiftingSet, rows: np.ndarray, rotations: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return energies, costs of eq. 5 over the noise, and poses of the best of all rotations."""
    unit = to_unit(test.joints_px[rows].astype(float), np.ones((len(rows), 17)), lifter.model_.mean)
    joints = torch.from_numpy(unit.joints).float()
    best = torch.full((len(rows), 1), torch.inf)
    offset = torch.zeros_like(best)
    placed = torch.zeros(len(rows), 1, 54)
    slices = -(-rotations // SLICE)
    mixture, noise = with_noise_levels(lifter.model_, lifter.noise)
    for k in range(slices):
        forms = view_forms(
            mixture,
            azimuths=SLICE,
            tilts=[math.radians(PITCH_DEG)],
            noise=noise,
            tilt_prior=False,
            device=joints.device,
            first=k * 2 * math.pi / (slices * SLICE),
        )
        found = ViewSearch(forms, torch.zeros(1), azimuths=SLICE, tilts=1).search(
            joints, None, placed=True
        )
        lower = found.energy < best
        best = torch.where(lower, found.energy, best)
        offset = torch.where(lower, forms.offset[found.form], offset)
        placed = torch.where(lower[..., None], found.solution, placed)
    pose = placed[..., :-3].unflatten(2, (17, 3)).double().numpy()
    shift = placed[..., -3:-1].double().numpy()
    good = np.isfinite(best.numpy())
    poses = place(unit, pose, shift, CameraKnowledge(), lifter.size_mm_, good=good)
    return best[:, 0].numpy(), 2 * (best - offset)[:, 0].numpy(), poses.joints_mm[:, 0]


if __name__ == "__main__":
    main()
