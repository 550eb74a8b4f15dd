"""Let a training on a CPU keep the memory that it frees, for its next step."""

import ctypes
import sys

import torch

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of glibc's mallopt, malloc.h
NEVER = -1


def keep_freed_memory(device: torch.device) -> bool:
    """Ask the C library not to give freed memory back to the system; say whether it heard.

    It is not asked where the device is no CPU or there is no glibc.

    A step frees gigabytes and asks for them again. glibc gives blocks above 32 MiB back at once,
    and the system clears each page anew before its first touch, which took half of a step. The
    process then stays as large as its largest step.
    """
    if device.type != "cpu" or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    heard = [mallopt(MMAP_MAX, 0), mallopt(TRIM_THRESHOLD, NEVER)]
    return heard == [1, 1]
