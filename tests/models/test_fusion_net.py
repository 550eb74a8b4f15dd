"""The fusion network: eq. 1 and 3, its fixed forms, pruning, weights files."""

from dataclasses import replace

import pytest
import torch

from lift3d.models.fusion_config import (
    ConvShape,
    FusionConfig,
    fusion_of,
    paper_config,
    small_config,
)
from lift3d.models.fusion_net import FusionNet
from lift3d.models.fusion_pruning import fold_norms, prune
from lift3d.models.load_fusion import load_fusion, save_fusion
from lift3d.models.tensor_file import write_tensors
from lift3d.poses.errors import BadInput, WeightsMissing

CPU = torch.device("cpu")
TINY = FusionConfig(
    (ConvShape(4, 3, 3, 2), ConvShape(6, 5, 3, 1, 2), ConvShape(8, 6, 3, 2)),
    ((10, 7), (9, 8)),
    input_size=32,
)
BOTH = {"joint_neurons": 12, "glances": (1, 3)}


def build(fusion="trainable", seed=0, **settings):
    """Return a network with statistics of batch norm that are not the first ones."""
    torch.manual_seed(seed)
    net = FusionNet(replace(TINY, fusion=fusion, **settings))
    net.train()
    for _ in range(3):
        net(*inputs(8))
    return net.eval()


def inputs(count=2):
    return torch.randn(count, 3, 32, 32), torch.rand(count, 16, 32, 32)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_the_weights_are_the_sigmoid_of_eq_3():
    net = FusionNet(TINY)
    with torch.no_grad():
        net.log_alpha.fill_(0.0)  # alpha = 1
        net.beta.fill_(3.0)

    # 1 / (1 + e^2), 1 / (1 + e), 1/2, and mirrored
    wanted = torch.tensor([0.1192, 0.2689, 0.5, 0.7311, 0.8808])
    torch.testing.assert_close(net.fusion_weights().detach(), wanted, atol=1e-4, rtol=0)


def test_alpha_starts_at_a_tenth_and_beta_in_the_middle():
    net = FusionNet(small_config(0.25))

    assert net.alpha.item() == pytest.approx(0.1)
    assert net.beta.item() == 5.0


def test_the_streams_are_mixed_as_eq_1_says():
    net = build()
    image, maps = inputs()
    w = net.fusion_weights().detach()

    mixed, i, x = torch.cat([image, maps], 1), image, maps
    for k in range(1, 6):
        fused = net.streams["fusion"][str(k)](mixed)
        i, x = net.streams["image"][str(k)](i), net.streams["maps"][str(k)](x)
        mixed = (1 - w[k - 1]) * torch.cat([i, x], 1) + w[k - 1] * fused
    wanted = net.last(mixed).view(2, 17, 3)

    torch.testing.assert_close(net(image, maps), wanted - wanted[:, :1])


@pytest.mark.parametrize("settings", [{}, {"joint_neurons": 12}, {"glances": (2,)}, BOTH])
@pytest.mark.parametrize("point", range(6))
def test_a_sharp_trainable_fusion_is_the_fixed_one_at_its_layer(point, settings):
    net = build(**settings)
    with torch.no_grad():
        net.beta.fill_(point + 0.4)
    net.settle()
    fixed = prune(net)
    image, maps = inputs()

    assert fixed.config.fusion == point
    assert parameters(fixed) < parameters(net)
    torch.testing.assert_close(fixed(image, maps), net(image, maps), atol=1e-6, rtol=0)


def test_early_fusion_has_no_data_streams_and_late_no_fusion_layers():
    assert set(FusionNet(replace(TINY, fusion=0)).streams) == {"fusion"}
    assert set(FusionNet(replace(TINY, fusion=5)).streams) == {"image", "maps"}


@pytest.mark.parametrize("settings", [{}, {"joint_neurons": 12}, BOTH])
@pytest.mark.parametrize(("stream", "other"), [("image", 1), ("maps", 0)])
def test_a_single_stream_does_not_look_at_the_other_input(stream, other, settings):
    net = build(stream, **settings)
    one = list(inputs())
    changed = list(one)
    changed[other] = torch.rand_like(one[other])

    assert torch.equal(net(*one), net(*changed))
    changed[1 - other] = torch.rand_like(one[1 - other])
    assert not torch.equal(net(*one), net(*changed))


def test_the_root_is_the_origin():
    assert (build()(*inputs())[:, 0] == 0).all()


@pytest.mark.parametrize("settings", [{}, {"joint_neurons": 12}, {"glances": (2,)}, BOTH])
def test_gradients_reach_every_parameter_alpha_and_beta_included(settings):
    net = build(**settings).train()
    net(*inputs(4)).square().sum().backward()

    still = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert still == set()


@pytest.mark.parametrize("point", range(6))
def test_a_settled_fusion_trains_on_as_the_fixed_one(point):
    net = build(**BOTH)
    with torch.no_grad():
        net.beta.fill_(point + 0.4)
    net.settle()
    fixed, batch = prune(net).train(), inputs(4)

    torch.testing.assert_close(net.train()(*batch), fixed(*batch), atol=1e-5, rtol=0)


def test_early_fusion_keeps_the_image_layers_whose_maps_are_read_at_the_joints():
    early = FusionNet(replace(TINY, fusion=0, glances=(2,)))
    late = FusionNet(replace(TINY, fusion=5, glances=(2,)))

    assert list(early.streams["image"]) == ["1", "2"]
    assert "maps" not in early.streams
    assert late.glance is None  # its fusion stream has no fully connected layer


def test_a_settled_fusion_moves_neither_alpha_nor_beta():
    net = build().train()
    net.settle()
    net(*inputs(4)).square().sum().backward()

    assert net.beta.grad.item() == 0
    assert net.log_alpha.grad.item() == 0
    assert net.fusion_weights().tolist() == [0, 0, 1, 1, 1]  # beta 2.5


def test_a_settled_network_in_training_leaves_out_what_weighs_nothing(monkeypatch):
    net, given = build(), inputs(4)
    net.settle()
    net.train()
    image, maps = given
    seen = net._outputs("image", image, {}, 5)
    mixed = net._mixed(seen, maps, {})

    joined = net._joined(seen, maps, {}, int(net.settled_at))
    monkeypatch.setattr(net, "_mixed", None)  # is not called any more
    net(*given).square().sum().backward()

    torch.testing.assert_close(joined, mixed)
    assert all(parameter.grad is not None for parameter in net.parameters())
    assert net.streams["fusion"]["1"].map.weight.grad.abs().sum() == 0
    assert net.streams["image"]["1"].map.weight.grad.abs().sum() > 0


def test_sharpened_weights_come_close_to_0_and_1_about_the_same_layer():
    net = build()
    with torch.no_grad():
        net.log_alpha.fill_(0.0)
    soft = net.fusion_weights()
    net.sharpen(30.0)
    sharp = net.fusion_weights()

    assert soft.min() > 0.1
    assert torch.minimum(sharp, 1 - sharp).max() < 1e-3
    assert ((soft > 0.5) == (sharp > 0.5)).all()


def test_settling_once_is_for_good():
    net = build()
    net.settle()
    with torch.no_grad():
        net.beta.fill_(4.5)
    net.settle()

    assert int(net.settled_at) == 2


@pytest.mark.parametrize("fusion", ["trainable", 0, 3, 5, "maps"])
def test_folded_norms_give_the_same_output(fusion):
    net, given = build(fusion), inputs()
    before = net(*given).detach()

    folded = fold_norms(net)

    assert not any("norm" in name for name in folded.state_dict())
    torch.testing.assert_close(folded(*given), before, atol=1e-5, rtol=1e-5)


def test_a_fusion_that_is_not_sharp_is_not_pruned():
    with pytest.raises(BadInput) as failure:
        prune(build())

    assert str(failure.value) == (
        "the fusion is not sharp yet: layer 2 has weight 0.488; train on, or call settle() and "
        "train the rest for the weights 0 and 1"
    )


def test_nearly_sharp_weights_are_pruned_and_the_output_hardly_changes():
    net, given = build(), inputs()
    with torch.no_grad():
        net.log_alpha.fill_(4.0)  # alpha 54.6, w_2 = 1e-12, w_3 = 1

    pruned = prune(net)

    assert pruned.config.fusion == 2
    torch.testing.assert_close(pruned(*given), net(*given), atol=1e-4, rtol=0)


def test_the_papers_size_has_its_layers_and_parameters():
    with torch.device("meta"):
        image, late = (FusionNet(paper_config(fusion)) for fusion in ("image", 5))
    # 9*9*3*32 + 32, 5*5*32*72 + 72, 5*5*72*72 + 72, 72*16*16*512 + 512, 512*2048 + 2048, 2048*51+51
    convs = 7_808 + 57_672 + 129_672
    dense = 9_437_696 + 1_050_624
    assert parameters(image) == convs + dense + 104_499
    # two of these streams, the maps' with 16 channels in; 4096 * 51 + 51
    maps = 9 * 9 * 16 * 32 + 32 - 7_808
    assert parameters(late) == 2 * (convs + dense) + maps + 208_947


def test_the_small_size_fits_its_bounds_however_it_is_fused():
    with torch.device("meta"):
        sizes = [parameters(FusionNet(small_config(1.0, point))) for point in range(11)]
    assert max(sizes) * 2 < 12e6  # bytes as float16


def test_the_width_widens_every_layer():
    narrow, wide = small_config(0.5), small_config(2.0)
    assert [conv.image for conv in wide.convs] == [48, 96, 96, 192, 192, 256, 256, 256]
    assert narrow.neurons == ((128, 128), (128, 128))


@pytest.mark.parametrize("fusion", ["trainable", 2, "image"])
def test_weights_come_back_from_their_file(tmp_path, fusion):
    net, given = build(fusion).half().float(), inputs()  # as exact as the file is
    if fusion == "trainable":
        net.settle()
    path = tmp_path / "fusion.safetensors"

    save_fusion(path, net, {"recipe": {"seed": 3}})
    again, metadata = load_fusion(path, CPU)

    assert again.config == net.config
    assert metadata["recipe"] == {"seed": 3}
    torch.testing.assert_close(again(*given), net(*given), atol=1e-5, rtol=1e-5)


def test_weights_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "hourglass"})

    with pytest.raises(WeightsMissing) as failure:
        load_fusion(path, CPU)

    assert str(failure.value) == (
        f"{path} holds 'hourglass' weights, expected 'fusion'; train some with `lift3d train "
        "fusion`"
    )


def test_weights_that_lack_a_layer_are_refused(tmp_path):
    path = tmp_path / "fusion.safetensors"
    config = replace(TINY, fusion=2).to_dict()
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "fusion", "config": config})

    with pytest.raises(WeightsMissing, match="does not fit its own configuration; train it anew"):
        load_fusion(path, CPU)


def test_inputs_of_another_size_are_named():
    net = build(2)
    with pytest.raises(BadInput) as failure:
        net(torch.zeros(1, 3, 32, 32), torch.zeros(1, 17, 32, 32))
    assert str(failure.value) == "maps must have shape (N, 16, 32, 32), got (1, 17, 32, 32)"
    with pytest.raises(BadInput) as failure:
        net(torch.zeros(1, 3, 64, 32), torch.zeros(1, 16, 32, 32))
    assert str(failure.value) == "images must have shape (N, 3, 32, 32), got (1, 3, 64, 32)"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"fusion": 6}, "the layer of fusion must be from 0 (early) to 5 (late), got 6"),
        ({"fusion": "both"}, "fusion must be trainable, image, maps or a layer, got 'both'"),
        ({"input_size": 36}, "input_size must be a multiple of 8, got 36"),
        ({"convs": ()}, "a fusion network needs a convolutional layer or more, got none"),
        ({"neurons": ((0, 4),)}, "channels, kernels and strides must be 1 or more, got 0"),
        ({"joint_neurons": -1}, "joint_neurons must be 0 or more, got -1"),
        ({"glances": (1, 4)}, "glances must be convolutional layers from 1 to 3, got (1, 4)"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, got 1.0"),
    ],
)
def test_a_setting_out_of_range_is_named(setting, message):
    with pytest.raises(BadInput) as failure:
        replace(TINY, **setting)
    assert str(failure.value) == message


def test_words_name_the_fusion():
    assert [fusion_of(word, 5) for word in ("early", "3", "late")] == [0, 3, 5]
    with pytest.raises(BadInput) as failure:
        fusion_of("6", 5)
    assert str(failure.value) == (
        "fusion must be trainable, early, late, image, maps or a layer from 0 to 5, got '6'"
    )
