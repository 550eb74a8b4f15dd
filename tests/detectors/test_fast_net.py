"""The copies that the detector runs: folded norms, smaller numbers, recorded passes."""

import pytest
import torch
from torch import nn

from lift3d.detectors import cuda_graphs
from lift3d.detectors.cuda_graphs import CAPTURE_AFTER, MOST_SHAPES, GraphedNet
from lift3d.detectors.fast_net import FastNet
from lift3d.detectors.fused_net import FusedConv, FusedResidual, fold
from lift3d.models.efficientnet_lite import NormedConv
from lift3d.models.encoder_hourglass import EncoderHourglass
from lift3d.models.hourglass import HourglassConfig, Residual, StackedHourglass


def test_the_quick_network_gives_the_same_maps(net):
    images = torch.randn(2, 3, 64, 128)
    quick = FastNet(net, torch.float32)
    ours, theirs = quick(images), net(images)
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        size = other.abs().max()
        assert size > 0.01
        torch.testing.assert_close(one / size, other / size, rtol=0, atol=1e-5)
    assert (quick.stride, quick.divisor, quick.config) == (net.stride, net.divisor, net.config)


@pytest.mark.parametrize(("dtype", "at_once"), [(torch.float32, 2), (torch.bfloat16, 5)])
def test_large_batches_go_through_a_cpu_in_parts(dtype, at_once, monkeypatch):
    net = StackedHourglass(HourglassConfig(stacks=2, depth=2, features=16, outputs=3)).eval()
    quick, seen = FastNet(net, dtype), []
    monkeypatch.setattr(quick._net, "forward", lambda x: seen.append(len(x)) or [x[:, :1], x])
    images = torch.arange(11.0).view(11, 1, 1, 1).expand(11, 3, 256, 256)
    first, last = quick(images)
    assert seen == [at_once] * (11 // at_once) + [1]
    assert (first == images[:, :1]).all()
    assert (last == images).all()
    assert [len(maps) for maps in quick(images[:0])] == [0, 0]


def test_every_norm_behind_a_convolution_is_gone(net):
    quick = FastNet(net, torch.float32)
    assert not any(isinstance(module, Residual | NormedConv) for module in quick.modules())
    assert any(isinstance(module, FusedResidual) for module in quick.modules())
    left = sum(isinstance(module, nn.BatchNorm2d) for module in quick.modules())
    first = sum(isinstance(module, FusedResidual) for module in quick.modules())
    before_the_scores = int(isinstance(net, EncoderHourglass))
    assert left == first + before_the_scores


def test_the_network_itself_stays_as_it_is(net):
    images = torch.randn(1, 3, 64, 64)
    before, shapes = net(images)[-1], [type(module) for module in net.modules()]
    FastNet(net, torch.bfloat16)(images)
    assert [type(module) for module in net.modules()] == shapes
    assert all(value.dtype == torch.float32 for value in net.parameters())
    assert (net(images)[-1] == before).all()


def test_sixteen_bits_stay_near_and_come_out_as_32(net):
    images = torch.randn(1, 3, 64, 64)
    quick = FastNet(net, torch.bfloat16)
    assert sum(value.dtype == torch.bfloat16 for value in quick.parameters()) > 20
    ours, theirs = quick(images), net(images)
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == torch.float32
        assert (one - other).abs().max() < 0.1 * other.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_maps_do_not_depend_on_the_number_of_threads(net, dtype):
    quick, images, before = FastNet(net, dtype), torch.randn(1, 3, 64, 64), torch.get_num_threads()
    maps = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            maps.append(quick(images)[-1])
    finally:
        torch.set_num_threads(before)
    assert (maps[0] == maps[1]).all()
    assert (maps[0] == maps[2]).all()


def test_the_scores_are_no_sixteen_bit_numbers(net):
    maps = FastNet(net, torch.bfloat16)(torch.randn(1, 3, 64, 64))[-1]
    assert (maps != maps.bfloat16().float()).any()


def test_fold_worked_by_hand():
    conv, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.0)
    conv.weight.data.fill_(2.0)
    conv.bias.data.fill_(1.0)
    norm.running_mean.fill_(3.0)
    norm.running_var.fill_(4.0)
    norm.weight.data.fill_(6.0)
    norm.bias.data.fill_(5.0)
    folded = fold(conv, norm)  # ((2 x + 1) - 3) / 2 * 6 + 5 = 6 x - 1
    assert (folded.weight.item(), folded.bias.item()) == (6.0, -1.0)
    assert folded(torch.full((1, 1, 1, 1), 0.5)).item() == 2.0


def test_a_strided_convolution_of_single_channels_keeps_its_stride():
    normed = NormedConv(4, 4, kernel=5, stride=2, groups=4).eval()
    images = torch.randn(1, 4, 8, 8)
    plain = FusedConv(*normed.folded(), normed.stride, normed.groups)
    torch.testing.assert_close(plain(images), normed(images))


def test_a_convolution_without_a_bias_is_not_folded():
    with pytest.raises(ValueError, match="fold takes a convolution with a bias"):
        fold(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))


class FakeCuda(torch.Tensor):
    """A tensor that says that it is on a GPU."""

    device = torch.device("cuda")


def fake(*shape: int) -> torch.Tensor:
    """Return zeros that claim to lie on a GPU."""
    return torch.zeros(shape).as_subclass(FakeCuda)


class FakeGraph:
    """Count the replays of a recorded pass."""

    replays = 0

    def replay(self) -> None:
        """Count."""
        FakeGraph.replays += 1


@pytest.fixture
def graphed(monkeypatch):
    """Return a graphed network that recordings of its own sort are made of."""
    FakeGraph.replays = 0
    graphed = GraphedNet(lambda images: [images + 1])

    def record(images):
        return cuda_graphs.Recording(FakeGraph(), images.clone(), [torch.ones(1)])

    monkeypatch.setattr(graphed, "_record", record)
    return graphed


def test_a_shape_that_comes_often_is_recorded_and_replayed(graphed):
    for _ in range(CAPTURE_AFTER + 3):
        graphed(fake(1, 2))
    assert FakeGraph.replays == 3


def test_what_a_recording_gives_is_the_callers_own(graphed):
    for _ in range(CAPTURE_AFTER):
        graphed(fake(1, 2))
    first, second = graphed(fake(1, 2))[0], graphed(fake(1, 2))[0]
    assert first.data_ptr() != second.data_ptr()


def test_no_more_shapes_than_there_is_room_for_are_recorded(graphed):
    for width in range(1, MOST_SHAPES + 3):
        for _ in range(CAPTURE_AFTER + 1):
            graphed(fake(1, width))
    assert FakeGraph.replays == MOST_SHAPES


def test_a_recording_that_fails_leaves_the_network_as_it_is(graphed, monkeypatch, caplog):
    def fail(images):
        raise RuntimeError("operation not permitted\nwhile capturing")

    monkeypatch.setattr(graphed, "_record", fail)
    for _ in range(CAPTURE_AFTER + 3):
        assert (graphed(fake(1, 2))[0] == 1).all()
    assert FakeGraph.replays == 0
    assert caplog.messages == ["CUDA graphs are not used: operation not permitted"]


def test_on_a_cpu_nothing_is_recorded(graphed):
    for _ in range(CAPTURE_AFTER + 3):
        assert (graphed(torch.zeros(1, 2))[0] == 1).all()
    assert FakeGraph.replays == 0


@pytest.mark.gpu
def test_a_gpu_gives_the_maps_that_the_cpu_gives(net):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    placed = net.to("cuda")
    quick = FastNet(placed, torch.float16)
    batches = [torch.randn(2, 3, 64, 64, device="cuda") for _ in range(CAPTURE_AFTER + 3)]
    for images in batches:
        ours, theirs = quick(images)[-1], placed(images)[-1]
        assert (ours - theirs).abs().max() < 0.02 * theirs.abs().max()
    assert quick._graphed._works
    assert len(quick._graphed._recordings) == 1
