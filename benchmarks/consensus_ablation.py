"""What each part of the group lifter brings, as tables 1, 5 and 6 of Cha et al. (2018).

    python benchmarks/consensus_ablation.py --mocap FILE -o runs/ablation

Every row is a training of its own, smaller and shorter than the one that ships, equal to the other
rows; a row that was trained before is measured only.
"""

import logging
from dataclasses import replace
from pathlib import Path

import click
import torch
from machine import describe

from lift3d.datasets.mocap import read_mocap
from lift3d.evaluation.lifting import score_lifter
from lift3d.evaluation.lifting_sets import lifting_set
from lift3d.lifting import ConsensusLifter
from lift3d.lifting.joint_groups import Groups
from lift3d.training.consensus import ConsensusRecipe, joint_groups, train_consensus
from lift3d.training.lifting_samples import training_rows

CASES = ("true", "noise-2", "hidden-2", "hidden-4", "detector")
BODY = tuple(range(17))
SHORT = ConsensusRecipe(width=128, samples=1_200_000, warm_up=20_000, decay=0.999)

# name, settings, groups given by hand
ROWS: list[tuple[str, dict, Groups | None]] = [
    ("one lifter of the whole body", {"size": 17}, (BODY,)),
    ("groups of 15 (the recipe)", {}, None),
    ("groups of 8", {"size": 8, "least": 3}, None),
    ("groups of 10", {"size": 10, "least": 4}, None),
    ("groups of 13", {"size": 13, "least": 6}, None),
    ("12 lifters of the whole body", {"size": 17}, (BODY,) * 12),
    ("without L_aggre", {"aggregation": 0.0}, None),
    ("without L_consensus", {"together": 0.0}, None),
    ("only L_lifting", {"aggregation": 0.0, "together": 0.0}, None),
    ("random groups", {"grouping": "random"}, None),
    ("one lifter shared by all groups", {"shared": True}, None),
]


@click.command()
@click.option("--mocap", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--samples", default=SHORT.samples, help="Of each training.")
@click.option("--width", default=SHORT.width, help="Of the networks.")
@click.option("--seed", default=SHORT.seed)
@click.option("--threads", default=2)
@click.option("--rows", default=len(ROWS), help="Only so many rows, from the first.")
def main(
    mocap: Path, output: Path, samples: int, width: int, seed: int, threads: int, rows: int
) -> None:
    """Train each row and print its errors on the validation subjects: root / similarity, mm."""
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(threads)
    pack = read_mocap(mocap)
    sets = {case: lifting_set(pack, case) for case in CASES}
    click.echo(f"{describe(threads)}\n{samples} samples, width {width}, seed {seed}\n")
    click.echo(f"{'':34}{'groups':>7}" + "".join(f"{case:>16}" for case in CASES))
    for name, settings, given in ROWS[:rows]:
        recipe = replace(SHORT, samples=samples, width=width, seed=seed, **settings)
        groups = given or joint_groups(recipe, pack, training_rows(pack, recipe.hold_out))
        folder = output / name.replace(" ", "_")
        path = folder / "consensus.safetensors"
        if not path.exists():
            device = torch.device("cpu")
            train_consensus(recipe, pack, folder, device, samples, lambda state: None, groups)
        _print(name, path, sets)
        if not settings:
            _print("  with the l1 norm", path, sets, norm="l1")


def _print(name: str, path: Path, sets: dict, norm: str = "l21") -> None:
    lifter = ConsensusLifter.load(path)
    lifter.norm = norm
    scores = [score_lifter(lifter, test) for test in sets.values()]
    columns = "".join(f"{f'{s.root_mm:.1f} / {s.similarity_mm:.1f}':>16}" for s in scores)
    click.echo(f"{name:34}{len(lifter.hypotheses_.groups):>7}{columns}")


if __name__ == "__main__":
    main()
