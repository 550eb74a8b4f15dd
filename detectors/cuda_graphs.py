"""Run a network on a GPU as one recorded list of kernels instead of hundreds of calls."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

CAPTURE_AFTER = 2  # passes of one shape that run as usual first: photos' shapes may not come again
MOST_SHAPES = 8  # each recording holds its own inputs and maps on the GPU

_RECORDING = threading.Lock()  # CUDA records one graph at a time in a process

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """A recorded pass: what is written into `inputs` gives `maps` when `graph` is replayed."""

    graph: torch.cuda.CUDAGraph
    inputs: Tensor
    maps: list[Tensor]


class GraphedNet:
    """Call a network through CUDA graphs (Gray, 2021) where inputs of one shape come often.

    On other devices, for shapes that are rare, and after a recording has failed, the network is
    called as it is; the maps are the same.

    Args:
        net: from a tensor to tensors, without gradients.
    """

    def __init__(self, net: Callable[[Tensor], list[Tensor]]) -> None:
        self._net = net
        self._seen: Counter[tuple[int, ...]] = Counter()
        self._recordings: dict[tuple[int, ...], Recording] = {}
        self._works = True
        self._lock = threading.Lock()

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Return what the network returns."""
        if images.device.type != "cuda":
            return self._net(images)
        with self._lock:  # the inputs and maps of a recording are one caller's at a time
            recording = self._recording(images)
            if recording is None:
                return self._net(images)
            recording.inputs.copy_(images)
            recording.graph.replay()
            return [maps.clone() for maps in recording.maps]

    def _recording(self, images: Tensor) -> Recording | None:
        shape = tuple(images.shape)
        self._seen[shape] += 1
        often = self._seen[shape] > CAPTURE_AFTER
        if self._works and often and shape not in self._recordings:
            if len(self._recordings) == MOST_SHAPES:
                return None
            try:
                self._recordings[shape] = self._record(images)
            except RuntimeError as error:
                self._works = False
                logger.warning("CUDA graphs are not used: %s", str(error).splitlines()[0])
        return self._recordings.get(shape)

    def _record(self, images: Tensor) -> Recording:
        """Record one pass, after passes on a stream of their own, as CUDA asks for."""
        with _RECORDING, torch.cuda.device(images.device):
            inputs = images.clone()
            aside, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
            aside.wait_stream(torch.cuda.current_stream())
            # `aside` is this GPU's, unlike torch's own stream for it, and left if recording fails
            with torch.cuda.stream(aside):
                for _ in range(3):
                    self._net(inputs)
                # other threads (decoding, lifting) go on with the GPU meanwhile
                with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
                    maps = self._net(inputs)
            torch.cuda.current_stream().wait_stream(aside)
        return Recording(graph, inputs, maps)
