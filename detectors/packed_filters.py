"""Filters of a convolution as oneDNN wants them for one shape of input, laid out once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import cast

import torch
from torch import Tensor

MOST_SHAPES = 2  # each has a copy of the filters

Shape = tuple[int, ...]
ACTIVATIONS: dict[str | None, tuple[str, list[float]]] = {
    None: ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}


class PackedFilters:
    """Run a float32 convolution on a CPU with its filters laid out beforehand.

    torch lays the filters out anew with each call, which takes as long as a tenth to a fifth of a
    network's pass, and applies what follows in passes of its own. The sums are the same ones.

    oneDNN is called by name: left to choose, torch takes another algorithm for 1 x 1 filters where
    it has one thread, whose sums differ in their last digits, and a video's joints would differ
    with the number of threads.

    Args:
        weight: (width_out, width_in / groups, K, K).
        bias: (width_out,).
        stride: of the convolution; its padding keeps the size but for that.
        groups: of channels.
    """

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, groups: int) -> None:
        self.weight, self.bias = weight, bias
        # padding, stride, dilation, groups
        self._how = ([weight.shape[-1] // 2] * 2, [stride] * 2, [1, 1], groups)
        self._laid_out: dict[Shape, Tensor] = {}
        self._lock = threading.Lock()

    def __call__(self, x: Tensor, activation: str | None, plus: Tensor | None) -> Tensor:
        """Return activation(convolution(x)), or convolution(x) + plus.

        Args:
            x: (N, width_in, H, W).
            activation: None, "relu" or "relu6".
            plus: of the result's shape; only without an activation.
        """
        filters = self._for(tuple(x.shape))
        convolve = torch.ops.mkldnn._convolution_pointwise
        if plus is not None and 1 in (plus.shape[1], plus[0, 0].numel()):
            return self(x, None, None).add_(plus)  # torch 2.6 cannot tell such maps' layout
        if plus is not None:
            inputs = (x, plus, filters, self.bias)
            return cast(Tensor, convolve.binary(*inputs, *self._how, "add", 1.0, None, [], None))
        name, limits = ACTIVATIONS[activation]
        return cast(Tensor, convolve.default(x, filters, self.bias, *self._how, name, limits, ""))

    def _for(self, shape: Shape) -> Tensor:
        """Return the filters laid out for a shape of input; the last shapes' are kept."""
        with self._lock:
            kept = self._laid_out.pop(shape, None)
            if kept is None:
                lay_out = torch.ops.mkldnn._reorder_convolution_weight
                kept = cast(Tensor, lay_out(self.weight, *self._how, list(shape)))
                while len(self._laid_out) >= MOST_SHAPES:
                    self._laid_out.pop(next(iter(self._laid_out)))
            self._laid_out[shape] = kept
            return kept


_here = threading.local()


@contextmanager
def left_unpacked() -> Iterator[None]:
    """Let convolutions of this thread be torch's usual ones, which others know by name."""
    _here.unpacked = True
    try:
        yield
    finally:
        _here.unpacked = False


def packs() -> bool:
    """Say whether convolutions are to run with their filters laid out beforehand."""
    return can_pack() and not getattr(_here, "unpacked", False)


@cache
def can_pack() -> bool:
    """Say whether this torch has oneDNN and lets filters be laid out for it."""
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_reorder_convolution_weight"
    )
