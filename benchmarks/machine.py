"""What the benchmarks say of the machine, the versions and the weights."""

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from lift3d.models.zoo import sha256_of, zoo


def describe(threads: int) -> str:
    """Return lines about hardware, versions and the weights as they lie on the disk."""
    cpus = os.cpu_count()
    lines = [
        f"{platform.platform()}, {_processor()}, {cpus} CPUs, {threads} threads used",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("lift3d", "torch", "opencv-python")),
    ]
    for entry in zoo().values():
        digest = sha256_of(entry.path) if entry.path.exists() else "missing"
        lines.append(f"weights {entry.name} sha256 {digest}")
    return "\n".join(lines)


def seconds_of(work: Callable[[], object], repeats: int) -> list[float]:
    """Return the time of each of several calls, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return times


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
