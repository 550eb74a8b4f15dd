"""What 16-bit numbers cost: `python benchmarks/detector_precision.py --crops crops192.npz`."""

from pathlib import Path

import click
from machine import describe


@click.command()
@click.option("--crops", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--weights", default="hourglass-s", show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--threads", default=2, type=click.IntRange(1), help="CPU threads of torch.")
@click.option("--most", default=None, type=click.IntRange(1), help="Crops, evenly spread.")
def main(crops: Path, weights: str, device: str, threads: int, most: int | None) -> None:
    """Print PCK@0.2 of the torso with each type of number, with and without mirrored crops."""
    import numpy as np
    import torch

    from lift3d.datasets.crops import read_crops_pack
    from lift3d.detectors.fast_net import fast_net
    from lift3d.evaluation.crops import crop_scores
    from lift3d.models.device import choose_device
    from lift3d.models.load import load_hourglass

    torch.set_num_threads(threads)
    place = choose_device(device)
    loaded, part = load_hourglass(weights, place), read_crops_pack(crops, 1)
    if most is not None and most < len(part):
        chosen = np.zeros(len(part), bool)
        chosen[np.linspace(0, len(part) - 1, most).astype(int)] = True
        part = part.where(chosen)
    click.echo(describe(threads))
    click.echo(f"{weights}, {len(part)} crops of split 1\n")
    dtypes = [torch.float32, torch.bfloat16, *([torch.float16] if place.type == "cuda" else [])]
    for flip in (True, False):
        for dtype in dtypes:
            net = fast_net(loaded.net, dtype)
            scores = crop_scores(net, part, loaded.input_size, place, flip)
            cells = ", ".join(f"{name} {100 * value:.2f}" for name, value in scores.items())
            click.echo(
                f"{'mirrored crops' if flip else 'crops alone':16}{str(dtype)[6:]:10}{cells}"
            )


if __name__ == "__main__":
    main()
