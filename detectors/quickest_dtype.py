"""Measure which numbers a network is quickest with on this machine, once, and remember it.

Whether a CPU gains by bfloat16 depends on its instructions, on torch and on the network; no flag
tells it. The answer is kept in the user's cache folder, so that later starts neither measure nor
decide otherwise: on one machine it changes only with torch or with the network's shape.
"""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any

import torch

from ..models.bfloat16 import PAYS, may_pay
from ..models.heatmap_net import HeatmapNet
from ..poses.errors import BadInput
from .fast_net import FastNet
from .user_cache import keep_answer, read_answer

ROUNDS = 5
MOST_S = 0.5  # where bfloat16 is emulated a pass can take that long
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TOPIC = "quickest"


def dtype_for(
    net: HeatmapNet, shape: tuple[int, ...], device: torch.device, precision: str = "auto"
) -> torch.dtype:
    """Return the type of number that a network is to run with.

    Args:
        net: in evaluation mode, on the device.
        shape: of the inputs (N, 3, H, W) that it will mostly get.
        device: a CUDA device gets float16, a CPU what is quickest, others float32.
        precision: "auto", or the answer.

    Raises:
        BadInput: there is no such precision.
    """
    if precision != "auto" and precision not in DTYPES:
        raise BadInput(f"precision must be auto, {', '.join(DTYPES)}, got {precision!r}")
    if precision == "auto" and device.type == "cpu":
        precision = quickest_on_cpu(net, shape)
    elif precision == "auto":
        precision = "float16" if device.type == "cuda" else "float32"
    return DTYPES[precision]


def quickest_on_cpu(net: HeatmapNet, shape: tuple[int, ...]) -> str:
    """Return "float32" or "bfloat16", as kept in the cache or by measuring.

    Where a pass in bfloat16 would take seconds none is tried.
    """
    question = _question(net, shape)
    kept = _kept(question)
    if kept:
        return kept
    if not may_pay():
        return "float32"
    ms = measure(net, shape)
    kept = _kept(question)
    if kept:  # another process has measured meanwhile: all shall do the same
        return kept
    chosen = "bfloat16" if ms["bfloat16"] < PAYS * ms["float32"] else "float32"
    keep_answer(TOPIC, question, {"chosen": chosen, "ms": ms})
    return chosen


def measure(net: HeatmapNet, shape: tuple[int, ...]) -> dict[str, float]:
    """Return the milliseconds of a pass on the CPU with each type, taken in turns.

    The least of several passes: what else the machine does can only add to them.
    """
    nets = {name: FastNet(net, DTYPES[name]) for name in ("float32", "bfloat16")}
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    images = images.contiguous(memory_format=torch.channels_last)
    for fast in nets.values():
        fast(images)  # the first pass builds the kernels
    times: dict[str, list[float]] = {name: [] for name in nets}
    end = time.perf_counter() + MOST_S
    for _ in range(ROUNDS):
        for name, fast in nets.items():
            begin = time.perf_counter()
            fast(images)
            times[name].append(1000 * (time.perf_counter() - begin))
        if time.perf_counter() > end:
            break
    return {name: round(min(each), 3) for name, each in times.items()}


def _question(net: HeatmapNet, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what the answer depends on.

    Not on the number of threads: a batch must not change its numbers with that of its workers.
    """
    return {
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),
        "network": net.config.to_dict(),
        "shape": list(shape),
    }


def _kept(question: dict[str, Any]) -> str | None:
    chosen = (read_answer(TOPIC, question) or {}).get("chosen")
    return chosen if chosen in ("float32", "bfloat16") else None


def _processor() -> str:
    """Return the processor's name and, where the system tells them, its features."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    features = said.get("flags", said.get("Features", ""))
    return f"{said.get('model name', platform.machine())} {features}"
