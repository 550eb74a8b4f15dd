"""A network's pass as a graph for OpenVINO, written down while torch runs it.

OpenVINO's own ways from torch lead through `torch.jit`, which torch gives up, or `torch.export`,
which takes ten seconds; the networks here need a dozen functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import openvino
import torch
from openvino import opset13 as ops
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode, resolve_name

from .packed_filters import left_unpacked

Node = Any  # of the graph: an openvino.Node, or one of its outputs


class NotWritable(Exception):
    """A network does something that this module cannot write down."""


def graph_of(net: nn.Module, images: Tensor) -> openvino.Model:
    """Return what a network does with inputs of one shape as a graph.

    Only what is done to tensors, or to lists of them, is seen: a network that passes on what else
    comes of the images has them in its graph for good.

    Args:
        net: in evaluation mode, in float32 on the CPU, from images to a list of maps.
        images: (N, 3, H, W) float32, any of that shape.

    Raises:
        NotWritable: the network calls a function that is not in `WRITERS`, or in another way.
    """
    recorder = Recorder()
    entry = ops.parameter(list(images.shape), np.float32, "images")
    recorder.name(images, entry)
    with torch.no_grad(), left_unpacked(), recorder:
        maps = net(images)
    return openvino.Model(recorder.nodes(maps), [entry], "maps")


class Recorder(TorchFunctionMode):
    """Write down what torch's functions do to tensors that have a node."""

    def __init__(self) -> None:
        super().__init__()
        self._nodes: dict[int, Node] = {}
        self._held: list[Tensor] = []  # an id names a tensor as long as it lives

    def name(self, tensor: Tensor, node: Node) -> None:
        """Let a tensor have a node."""
        self._nodes[id(tensor)] = node
        self._held.append(tensor)

    def nodes(self, values: Sequence[Any]) -> list[Any]:
        """Return tensors' nodes, also in lists within; what has none comes back as it is."""
        return [
            self.nodes(value) if isinstance(value, list) else self._nodes.get(id(value), value)
            for value in values
        ]

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do what the function does, and write it down if it is done to a tensor with a node."""
        nodes, named = self.nodes(args), kwargs or {}
        result = function(*args, **named)
        if isinstance(result, Tensor) and _flat(nodes) != _flat(args):
            try:
                node = WRITERS[function](*nodes, **named)
            except (KeyError, TypeError, ValueError) as error:
                name = resolve_name(function) or function
                raise NotWritable(f"{name}, called as it is here ({error!r})") from error
            if node is not None:
                self.name(result, node)
        return result


def _flat(values: Sequence[Any]) -> list[int]:
    """Return the identities of values, those in lists among them one by one."""
    lists = (value if isinstance(value, list) else [value] for value in values)
    return [id(each) for some in lists for each in some]


def _constant(value: Tensor | float | Sequence[float], dtype: type = np.float32) -> Node:
    array = value.detach().numpy() if isinstance(value, Tensor) else np.array(value)
    return ops.constant(array.astype(dtype))


def _whole(*values: int) -> Node:
    return _constant(values, np.int64)


def _term(value: Any) -> Node:
    """Return a node for what may be a node, a tensor that does not change, or a number."""
    return _constant(value) if isinstance(value, Tensor | int | float) else value


def _each_channel(value: Tensor) -> Node:
    return _constant(value.reshape(1, -1, 1, 1))


def _conv2d(
    x: Node, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0, *, groups: int = 1
) -> Node:
    how = ([stride] * 2, [padding] * 2, [padding] * 2, [1, 1])
    if groups > 1:
        grouped = weight.reshape(groups, -1, *weight.shape[1:])
        return ops.add(ops.group_convolution(x, _constant(grouped), *how), _each_channel(bias))
    return ops.add(ops.convolution(x, _constant(weight), *how), _each_channel(bias))


def _batch_norm(
    x: Node, mean: Tensor, variance: Tensor, weight: Tensor, bias: Tensor, *, eps: float, **how: Any
) -> Node:
    scale = weight * torch.rsqrt(variance + eps)
    return ops.add(ops.multiply(x, _each_channel(scale)), _each_channel(bias - mean * scale))


def _interpolate(x: Node, *, scale_factor: float, mode: str, **how: Any) -> Node:
    kinds = {"nearest": ("nearest", "asymmetric"), "bilinear": ("linear_onnx", "half_pixel")}
    kind, coordinates = kinds[mode]
    factors = _constant([scale_factor] * 2)
    details = {"coordinate_transformation_mode": coordinates, "nearest_mode": "floor"}
    return ops.interpolate(x, factors, kind, "scales", axes=_whole(2, 3), **details)


def _max_pool2d(x: Node, size: int, **how: Any) -> Node:
    sides, none = [size] * 2, [0, 0]
    return ops.max_pool(x, sides, [1, 1], none, none, sides).output(0)


def _flip(x: Node, dims: Sequence[int]) -> Node:
    """Return maps read backwards along some axes: from the last cell to the first."""
    count = len(dims)
    first, beyond, step = ([value] * count for value in (-1, -(2**31), -1))
    return ops.slice(x, *(_whole(*each) for each in (first, beyond, step, dims)))


def _getitem(x: Node, index: tuple[slice, int]) -> Node:
    """Return the map of a number."""
    every, number = index
    if every != slice(None) or not isinstance(number, int):
        raise ValueError(f"index {index}")
    return ops.gather(x, _constant(number, np.int64), _whole(1))


def _stack(parts: list[Node], dim: int) -> Node:
    return ops.concat([ops.unsqueeze(_term(part), _whole(dim)) for part in parts], dim)


WRITERS: dict[Callable[..., Any], Callable[..., Node | None]] = {
    functional.conv2d: _conv2d,
    functional.batch_norm: _batch_norm,
    functional.relu: lambda x, **how: ops.relu(x),
    functional.relu_: ops.relu,
    functional.relu6: lambda x, inplace=False: ops.clamp(x, 0.0, 6.0),
    functional.interpolate: _interpolate,
    functional.max_pool2d: _max_pool2d,
    torch.sigmoid: ops.sigmoid,
    torch.log: ops.log,
    torch.cat: lambda parts, dim: ops.concat([_term(part) for part in parts], dim),
    torch.stack: _stack,
    torch.zeros_like: lambda x: None,  # the same whatever the images are
    Tensor.add: lambda x, y: ops.add(_term(x), _term(y)),
    Tensor.add_: lambda x, y: ops.add(_term(x), _term(y)),
    Tensor.mul: lambda x, y: ops.multiply(_term(x), _term(y)),
    Tensor.float: lambda x: x,
    Tensor.flip: _flip,
    Tensor.__getitem__: _getitem,
}
