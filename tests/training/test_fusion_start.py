"""The fusion network's image stream begins with a trained encoder, and learns in part."""

from dataclasses import replace

import pytest
import torch

from lift3d.models.efficientnet_lite import EfficientNetLite
from lift3d.models.encoder_hourglass import EncoderHourglass, EncoderHourglassConfig
from lift3d.models.fusion_config import encoder_config, small_config
from lift3d.models.fusion_net import FusionNet
from lift3d.models.fusion_pruning import fold_norms, prune
from lift3d.models.image_stream import LANDMARKS
from lift3d.models.load import LoadedHourglass
from lift3d.poses.errors import BadInput
from lift3d.training import fusion_start
from lift3d.training.fusion_start import begin_image_stream, hold_image_stream


def detector_with(encoder):
    torch.manual_seed(3)
    net = EncoderHourglass(EncoderHourglassConfig(encoder, features=16)).eval()
    return LoadedHourglass(net, "mpii16", 192)


@pytest.fixture(scope="module")
def detector():
    return detector_with("lite0")


def net_with(encoder):
    torch.manual_seed(4)
    return FusionNet(encoder_config(encoder, width=0.25))


@pytest.fixture
def net():
    return net_with("lite0")


def inputs(count=2, side=128):
    torch.manual_seed(5)
    return torch.randn(count, 3, side, side), torch.rand(count, 16, 128, 128)


@pytest.mark.parametrize(("encoder", "layer"), [("lite0", 6), ("blazepose", 7)])
def test_the_image_stream_gives_what_the_detectors_encoder_gives(encoder, layer):
    net, detector = net_with(encoder), detector_with(encoder)
    begin_image_stream(net, detector)
    images, maps = inputs()
    with torch.no_grad():
        wanted = detector.net.encoder.eval()(images)[2]  # of a sixteenth of the side
        found = net.eval().stream_outputs(images, maps, layer)[0]
    torch.testing.assert_close(found, wanted)


def test_blazeposes_encoder_needs_a_detector_that_has_it(detector):
    for other in (detector, None):
        with pytest.raises(BadInput) as failure:
            begin_image_stream(net_with("blazepose"), other)
        assert str(failure.value) == (
            "an image stream of the size blazepose begins with a detector's encoder; give a "
            "--detector that has it, like hourglass-s, or take --size lite0"
        )


def test_a_landmark_stream_needs_mediapipes_weights(detector):
    with pytest.raises(BadInput) as failure:
        begin_image_stream(net_with(LANDMARKS), detector)
    assert str(failure.value) == (
        "the size landmarks begins with MediaPipe's weights; run `curl -O "
        "https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz` and pass what it "
        "gets as --published"
    )


def test_without_such_a_detector_it_begins_with_imagenets(net, monkeypatch):
    asked = []
    monkeypatch.setattr(fusion_start, "load_imagenet", lambda encoder, name: asked.append(name))
    begin_image_stream(net, None)
    assert asked == ["lite0"]


@pytest.mark.parametrize("config", [small_config(0.25), encoder_config(fusion="maps")])
def test_a_network_without_an_encoder_is_left_alone(config, detector):
    net = FusionNet(config)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    begin_image_stream(net, detector)
    assert hold_image_stream(net) == []
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, before[name])


@pytest.mark.parametrize("encoder", ["lite0", "blazepose", LANDMARKS])
def test_what_is_held_gets_no_gradient_and_all_else_does(encoder):
    net = net_with(encoder)
    learning = hold_image_stream(net)
    net.train()(*inputs(4, net.config.picture_size)).square().sum().backward()
    missing = {name for name, p in net.named_parameters() if p.grad is None}
    assert all(name.startswith("streams.image") for name in missing)
    assert any("depthwise" in name for name in missing)
    assert any("regressor.blocks.0.filter" in name for name in missing) == (encoder == LANDMARKS)
    assert learning
    assert all(p.grad is not None for p in learning)


@pytest.mark.parametrize("fusion", ["trainable", 0, 10])
def test_a_landmark_stream_looks_at_a_picture_of_twice_the_size_of_the_maps(fusion):
    net = FusionNet(encoder_config(LANDMARKS, width=0.25, fusion=fusion)).eval()
    assert net.config.layers == 10
    with torch.no_grad():
        assert net(*inputs(1, 256)).shape == (1, 17, 3)
    with pytest.raises(BadInput, match=r"^images must have shape \(N, 3, 256, 256\)"):
        net(*inputs(1))


def test_pruning_a_landmark_stream_changes_nothing_but_rounding():
    net = net_with(LANDMARKS).eval()
    net.settle()
    given = inputs(2, 256)
    with torch.no_grad():
        whole = net(*given)
        pruned = prune(net)
        torch.testing.assert_close(pruned(*given), whole, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(fold_norms(pruned)(*given), whole, atol=1e-4, rtol=1e-3)
    assert pruned.config.fusion == 5  # the landmark network is whole


@pytest.mark.parametrize("encoder", ["lite0", "blazepose"])
def test_pruning_and_folding_change_nothing_but_rounding(encoder):
    net = net_with(encoder)
    begin_image_stream(net, detector_with(encoder))
    net.eval().settle()
    given = inputs()
    with torch.no_grad():
        whole = net(*given)
        pruned = prune(net)
        torch.testing.assert_close(pruned(*given), whole, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(fold_norms(pruned)(*given), whole, atol=1e-4, rtol=1e-3)
    assert not any(name.endswith("running_var") for name in pruned.state_dict())


def test_other_channels_than_the_encoders_are_refused():
    config = encoder_config()
    wrong = (replace(config.convs[0], image=24), *config.convs[1:])
    with pytest.raises(BadInput, match=r"^with the image_encoder 'lite0' the image stream's"):
        replace(config, convs=wrong)
    with pytest.raises(
        BadInput, match=r"^encoder must be one of blazepose, blazepose-heavy, lite0"
    ):
        encoder_config("resnet")


def test_the_encoder_as_plain_convolutions_gives_the_same():
    torch.manual_seed(6)
    encoder = EfficientNetLite("lite0").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(encoder.stem.as_conv()(x), encoder.stem(x))
