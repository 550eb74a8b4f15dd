"""Where 16-bit numbers are quicker: on a processor that computes with bfloat16, not imitates it."""

import time
from functools import cache

import torch
from torch.nn import functional

WIDTH, SIDE, ROUNDS = 64, 32, 10
# Below this share of float32's time bfloat16 is taken. Not nearer to 1: float32 is the more exact,
# and chance must not decide between equals.
PAYS = 0.85


def quick_autocast(device: torch.device) -> torch.autocast:
    """Return the context that a network is trained in: bfloat16 where it is quicker, else float32.

    Args:
        device: of the network; a CPU is measured once in a process.
    """
    if device.type == "cpu":
        enabled = bfloat16_cost() < PAYS
    elif device.type == "cuda":
        enabled = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        enabled = False
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def may_pay() -> bool:
    """Say whether bfloat16 is worth a try on this CPU.

    With AVX2 alone it is not: a whole network takes up to a hundred times as long there.
    """
    return torch.backends.cpu.get_cpu_capability() != "AVX2"


@cache
def bfloat16_cost() -> float:
    """Return the time of a convolution in bfloat16 on this CPU as a part of that in float32.

    The least of several passes of one thread, taken in turns: several threads wait for one another
    where other programs run. Infinite where it is not worth a try.
    """
    if not may_pay():
        return float("inf")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _timed_cost()
    finally:
        torch.set_num_threads(threads)


def _timed_cost() -> float:
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, WIDTH, SIDE, SIDE), (WIDTH, WIDTH, 3, 3))
    drawn = [torch.randn(shape, generator=generator) for shape in shapes]
    best = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    tensors = {
        dtype: [x.to(dtype, memory_format=torch.channels_last) for x in drawn] for dtype in best
    }
    with torch.inference_mode():
        for _ in range(ROUNDS):
            for dtype, (maps, filters) in tensors.items():
                begin = time.perf_counter()
                functional.conv2d(maps, filters, padding=1)
                best[dtype] = min(best[dtype], time.perf_counter() - begin)
    return best[torch.bfloat16] / best[torch.float32]
