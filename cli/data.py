"""`lift3d data`: make the fixed sets that results are measured on."""

from pathlib import Path

import click


@click.group(short_help="Make data sets.")
def data() -> None:
    """Make data sets from other data."""


@data.command("lifting-set")
@click.option(
    "--mocap",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Motion-capture pack (mocap_cmu17.npz).",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="NPZ"
)
@click.option("--case", default="true", show_default=True, help="What the 2D joints suffer.")
@click.option(
    "--pitch",
    nargs=2,
    default=(-10.0, 40.0),
    show_default=True,
    type=click.FloatRange(-90, 90),
    metavar="FROM TO",
    help="How far the cameras look down, degrees.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
def lifting_set_command(
    mocap: Path, output: Path, case: str, pitch: tuple[float, float], seed: int
) -> None:
    """Make pairs of 2D and 3D poses from the validation subjects, and print their SHA-256.

    Cases: true, noise-2 and noise-5 (percent of the height), hidden-2 and hidden-4 (joints),
    detector and detector-hard (errors shaped like a detector's).
    """
    from ..datasets.mocap import read_mocap
    from ..evaluation.lifting_sets import lifting_set
    from ..poses.errors import BadInput

    made = lifting_set(read_mocap(mocap), case, seed=seed, pitch_deg=pitch)
    try:
        made.save(output)
    except OSError as error:
        raise BadInput(
            f"{output} cannot be written ({error.strerror}); choose another with -o"
        ) from None
    click.echo(f"{made.digest()}  {output}")
