"""Where a hourglass with MoveNet's encoder begins: Google's networks as TensorFlow.js graphs."""

import json
import tarfile
from hashlib import sha256

import numpy as np
import pytest
import torch

from lift3d.detectors.preprocess import to_input
from lift3d.models.efficientnet_lite import NormedConv
from lift3d.models.encoder_hourglass import EncoderHourglassConfig
from lift3d.models.heatmap_net import bare_net
from lift3d.models.movenet_encoder import MoveNetEncoder
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.training import movenet
from lift3d.training.start import start_from_published

NAME = "movenet-lightning"


def graph_files(wanted) -> tuple[bytes, bytes, list]:
    """Return a graph in which another head follows each convolution, its numbers, the filters."""
    rng = np.random.default_rng(0)
    nodes, entries, numbers, filters = [{"op": "Placeholder", "name": "input"}], [], b"", []

    def tensor(name, array):
        nonlocal numbers
        shape, quantized = list(array.shape), {"dtype": "float16", "original_dtype": "float32"}
        entries.append(
            {"name": name, "shape": shape, "dtype": "float32", "quantization": quantized}
        )
        numbers += array.astype(np.float16).tobytes()

    def node(op, name, weight, bias):
        tensor(f"{name}/w", weight)
        tensor(f"{name}/b", bias)
        nodes.append({"op": op, "name": name, "input": ["before", f"{name}/w", f"{name}/b"]})

    entries.append({"name": "size", "shape": [2], "dtype": "int32"})
    numbers += np.array([8, 8], np.int32).tobytes()
    for k, conv in enumerate(wanted):
        out, within, high, wide = conv.weight.shape
        depthwise = conv.groups > 1
        weight = rng.normal(
            0, 0.3, (high, wide, out, 1) if depthwise else (high, wide, within, out)
        )
        bias = rng.normal(0, 0.1, out)
        node("FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D", f"c{k}", weight, bias)
        node("_FusedConv2D", f"head{k}", rng.normal(0, 1, (1, 1, out, 7)), np.zeros(7))
        nodes.append({"op": "ResizeBilinear", "name": f"up{k}", "input": [f"head{k}", "size"]})
        filters.append(
            (weight.transpose(2, 3, 0, 1) if depthwise else weight.transpose(3, 2, 0, 1), bias)
        )
    late = wanted[-1].weight.shape
    node("_FusedConv2D", "late", rng.normal(0, 1, (*late[2:], late[1], late[0])), np.zeros(late[0]))
    graph = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": entries}]}
    return json.dumps(graph).encode(), numbers, filters


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return the path of a made-up graph, known by its hash, and its filters."""
    convs = [m for m in MoveNetEncoder(NAME).modules() if isinstance(m, NormedConv)]
    graph, numbers, filters = graph_files(convs)
    hashes = tuple(sha256(part).hexdigest() for part in (graph, numbers))
    monkeypatch.setitem(movenet.SHA256, NAME, hashes)
    (tmp_path / f"{NAME}.json").write_bytes(graph)
    (tmp_path / f"{NAME}.bin").write_bytes(numbers)
    return tmp_path / f"{NAME}.json", filters


def test_every_convolution_gets_its_filters_and_no_other(files):
    path, filters = files
    encoder = MoveNetEncoder(NAME)
    movenet.load_movenet(encoder, NAME, path)
    convs = [m for m in encoder.modules() if isinstance(m, NormedConv)]
    for conv, (weight, bias) in zip(convs[1:], filters[1:], strict=True):
        folded, shift = conv.folded()
        stored = torch.tensor(weight.astype(np.float16).astype(np.float32))
        torch.testing.assert_close(folded, stored, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(shift, torch.tensor(bias.astype(np.float16)).float())


def test_the_first_convolution_takes_our_images(files):
    path, filters = files
    encoder = MoveNetEncoder(NAME)
    movenet.load_movenet(encoder, NAME, path)
    weight, bias = (torch.tensor(each).float() for each in filters[0])
    pixels = torch.randint(0, 256, (1, 3, 9, 9)).float()
    theirs = torch.nn.functional.conv2d(pixels / 127.5 - 1, weight, bias)
    ours = torch.nn.functional.conv2d(to_input(pixels), *encoder.stem.folded())
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-2)


def test_the_package_serves_as_well_as_the_files_in_it(files, tmp_path):
    path, _ = files
    package = tmp_path / "human-models-3.0.4.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for file in (path, path.with_suffix(".bin")):
            archive.add(file, f"package/models/{file.name}")
    assert movenet.read_graph(package, NAME) == movenet.read_graph(path, NAME)


def test_another_file_is_refused_with_what_to_do(files, tmp_path):
    path, _ = files
    (tmp_path / "pose.tgz").write_bytes(b"no tar")
    with pytest.raises(WeightsMissing, match=r"has no movenet-lightning\.json and [^\n]*`curl -O"):
        movenet.read_graph(tmp_path / "pose.tgz", NAME)
    path.with_suffix(".bin").write_bytes(b"damaged")
    with pytest.raises(WeightsMissing, match="another network than movenet-lightning, version 4"):
        movenet.read_graph(path, NAME)


def test_movenets_encoder_without_its_weights_says_how_to_get_them():
    net = bare_net(EncoderHourglassConfig("movenet-thunder", features=16, residuals=1))
    with pytest.raises(BadInput, match=r"run `curl -O https://registry.*human-models"):
        start_from_published(net)
