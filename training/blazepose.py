"""Start an encoder from BlazePose's weights: MediaPipe's full or heavy landmark network.

The weights are Google's, published under the Apache License 2.0 as a part of MediaPipe. Both lie in
its package for browsers, the full one in its wheel too; neither need be installed.
"""

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor, nn

from ..models.blazepose_encoder import BlazePoseEncoder
from ..models.blazepose_regressor import LandmarkTop
from ..models.efficientnet_lite import NormedConv
from ..poses.errors import WeightsMissing
from .folded_norms import fill_in_order, take_scaled_images

FILES = {
    "blazepose": "pose_landmark_full.tflite",
    "blazepose-heavy": "pose_landmark_heavy.tflite",
}
SHA256 = {
    "blazepose": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "blazepose-heavy": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}
GET_PACKAGE = "curl -O https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz"
WHITE = 255.0  # the published network expects pixels / 255


def load_blazepose(encoder: BlazePoseEncoder, name: str, path: Path) -> None:
    """Fill an encoder with the weights of MediaPipe's landmark network.

    The first convolution is changed so that it takes images as `to_input` scales them.

    Args:
        encoder: to be filled.
        name: which one it is, "blazepose" or "blazepose-heavy".
        path: the package @mediapipe/pose 0.5.1675469404 (.tgz), or the .tflite file out of it; the
            wheel of mediapipe 0.10.21 serves for "blazepose".

    Raises:
        WeightsMissing: the file holds another network, or the package `tflite` is not installed.
    """
    filters = convolutions(read_landmark_network(path, name))
    fill_in_order(encoder.normed_convs(), filters)
    take_scaled_images(encoder.stem, 0, WHITE)


def load_landmark_layers(layers: Sequence[nn.Module], path: Path) -> None:
    """Fill the layers of an image stream that is the full landmark network with its weights.

    Args:
        layers: as `stream_layers` gives them, all or the first ones.
        path: as `load_blazepose` takes it.

    Raises:
        WeightsMissing: as `load_blazepose`.
    """
    modules = [module for layer in layers for module in layer.modules()]
    convs = [module for module in modules if isinstance(module, NormedConv)]
    regressors = [module.regressor for module in modules if isinstance(module, LandmarkTop)]
    last = [conv for each in regressors for conv in each.modules() if isinstance(conv, NormedConv)]
    filters = list(convolutions(read_landmark_network(path, "blazepose")))
    fill_in_order(convs[: len(convs) - len(last)], iter(filters))
    # from the end: between encoder and regressor the file has another way up
    fill_in_order(last[::-1], reversed(filters))
    take_scaled_images(convs[0], 0, WHITE)


def read_landmark_network(path: Path, name: str) -> bytes:
    """Return the landmark network's file.

    Raises:
        WeightsMissing: it is not in `path`, or another one.
    """
    file = FILES[name]
    try:
        if path.suffix == ".whl":
            with ZipFile(path) as wheel:
                data = wheel.read(f"mediapipe/modules/pose_landmark/{file}")
        elif path.suffix == ".tgz":
            with tarfile.open(path, "r:gz") as package:
                member = package.extractfile(f"package/{file}")
                data = member.read() if member else b""
        else:
            data = path.read_bytes()
    except (OSError, EOFError, BadZipFile, tarfile.TarError, zlib.error, KeyError) as error:
        raise WeightsMissing(
            f"{path} has no {file} ({error}); get it with `{GET_PACKAGE}`"
        ) from error
    if sha256(data).hexdigest() != SHA256[name]:
        raise WeightsMissing(
            f"{path} has another network than MediaPipe's {file}; get it with `{GET_PACKAGE}`"
        )
    return data


def convolutions(data: bytes) -> Iterator[tuple[Tensor, Tensor]]:
    """Return (weight, bias) of each convolution of a TensorFlow Lite file, in its order.

    Weights are (out, in, H, W), of depthwise ones (out, 1, H, W), float32 from the file's 16 bits.

    Raises:
        WeightsMissing: the package `tflite`, which knows the format, is not installed.
    """
    try:
        import tflite
    except ImportError:
        raise WeightsMissing(
            "reading .tflite needs tflite; run `pip install 'lift3d[blazepose]'`"
        ) from None
    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    plain = {}  # tensor -> the tensor of 16 bits that it is made from
    pairs = []
    for k in range(graph.OperatorsLength()):
        operator = graph.Operators(k)
        code = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        inputs = operator.InputsAsNumpy()
        if code == tflite.BuiltinOperator.DEQUANTIZE:
            plain[operator.Outputs(0)] = inputs[0]
        elif code in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
            weight, bias = (_tensor(model, graph, plain[i]) for i in inputs[1:3])
            depthwise = code == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
            # (1, h, w, out) or (out, h, w, in) -> (out, in, h, w)
            order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
            pairs.append((weight.permute(order).contiguous(), bias))
    return iter(pairs)


def _tensor(model: Any, graph: Any, index: int) -> Tensor:
    tensor = graph.Tensors(index)
    data = model.Buffers(tensor.Buffer()).DataAsNumpy()
    array = np.frombuffer(data.tobytes(), np.float16).reshape(tensor.ShapeAsNumpy())
    return torch.from_numpy(array.astype(np.float32))
