"""`lift3d eval fusion` and `lift3d eval fusion-streams`: lifters that look at the picture."""

from collections.abc import Iterator
from pathlib import Path

import click

from .shared_options import device_option

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SHARDS = click.option(
    "--shards", type=FOLDER, required=True, help="People of `lift3d data synthesize`."
)
DETECTOR = click.option(
    "--detector", default="hourglass-s", show_default=True, help="Weights: zoo name or path."
)
ON_SHEET = 40
DEVICE = device_option("cpu")


@click.command("fusion")
@SHARDS
@click.option(
    "--weights", multiple=True, required=True, help="Of `lift3d train fusion`; repeat to compare."
)
@click.option("--crops", type=FILE, help="Crops pack: PCK of the projected joints on real photos.")
@click.option("--beside", default="consensus", show_default=True, help="Lifter of joints alone.")
@DETECTOR
@click.option("--samples", type=click.IntRange(1), help="So many of the people.")
@click.option(
    "--sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG: 40 of the photos with the detector's and the first weights' projected joints.",
)
@DEVICE
def evaluate_fusion(
    shards: Path,
    weights: tuple[str, ...],
    crops: Path | None,
    beside: str,
    detector: str,
    samples: int | None,
    sheet: Path | None,
    device: str,
) -> None:
    """Print the errors of fusion networks in mm, beside a lifter of joints alone.

    All get the same detector's joints and maps. With the roots laid upon each other, and after the
    best rotation, shift and scale; on photos the share of limb joints within 0.2 of the torso.
    """
    import numpy as np

    from ..datasets.crops import read_crops_pack
    from ..evaluation.fusion import PictureSet, detected_poses, photo_scores, score_poses
    from ..evaluation.projection_sheet import projection_sheet
    from ..lifting.fusion import FusionLifter
    from ..models.device import choose_device
    from ..models.load import load_hourglass
    from ..pipelines.parts import load_lifter
    from ..pipelines.writers import write_png

    if sheet and not crops:
        raise click.UsageError("--sheet needs --crops, the photos to draw on")
    chosen = choose_device(device)
    loaded = load_hourglass(detector, chosen)
    lifters = [FusionLifter.load(text, device=device) for text in weights]
    rows = [(_name(text, lifter), lifter) for text, lifter in zip(weights, lifters, strict=True)]
    known = PictureSet.read(shards, samples)
    poses = detected_poses(loaded, known.images, chosen)
    labelled = read_crops_pack(crops, 1) if crops else None
    found = detected_poses(loaded, labelled.images, chosen) if labelled else []
    click.echo(f"{len(known)} people, sha256 {known.digest()}, maps by {detector}")
    click.echo(f"{'':40}{'root':>8}{'similarity':>12}{'lifted':>8}{'pck':>8}{'detector':>10}")
    for name, lifter in [*rows, (f"{beside} (joints alone)", load_lifter(beside, device))]:
        score = score_poses(lifter, poses, known.joints_mm)
        line = f"{name:40}{score.root_mm:8.1f}{score.similarity_mm:12.1f}{score.lifted:8.3f}"
        if labelled is not None:
            pck = photo_scores(lifter, found, labelled)
            line += f"{pck['projected']:8.3f}{pck['detector']:10.3f}"
        click.echo(line)
    if sheet:
        some = np.linspace(0, len(found) - 1, min(ON_SHEET, len(found))).round().astype(int)
        lifted = lifters[0].lift([found[k] for k in some])
        write_png(sheet, projection_sheet(lifted))
        click.echo(f"wrote {sheet}", err=True)


def _name(text: str, lifter: object) -> str:
    """Return a row's name: the weights, and where their streams meet."""
    config = lifter.net_.config  # type: ignore[attr-defined]
    where = config.fusion
    if isinstance(where, int):
        where = f"layer {where} of {config.layers}"
    file = Path(text)
    name = f"{file.parent.name}/{file.stem}" if file.parent.name else file.stem
    return f"{name} ({where})"


@click.command("fusion-streams")
@SHARDS
@click.option("--weights", required=True, help="Of `lift3d train fusion`: zoo name or path.")
@click.option("--images", default=128, show_default=True, type=click.IntRange(1))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PNG of the matrix: image features first.",
)
@DETECTOR
@DEVICE
def evaluate_fusion_streams(
    shards: Path, weights: str, images: int, output: Path | None, detector: str, device: str
) -> None:
    """Print the squared correlations of the two streams' features (Tekin et al., figure 7).

    At the last convolutional layer that both streams have: the mean over pairs within the image
    stream, within the map stream, and across. Low across: the streams complement each other.
    """
    import torch

    from ..evaluation.fusion import PictureSet, detected_poses
    from ..evaluation.stream_correlation import stream_correlation
    from ..lifting.fusion import FusionLifter
    from ..models.device import choose_device
    from ..models.load import load_hourglass
    from ..pipelines.writers import write_png

    chosen = choose_device(device)
    lifter = FusionLifter.load(weights, device=device)
    known = PictureSet.read(shards, images)
    poses = detected_poses(load_hourglass(detector, chosen), known.images, chosen)

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(poses), 32):
            inputs = [lifter.network_inputs(pose) for pose in poses[start : start + 32]]
            image, maps = (torch.stack(part).to(chosen) for part in zip(*inputs, strict=True))
            yield image, maps

    found = stream_correlation(lifter.net_, batches())
    click.echo(f"{len(known)} images, layer {found.layer}, {len(found.r_squared)} features")
    for name, value in found.means().items():
        click.echo(f"{name:8}{value:8.4f}")
    if output:
        write_png(output, found.picture())
        click.echo(f"wrote {output}", err=True)
