"""Images a second of the detector's networks on a GPU, for `detector_speed.py`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import click
import numpy as np
import torch

from lift3d.detectors.cuda_graphs import CAPTURE_AFTER
from lift3d.detectors.fast_net import FastNet
from lift3d.detectors.hourglass import HourglassDetector
from lift3d.models.heatmap_net import build_net
from lift3d.models.hourglass import HourglassConfig
from lift3d.models.load import load_hourglass
from lift3d.poses.errors import Lift3dError

BATCH = 64
RUNS = 7
UNCOUNTED = CAPTURE_AFTER + 1
PASSES = 20
PAPER = HourglassConfig(stacks=8, features=256)  # Newell et al.'s; its speed needs no weights
PAPER_SIZE = 256


def say_rates(image: np.ndarray, weights: tuple[str, ...], finder: str) -> None:
    """Print images a second at batch 64, of the networks alone and from photos to joints."""
    device = torch.device("cuda")
    click.echo(f"\n{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, batches of {BATCH}")
    click.echo("images/s: median (least-most)       float32          float16 and CUDA graphs")
    for name in (*weights, finder):
        try:
            loaded = load_hourglass(name, device)
        except Lift3dError as error:
            click.echo(f"left out: {error}")
            continue
        _row(f"{name}, {loaded.input_size} px", loaded.net, loaded.input_size)
    paper = build_net(PAPER, device).eval().requires_grad_(False)
    _row(f"eight stacks, 256 features, {PAPER_SIZE} px", paper, PAPER_SIZE)
    for name in weights:
        try:
            detector = HourglassDetector(name, finder, "cuda", batch=BATCH)
        except Lift3dError:
            continue
        work = _whole(detector, image)
        click.echo(f"{name + ', photo to joints':36}{_rate(work, 1)}")


def _row(name: str, net: Any, size: int) -> None:
    side = -(-size // net.divisor) * net.divisor
    images = torch.randn(BATCH, 3, side, side, device="cuda")
    images = images.contiguous(memory_format=torch.channels_last)
    quick = FastNet(net, torch.float16)
    cells = [f"{_rate(_passes(each, images), PASSES):26}" for each in (net, quick)]
    click.echo(f"{name:36}{''.join(cells)}")


def _passes(net: Any, images: torch.Tensor) -> Callable[[], None]:
    @torch.inference_mode()
    def work() -> None:
        for _ in range(PASSES):
            net(images)

    return work


def _whole(detector: HourglassDetector, image: np.ndarray) -> Callable[[], object]:
    """Return what finds the joints of 64 frames of a video's pace, each looked at."""
    frames, times_s = [image] * BATCH, [float(k) for k in range(BATCH)]
    return lambda: detector.detect_frames(frames, times_s)


def _rate(work: Callable[[], object], batches: int) -> str:
    """Return images a second; the work ends when the GPU has done it."""
    rates = []
    for k in range(RUNS + UNCOUNTED):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        torch.cuda.synchronize()
        if k >= UNCOUNTED:  # the first ones choose kernels and record graphs
            rates.append(batches * BATCH / (time.perf_counter() - begin))
    return f"{statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"


if __name__ == "__main__":
    raise SystemExit("run detector_speed.py, which calls this where there is a GPU")
