"""Where the expert comes from: Google's MoveNet as a TensorFlow.js graph."""

import json
import tarfile
from hashlib import sha256

import numpy as np
import pytest
import torch
from torch.nn import functional

from lift3d.detectors.preprocess import to_input
from lift3d.models.movenet import COCO_JOINTS, OF_MPII, MoveNet
from lift3d.poses.errors import WeightsMissing
from lift3d.training import movenet


def graph_files(wanted) -> tuple[bytes, bytes, list]:
    """Return a graph in which another head follows each convolution, its numbers, the filters."""
    rng = np.random.default_rng(0)
    nodes, entries, filters = [{"op": "Placeholder", "name": "input"}], [], []
    numbers = bytearray(np.array([8, 8], np.int32).tobytes())
    entries.append({"name": "size", "shape": [2], "dtype": "int32"})

    def node(op, name, *arrays):
        names = [f"{name}/{k}" for k in range(len(arrays))]
        for each, array in zip(names, arrays, strict=True):
            quantized = {"dtype": "float16", "original_dtype": "float32"}
            shape = {"shape": list(array.shape), "dtype": "float32"}
            entries.append({"name": each, **shape, "quantization": quantized})
            numbers.extend(array.astype(np.float16).tobytes())
        nodes.append({"op": op, "name": name, "input": ["before", *names]})

    def convolution(name, conv):
        out, within, high, wide = conv.weight.shape
        depthwise = conv.groups > 1
        shape = (high, wide, out, 1) if depthwise else (high, wide, within, out)
        weight, bias = rng.normal(0, 0.3, shape), rng.normal(0, 0.1, out)
        node("FusedDepthwiseConv2dNative" if depthwise else "_FusedConv2D", name, weight, bias)
        return weight.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)), bias

    for k, conv in enumerate(wanted):
        filters.append(convolution(f"c{k}", conv))
        out = conv.weight.shape[0]
        node("_FusedConv2D", f"head{k}", rng.normal(0, 1, (1, 1, out, 7)), np.zeros(7))
        nodes.append({"op": "ResizeBilinear", "name": f"up{k}", "input": [f"head{k}", "size"]})
    convolution("late", wanted[-1])  # another head of the last shape
    graph = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": entries}]}
    return json.dumps(graph).encode(), bytes(numbers), filters


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return the path of a made-up graph, known by its hash, and its filters."""
    graph, numbers, filters = graph_files(MoveNet().normed_convs())
    hashes = tuple(sha256(part).hexdigest() for part in (graph, numbers))
    monkeypatch.setattr(movenet, "SHA256", hashes)
    path = tmp_path / "movenet-thunder.json"
    path.write_bytes(graph)
    path.with_suffix(".bin").write_bytes(numbers)
    return path, filters


def test_every_convolution_gets_its_filters_turned_and_no_other(files):
    path, filters = files
    convs = movenet.load_movenet(path).normed_convs()
    for conv, (weight, bias) in zip(convs[1:], filters[1:], strict=True):
        folded, shift = conv.folded()
        stored = torch.tensor(weight.astype(np.float16).astype(np.float32)).flip((-2, -1))
        torch.testing.assert_close(folded, stored, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(shift, torch.tensor(bias.astype(np.float16)).float())


def test_strided_filters_have_their_middle_where_tensorflow_has_it(files):
    path, filters = files
    weight, bias = (torch.tensor(each).float() for each in filters[0])
    pixels = torch.randint(0, 256, (1, 3, 32, 32)).float()
    same = functional.pad(pixels / 127.5 - 1, (0, 1, 0, 1))  # "SAME" of an even side
    theirs = functional.conv2d(same, weight, bias, stride=2)
    ours = movenet.load_movenet(path).stem(to_input(pixels).flip((-2, -1))).flip((-2, -1))
    inside = (..., slice(0, -1), slice(0, -1))  # they pad with another grey
    torch.testing.assert_close(ours[inside], theirs[inside], rtol=1e-2, atol=1e-2)


def test_joints_that_coco_lacks_are_left_to_the_others(files):
    said = movenet.load_movenet(files[0])(torch.randn(2, 3, 64, 96))
    assert said.shape == (2, 16, 16, 24)
    for joint, theirs in enumerate(OF_MPII):
        assert (said[:, joint] == 0).all() == (theirs is None)
    assert said.exp().min() >= 0.0009
    known = [joint for joint in OF_MPII if joint is not None]
    assert len(set(known)) == len(known) == 12
    assert max(known) < COCO_JOINTS


def test_the_package_serves_as_well_as_the_files_in_it(files, tmp_path):
    path, _ = files
    package = tmp_path / "human-models-3.0.4.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for file in (path, path.with_suffix(".bin")):
            archive.add(file, f"package/models/{file.name}")
    assert movenet.read_graph(package) == movenet.read_graph(path)


def test_another_file_is_refused_with_what_to_do(files, tmp_path):
    path, _ = files
    (tmp_path / "pose.tgz").write_bytes(b"no tar")
    with pytest.raises(WeightsMissing, match=r"has no movenet-thunder\.json and [^\n]*`curl -O"):
        movenet.read_graph(tmp_path / "pose.tgz")
    path.with_suffix(".bin").write_bytes(b"damaged")
    with pytest.raises(WeightsMissing, match="another network than movenet-thunder, version 4"):
        movenet.read_graph(path)
