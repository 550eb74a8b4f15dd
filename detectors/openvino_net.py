"""Run a network on a CPU by OpenVINO, which is quicker than torch in float32."""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import queue
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..poses.errors import BadInput

OFTEN = 16  # inputs of one size that torch takes first: getting ready takes as long as 40 gain
MOST_SIZES = 8  # each has its own copy of the filters
MOST_CALLERS = 4  # at once, where each has one thread
UNLIKE = 1e-3  # difference of the maps from torch's, as a part of their largest value

_STARTING = threading.Lock()
_STARTED: list[Any] = []  # `processor`'s answer, once there is one

logger = logging.getLogger(__name__)


class OpenvinoNet:
    """Give a network's maps by OpenVINO, for sizes of input that come often.

    Torch does a pass of each size as well: where the maps are not alike, or OpenVINO does not take
    the network, torch goes on alone, and so it does in a process forked from one that used this. An
    image's maps do not depend on the images beside it or on the number of threads; from torch's
    they differ in their last digits.

    Args:
        net: in evaluation mode, in float32 on the CPU, from images to a list of maps.
    """

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        self._seen: Counter[tuple[int, int]] = Counter()
        self._ready: dict[tuple[int, int, int], Passes] = {}
        self._works = True
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __call__(self, images: Tensor, often: bool = False) -> list[Tensor] | None:
        """Return the maps of images (N, 3, H, W), None if torch is to give them.

        Args:
            images: float32, on the CPU.
            often: images of this size will come often.

        Raises:
            BadInput: the network cannot take images of this size.
        """
        if os.getpid() != self._process:  # its threads are not here
            return None
        try:
            with self._lock:
                passes = self._passes(images, often)
            if passes is None:
                return None
            each = [passes(image) for image in images.split(1)]
        except BadInput:
            raise
        except Exception as error:  # whatever goes wrong there, torch can do it
            self._works = False
            reason = next(reversed(str(error).strip().splitlines()), type(error).__name__)
            logger.warning("OpenVINO is not used: %s", reason)
            return None
        return [torch.cat(maps) for maps in zip(*each, strict=True)]

    def _passes(self, images: Tensor, often: bool) -> Passes | None:
        """Return the passes for images of a size, None if torch is to do them.

        Photos get no new size where there are as many as are kept: they would come in turns. Frames
        of a video get the place of the size that was there first.
        """
        height, width = images.shape[-2:]
        self._seen[height, width] += len(images)
        key = height, width, torch.get_num_threads()
        if not self._works or not len(images):
            return None
        if key not in self._ready:
            full = len(self._ready) >= MOST_SIZES
            if not often and (full or self._seen[height, width] <= OFTEN):
                return None
            ready = Passes(self._net, *key)
            if full:
                self._ready.pop(next(iter(self._ready)))
            self._ready[key] = ready
        return self._ready[key]


class Passes:
    """Passes of a network over one image of one size.

    Args:
        net: as `OpenvinoNet` has it.
        height: of the image.
        width: of the image.
        threads: for one pass; with one, several passes run side by side.

    Raises:
        NotWritable: the network cannot be written as a graph.
        ValueError: OpenVINO's maps are others.
    """

    def __init__(self, net: nn.Module, height: int, width: int, threads: int) -> None:
        core = processor()
        from .openvino_graph import graph_of

        generator = torch.Generator().manual_seed(0)
        images, others = torch.randn(2, 1, 3, height, width, generator=generator)
        graph = graph_of(net, images)
        streams = min(os.cpu_count() or 1, MOST_CALLERS) if threads == 1 else 1
        self._compiled = core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": streams * threads,
                "NUM_STREAMS": streams,
                "ENABLE_CPU_PINNING": False,  # several processes would take the same cores
            },
        )
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with torch.inference_mode():  # of another image: parts of the first may stand in the graph
            wanted = net(others)
        for ours, theirs in zip(self(others), wanted, strict=True):
            if not (ours - theirs).abs().max() <= UNLIKE * theirs.abs().max():
                raise ValueError("its maps differ from torch's")

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Return the maps of an image (1, 3, H, W)."""
        try:
            request = self._free.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        pixels = np.ascontiguousarray(image.resolve_neg().numpy())
        maps = request.infer([pixels], share_inputs=True)
        found = [torch.from_numpy(maps[k]) for k in range(len(maps))]
        self._free.put(request)
        return found


def processor() -> Any:
    """Return OpenVINO's way to the CPU, which stays to the end of the process.

    It gives the thread that asks first a stack for signals. Were it left in another thread, the
    first one's stack would be gone and the next Ctrl-C kill the process.

    Raises:
        Exception: of any kind, where OpenVINO is broken.
    """
    with _STARTING:
        if not _STARTED:
            with without_telemetry():
                import openvino
            core = openvino.Core()
            core.get_property("CPU", "FULL_DEVICE_NAME")  # which loads what it is for
            _STARTED.append(core)
    return _STARTED[0]


def has_openvino() -> bool:
    """Say whether OpenVINO is installed, on a processor that it was measured on."""
    known = platform.machine() in ("x86_64", "AMD64")
    return known and importlib.util.find_spec("openvino") is not None


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Let OpenVINO be imported without telling its makers, which it does without this package."""
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
