"""Speed and size of fusion networks: `python benchmarks/fusion.py`.

Errors come from `lift3d eval fusion`; with `--shards` they are printed here as well.
"""

import statistics
from pathlib import Path

import click
import numpy as np
import torch
from machine import describe, seconds_of

from lift3d.evaluation.fusion import PictureSet, detected_poses, score_poses
from lift3d.lifting.fusion import FusionLifter
from lift3d.models.device import choose_device
from lift3d.models.fusion_config import small_config
from lift3d.models.fusion_net import FusionNet
from lift3d.models.fusion_pruning import fold_norms, prune
from lift3d.models.load import load_hourglass
from lift3d.models.load_fusion import load_fusion
from lift3d.models.zoo import sha256_of
from lift3d.pipelines.parts import load_lifter
from lift3d.poses import Pose2D, PoseCrop, get_skeleton


@click.command()
@click.option(
    "--whole",
    type=click.Path(exists=True, path_type=Path),
    help="fusion-whole.safetensors of a training; without it, untrained weights.",
)
@click.option("--width", default=1.0, help="Of the untrained network.")
@click.option("--point", default=5.4, help="Its beta.")
@click.option("--shards", type=click.Path(exists=True, path_type=Path), help="Synthetic people.")
@click.option("--samples", default=500, help="So many of them.")
@click.option("--repeats", default=50, type=click.IntRange(2))
@click.option("--threads", default=2, help="CPU threads of torch.")
@click.option("--device", default="cpu")
def main(
    whole: Path | None,
    width: float,
    point: float,
    shards: Path | None,
    samples: int,
    repeats: int,
    threads: int,
    device: str,
) -> None:
    """Print milliseconds a crop before and after pruning, sizes, and how far the outputs differ."""
    torch.set_num_threads(threads)
    click.echo(f"{describe(threads)}\n{device}")
    chosen = choose_device(device)
    net = _trained(whole, chosen) if whole else _untrained(width, point, chosen)
    pruned = prune(net)
    folded = fold_norms(prune(net))
    forms = {"whole": net, "pruned": pruned, "pruned, norms folded": folded}
    click.echo(f"fused behind layer {pruned.config.fusion} of {pruned.config.layers}\n")
    given = _inputs(net, chosen)
    with torch.inference_mode():
        wanted = net(*given)
        click.echo(
            f"{'':24}{'one crop, ms':>22}{'parameters':>12}{'MB float16':>12}{'differs':>12}"
        )
        for name, form in forms.items():
            _row(name, form, given, wanted, repeats, chosen)
    lifter = FusionLifter.of(prune(net), device=device)
    _lifting(lifter, repeats)
    if shards:
        _errors(lifter, shards, samples, device)


def _trained(path: Path, device: torch.device) -> FusionNet:
    click.echo(f"{path} sha256 {sha256_of(path)}")
    return load_fusion(path, device)[0]


def _untrained(width: float, point: float, device: torch.device) -> FusionNet:
    torch.manual_seed(0)
    net = FusionNet(small_config(width)).eval()
    with torch.no_grad():
        net.beta.fill_(point)
    net.settle()
    return net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _inputs(net: FusionNet, device: torch.device) -> list[torch.Tensor]:
    size, maps, picture = net.config.input_size, net.config.n_maps, net.config.picture_size
    rng = torch.Generator().manual_seed(0)
    given = (
        torch.randn(1, 3, picture, picture, generator=rng),
        torch.rand(1, maps, size, size, generator=rng),
    )
    return [x.to(device).contiguous(memory_format=torch.channels_last) for x in given]


def _row(
    name: str,
    net: FusionNet,
    given: list[torch.Tensor],
    wanted: torch.Tensor,
    repeats: int,
    device: torch.device,
) -> None:
    def once() -> None:
        net(*given)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for _ in range(5):
        once()
    times = [1000 * t for t in seconds_of(once, repeats)]
    middle = f"{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})"
    count = sum(p.numel() for p in net.parameters())
    gap = float((net(*given) - wanted).abs().max())
    click.echo(f"{name:24}{middle:>22}{count:12,}{2 * count / 1e6:12.2f}{gap:12.1e}")


def _lifting(lifter: FusionLifter, repeats: int) -> None:
    """Print what one person takes from crop and maps to the 3D pose."""
    rng = np.random.default_rng(0)
    crop = PoseCrop(
        rng.integers(0, 256, (192, 192, 3), np.uint8),
        np.eye(2, 3),
        rng.random((16, 48, 48), np.float32),
        np.array([[4.0, 0, 1.5], [0, 4, 1.5]]),
    )
    joints_px = rng.uniform(20, 170, (16, 2))
    pose = Pose2D(joints_px, np.ones(16), get_skeleton("mpii16"), crop=crop)
    for _ in range(3):
        lifter.lift([pose])
    times = [1000 * t for t in seconds_of(lambda: lifter.lift([pose]), repeats)]
    click.echo(
        f"\nlift([pose]), scaling crop and maps included: {statistics.median(times):.2f} ms "
        f"({min(times):.2f}-{max(times):.2f})"
    )


def _errors(lifter: FusionLifter, shards: Path, samples: int, device: str) -> None:
    """Print the errors on synthetic people beside those of the lifter of joints alone."""
    chosen = choose_device(device)
    known = PictureSet.read(shards, samples)
    poses = detected_poses(load_hourglass("hourglass-s", chosen), known.images, chosen)
    click.echo(f"\n{len(known)} people, sha256 {known.digest()}")
    click.echo(f"{'':24}{'root':>8}{'similarity':>12}")
    for name, each in {"fusion": lifter, "consensus": load_lifter("consensus", device)}.items():
        score = score_poses(each, poses, known.joints_mm)
        click.echo(f"{name:24}{score.root_mm:8.1f}{score.similarity_mm:12.1f}")


if __name__ == "__main__":
    main()
