"""The encoders and the hourglass that goes down through them."""

import pytest
import torch

from lift3d.models.blazepose_encoder import BlazePoseEncoder
from lift3d.models.efficientnet_lite import EfficientNetLite, InvertedResidual, NormedConv
from lift3d.models.encoder_hourglass import EXPERT, EncoderHourglass, EncoderHourglassConfig
from lift3d.poses.errors import BadInput

SMALL = EncoderHourglassConfig(features=16, residuals=1, outputs=3)


def test_the_encoder_has_the_parameters_of_the_published_network():
    # EfficientNet-Lite0 has 4,652,008; its head (320 x 1280 + 2 x 1280) and classifier are left out
    count = sum(p.numel() for p in EfficientNetLite("lite0").parameters())
    assert count == 4_652_008 - 320 * 1280 - 2 * 1280 - 1280 * 1000 - 1000


def test_a_normed_convolution_is_a_convolution_and_a_batch_norm():
    torch.manual_seed(0)
    conv = NormedConv(6, 8, kernel=3, stride=2, groups=2).eval()
    norm = torch.nn.BatchNorm2d(8, eps=1e-3).eval()
    for tensor in (conv.scale, conv.shift, conv.running_mean):
        torch.nn.init.normal_(tensor)
    torch.nn.init.uniform_(conv.running_var, 0.5, 2)
    names = {"weight": "scale", "bias": "shift"}
    for theirs in ("weight", "bias", "running_mean", "running_var"):
        getattr(norm, theirs).data.copy_(getattr(conv, names.get(theirs, theirs)))
    x = torch.randn(2, 6, 9, 9)
    plain = torch.nn.functional.conv2d(x, conv.weight, None, 2, 1, groups=2)
    torch.testing.assert_close(conv(x), norm(plain), rtol=1e-5, atol=1e-5)


def test_strided_filters_give_the_same_with_and_without_a_gradient():
    conv = NormedConv(4, 4, kernel=5, stride=2, groups=4)
    x = torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        without = conv(x)
    torch.testing.assert_close(conv(x.requires_grad_()), without)


def test_held_parts_do_not_learn_and_the_rest_does():
    encoder = EfficientNetLite("lite0")
    encoder.hold(stages=2)
    encoder(torch.randn(1, 3, 32, 32))[-1].sum().backward()
    learning = {name for name, p in encoder.named_parameters() if p.grad is not None}
    assert "stages.2.0.expand.0.weight" in learning
    assert not any(name.startswith(("stem", "stages.0", "stages.1")) for name in learning)
    assert not any("depthwise" in name for name in learning)
    assert not any(name.startswith("stages.6.0.project") for name in learning)
    blocks = [m for m in encoder.modules() if isinstance(m, InvertedResidual)]
    assert len(blocks) == 16


def test_blazeposes_held_parts_do_not_learn_and_the_rest_does():
    encoder = BlazePoseEncoder("blazepose")
    encoder.hold()
    encoder(torch.randn(1, 3, 32, 32))[-1].sum().backward()
    learning = {name for name, p in encoder.named_parameters() if p.grad is not None}
    assert {"stages.3.0.expand.0.weight", "widen.weight"} <= learning
    held = ("stem", "stages.0", "stages.1", "stages.2", "filter")
    assert not any(name.startswith(held) or "depthwise" in name for name in learning)


def test_only_blocks_that_expand_add_what_came_in():
    first, second = (stage[0] for stage in BlazePoseEncoder("blazepose-heavy").stages[:2])
    assert first.project.weight.shape[:2] == (24, 24)
    assert not first.adds
    assert not second.adds
    assert all(block.adds for block in BlazePoseEncoder("blazepose-heavy").stages[2])


@pytest.mark.parametrize("encoder", ["lite0", "blazepose", "blazepose-heavy"])
@pytest.mark.parametrize("stacks", [1, 2])
def test_every_stack_gives_maps_of_a_quarter_of_the_image(stacks, encoder):
    config = EncoderHourglassConfig(encoder, features=16, residuals=1, outputs=3, stacks=stacks)
    net = EncoderHourglass(config).eval()
    maps = net(torch.zeros(2, 3, 64, 128))
    assert [tuple(m.shape) for m in maps] == [(2, 3, 16, 32)] * stacks


def test_a_later_stack_leaves_the_maps_before_it_alone():
    torch.manual_seed(1)
    one = EncoderHourglass(SMALL).eval()
    two = EncoderHourglass(EncoderHourglassConfig(**{**SMALL.to_dict(), "stacks": 2})).eval()
    missing = two.load_state_dict(one.state_dict(), strict=False)
    assert not missing.unexpected_keys
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(two(images)[0], one(images)[0])


def test_the_means_of_the_encoders_maps_are_taken_away():
    torch.manual_seed(1)
    net = EncoderHourglass(SMALL).top_down
    sizes = (16, 8, 4, 2)
    taps = [torch.randn(4, c, s, s) for c, s in zip((24, 40, 112, 320), sizes, strict=True)]
    far = [tap + 1000 for tap in taps]
    torch.testing.assert_close(net(far), net(taps), rtol=0, atol=0.02)
    for lateral, centre, tap in zip(net.laterals, net.centres, far, strict=True):
        assert lateral(centre(tap)).mean().abs() < 0.01


@torch.no_grad()
def test_the_logarithms_of_what_both_say_add_up():
    torch.manual_seed(1)
    config = EncoderHourglassConfig(features=16, residuals=1, expert=EXPERT, expert_weight=0.75)
    net = EncoderHourglass(config).eval()
    alone = EncoderHourglass(EncoderHourglassConfig(features=16, residuals=1)).eval()
    alone.load_state_dict(net.state_dict(), strict=False)
    images = torch.randn(2, 3, 64, 64)
    product = alone(images)[0] + 0.75 * net.expert(images)
    torch.testing.assert_close(net(images)[0], product)
    assert not any(p.requires_grad for p in net.expert.parameters())


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(BadInput, match="multiples of 32, got 48 x 64"):
        EncoderHourglass(SMALL)(torch.zeros(1, 3, 48, 64))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"encoder": "b7"}, "encoder must be one of blazepose, blazepose-heavy, lite0"),
        ({"features": 12}, "features must be divisible by 8, got 12"),
        ({"stacks": 0}, "stacks must be 1 or more, got 0"),
        ({"output": "tanh"}, "output must be one of"),
        ({"expert": "openpose"}, "expert must be movenet-thunder or None, got 'openpose'"),
        ({"expert": "movenet-thunder", "outputs": 5}, "softmax of 16 joints, got softmax of 5"),
        ({"expert": "movenet-thunder", "output": "linear"}, "of 16 joints, got linear of 16"),
    ],
)
def test_impossible_shapes_are_refused(setting, message):
    with pytest.raises(BadInput, match=message):
        EncoderHourglassConfig(**setting)
