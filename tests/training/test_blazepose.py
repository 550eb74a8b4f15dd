"""Where a hourglass with BlazePose's encoder begins: MediaPipe's landmark networks."""

import tarfile
from hashlib import sha256
from zipfile import ZipFile

import flatbuffers
import numpy as np
import pytest
import tflite
import torch

from lift3d.detectors.preprocess import to_input
from lift3d.models.blazepose_encoder import BlazePoseEncoder
from lift3d.models.efficientnet_lite import NormedConv
from lift3d.models.encoder_hourglass import EncoderHourglassConfig
from lift3d.models.heatmap_net import bare_net
from lift3d.models.image_stream import LANDMARKS, stream_layers
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.training import blazepose
from lift3d.training.start import start_from_published


def vector(builder, start, numbers):
    """Return the offset of a vector of 32-bit numbers."""
    start(builder, len(numbers))
    for number in reversed(numbers):
        builder.PrependInt32(number)
    return builder.EndVector()


def offsets(builder, start, items):
    """Return the offset of a vector of tables."""
    start(builder, len(items))
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def network_file(convs) -> bytes:
    """Return a .tflite of convolutions behind each other: (depthwise, weight, bias) in 16 bits."""
    b = flatbuffers.Builder()
    buffers, tensors, operators = [], [], []

    def tensor(array=None):
        data = b.CreateByteVector(array.astype(np.float16).tobytes()) if array is not None else None
        tflite.BufferStart(b)
        if data is not None:
            tflite.BufferAddData(b, data)
        buffers.append(tflite.BufferEnd(b))
        shape = vector(b, tflite.TensorStartShapeVector, () if array is None else array.shape)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddBuffer(b, len(buffers) - 1)
        tensors.append(tflite.TensorEnd(b))
        return len(tensors) - 1

    def operator(code, given, made):
        ins = vector(b, tflite.OperatorStartInputsVector, given)
        outs = vector(b, tflite.OperatorStartOutputsVector, made)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, code)
        tflite.OperatorAddInputs(b, ins)
        tflite.OperatorAddOutputs(b, outs)
        operators.append(tflite.OperatorEnd(b))

    x = tensor()
    for depthwise, *arrays in convs:
        wide = []
        for array in arrays:
            wide.append(tensor())
            operator(0, [tensor(array)], [wide[-1]])
        y = tensor()
        operator(2 if depthwise else 1, [x, *wide], [y])
        x = y
    codes = []
    for code in ("DEQUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D"):
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, getattr(tflite.BuiltinOperator, code))
        codes.append(tflite.OperatorCodeEnd(b))
    tensors_at = offsets(b, tflite.SubGraphStartTensorsVector, tensors)
    operators_at = offsets(b, tflite.SubGraphStartOperatorsVector, operators)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors_at)
    tflite.SubGraphAddOperators(b, operators_at)
    graph = tflite.SubGraphEnd(b)
    graphs_at = offsets(b, tflite.ModelStartSubgraphsVector, [graph])
    codes_at = offsets(b, tflite.ModelStartOperatorCodesVector, codes)
    buffers_at = offsets(b, tflite.ModelStartBuffersVector, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddSubgraphs(b, graphs_at)
    tflite.ModelAddOperatorCodes(b, codes_at)
    tflite.ModelAddBuffers(b, buffers_at)
    b.Finish(tflite.ModelEnd(b))
    return bytes(b.Output())


def random_network(wanted) -> tuple[bytes, list]:
    """Return a file with random filters of convolutions, others between, and the filters."""
    rng = np.random.default_rng(0)
    convs = []
    for conv in wanted:
        out, within, high, wide = conv.weight.shape
        depthwise = within == 1
        shape = (1, high, wide, out) if depthwise else (out, high, wide, within)
        convs.append((depthwise, rng.normal(0, 0.3, shape), rng.normal(0, 0.1, out)))
        convs.append((False, rng.normal(0, 1, (7, 1, 1, out)), np.zeros(7)))  # to another head
    return network_file(convs), convs[::2]


@pytest.fixture(params=["blazepose", "blazepose-heavy"])
def landmarks(request, tmp_path, monkeypatch):
    """Return a name, a path of a made-up landmark network, known by its hash, and its filters."""
    name = request.param
    data, convs = random_network(BlazePoseEncoder(name).normed_convs())
    monkeypatch.setitem(blazepose.SHA256, name, sha256(data).hexdigest())
    path = tmp_path / blazepose.FILES[name]
    path.write_bytes(data)
    return name, path, convs


def test_every_convolution_gets_its_filters_and_no_other(landmarks):
    name, path, convs = landmarks
    encoder = BlazePoseEncoder(name)
    blazepose.load_blazepose(encoder, name, path)
    assert_filled(encoder.normed_convs(), convs)


def assert_filled(convs, filters):
    """Assert that all convolutions but the first, which takes other images, have their filters."""
    for conv, (depthwise, weight, bias) in zip(convs[1:], filters[1:], strict=True):
        folded, shift = conv.folded()
        order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        stored = torch.tensor(weight.astype(np.float16).astype(np.float32)).permute(order)
        torch.testing.assert_close(folded, stored, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(shift, torch.tensor(bias.astype(np.float16)).float())
        torch.testing.assert_close(conv.weight.flatten(1).norm(dim=1), torch.ones(len(bias)))


def normed_convs(modules):
    return [m for module in modules for m in module.modules() if isinstance(m, NormedConv)]


def test_the_first_layers_of_a_landmark_stream_are_filled_alone(tmp_path, monkeypatch):
    layers = stream_layers(LANDMARKS)[:2]
    data, filters = random_network(normed_convs(layers))
    monkeypatch.setitem(blazepose.SHA256, "blazepose", sha256(data).hexdigest())
    path = tmp_path / "full.tflite"
    path.write_bytes(data)
    blazepose.load_landmark_layers(layers, path)
    assert_filled(normed_convs(layers), filters)


def test_a_landmark_stream_skips_the_way_up_between_encoder_and_regressor(tmp_path, monkeypatch):
    layers = stream_layers(LANDMARKS)
    regressor = normed_convs([layers[-1].regressor])
    convs = normed_convs(layers)
    encoder = convs[: -len(regressor)]
    up = NormedConv(864, 864, 3, groups=864)  # of the shape of the regressor's first
    data, filters = random_network([*encoder, up, *regressor])
    monkeypatch.setitem(blazepose.SHA256, "blazepose", sha256(data).hexdigest())
    path = tmp_path / "full.tflite"
    path.write_bytes(data)
    blazepose.load_landmark_layers(layers, path)
    del filters[len(encoder)]
    assert_filled(convs, filters)


def test_the_first_convolution_takes_our_images(landmarks):
    name, path, convs = landmarks
    encoder = BlazePoseEncoder(name)
    blazepose.load_blazepose(encoder, name, path)
    _, weight, bias = convs[0]
    pixels = torch.randint(0, 256, (1, 3, 9, 9)).float()
    theirs = torch.nn.functional.conv2d(
        pixels / 255, torch.tensor(weight).float().permute(0, 3, 1, 2), torch.tensor(bias).float()
    )
    ours = torch.nn.functional.conv2d(to_input(pixels), *encoder.stem.folded())
    torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-2)


def test_wheel_and_package_serve_as_well_as_the_file_in_them(landmarks, tmp_path):
    name, path, _ = landmarks
    wheel = tmp_path / "mediapipe-0.10.21-py3-none-any.whl"
    with ZipFile(wheel, "w") as file:
        file.write(path, f"mediapipe/modules/pose_landmark/{path.name}")
    package = tmp_path / "pose-0.5.1675469404.tgz"
    with tarfile.open(package, "w:gz") as archive:
        archive.add(path, f"package/{path.name}")
    for source in (wheel, package):
        assert blazepose.read_landmark_network(source, name) == path.read_bytes()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("other.tflite", b"something else", "has another network than MediaPipe's pose_landmark"),
        ("other.whl", b"no zip", "has no pose_landmark_heavy.tflite"),
        ("other.tgz", b"no tar", "has no pose_landmark_heavy.tflite"),
    ],
)
def test_another_file_is_refused_with_what_to_do(tmp_path, file, content, message):
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(WeightsMissing, match=message) as caught:
        blazepose.read_landmark_network(path, "blazepose-heavy")
    assert "curl -O https://registry.npmjs.org/@mediapipe/pose" in str(caught.value)


def test_half_a_download_is_refused(landmarks, tmp_path):
    name, path, _ = landmarks
    package = tmp_path / "pose-0.5.1675469404.tgz"
    with tarfile.open(package, "w:gz") as archive:
        archive.add(path, f"package/{path.name}")
    package.write_bytes(package.read_bytes()[: package.stat().st_size // 2])
    with pytest.raises(WeightsMissing, match="get it with `curl -O"):
        blazepose.read_landmark_network(package, name)


def test_archives_without_the_network_are_refused(tmp_path):
    wheel = tmp_path / "mediapipe-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as file:
        file.writestr("mediapipe/__init__.py", "")
    package = tmp_path / "pose-1.0.tgz"
    with tarfile.open(package, "w:gz") as archive:
        archive.add(wheel, "package/else")
    for source in (wheel, package):
        with pytest.raises(WeightsMissing, match="has no pose_landmark_full"):
            blazepose.read_landmark_network(source, "blazepose")


def test_blazeposes_encoder_without_its_weights_says_how_to_get_them():
    net = bare_net(EncoderHourglassConfig("blazepose", features=16, residuals=1))
    with pytest.raises(BadInput, match="run `curl -O https://registry"):
        start_from_published(net)
