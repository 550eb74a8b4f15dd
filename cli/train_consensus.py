"""`lift3d train consensus`: the group lifter."""

from pathlib import Path

import click

from .shared_options import FiniteRange
from .training_options import length_options, run_options
from .training_progress import training_progress


@click.command("consensus")
@click.option(
    "--mocap",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Motion-capture pack (mocap_cmu17.npz).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/consensus"),
    show_default=True,
)
@click.option(
    "--size", default=15, show_default=True, type=click.IntRange(2, 17), help="Joints in a group."
)
@click.option(
    "--least", default=7, show_default=True, type=click.IntRange(1), help="Groups of each joint."
)
@click.option(
    "--grouping",
    default="similarity",
    show_default=True,
    type=click.Choice(["similarity", "random"]),
    help="How joints come into groups.",
)
@click.option("--width", default=256, show_default=True, type=click.IntRange(1))
@click.option(
    "--aggregation",
    default=0.1,
    show_default=True,
    type=FiniteRange(0),
    help="Weight of the groups' agreement in the loss.",
)
@click.option(
    "--together",
    default=1.0,
    show_default=True,
    type=FiniteRange(0),
    help="Weight of the common pose's error in the loss.",
)
@length_options(samples=14_000_000, batch=256)
@run_options(checkpoint_every=500_000)
def train_consensus_command(
    mocap: Path,
    output: Path,
    size: int,
    least: int,
    grouping: str,
    width: int,
    aggregation: float,
    together: float,
    samples: int,
    batch: int,
    rate: float,
    seed: int,
    checkpoint_every: int,
    device: str,
) -> None:
    """Train the group lifter on motion capture seen by virtual cameras."""
    from ..datasets.mocap import read_mocap
    from ..models.device import choose_device
    from ..training.consensus import ConsensusRecipe, train_consensus

    recipe = ConsensusRecipe(
        size=size,
        least=least,
        grouping=grouping,
        width=width,
        aggregation=aggregation,
        together=together,
        samples=samples,
        batch=batch,
        rate=rate,
        seed=seed,
    )
    chosen = choose_device(device)
    pack = read_mocap(mocap)
    with training_progress("consensus") as progress:
        path = train_consensus(recipe, pack, output, chosen, checkpoint_every, progress)
    click.echo(f"weights: {path}", err=True)
