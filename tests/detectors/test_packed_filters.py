"""Convolutions whose filters are laid out beforehand give what convolutions give."""

import pytest
import torch
from torch.nn import functional

from lift3d.detectors import fused_net
from lift3d.detectors.fused_net import FusedConv
from lift3d.detectors.packed_filters import MOST_SHAPES, PackedFilters, can_pack

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no oneDNN")
ACTIVATE = {None: lambda y: y, "relu": functional.relu, "relu6": functional.relu6}


def drawn(*shape: int) -> torch.Tensor:
    """Return values wide enough that ReLU6 cuts some of them on both sides."""
    torch.manual_seed(sum(shape))
    return 3 * torch.randn(shape)


def images(count: int = 2, channels: int = 8, side: int = 12) -> torch.Tensor:
    return drawn(count, channels, side, side).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("activation", ACTIVATE)
@pytest.mark.parametrize(
    ("kernel", "stride", "groups"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (5, 2, 8)]
)
def test_a_convolution_and_what_follows_it(activation, kernel, stride, groups):
    weight, bias, x = drawn(16, 8 // groups, kernel, kernel), drawn(16), images()
    expected = functional.conv2d(x, weight, bias, stride, kernel // 2, groups=groups)
    found = PackedFilters(weight, bias, stride, groups)(x, activation, None)
    torch.testing.assert_close(found, ACTIVATE[activation](expected), rtol=1e-5, atol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("maps", "side"), [(1, 12), (8, 1), (1, 1)])
def test_a_single_map_or_pixel_can_be_added_to(maps, side):
    weight, bias, x, plus = (
        drawn(maps, 8, 1, 1),
        drawn(maps),
        images(side=side),
        drawn(2, maps, side, side),
    )
    found = PackedFilters(weight, bias, 1, 1)(x, None, plus)
    expected = functional.conv2d(x, weight, bias) + plus
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_a_sum_leaves_what_is_added_as_it_is():
    weight, bias, x = drawn(8, 8, 3, 3), drawn(8), images()
    before = x.clone()
    found = PackedFilters(weight, bias, 1, 1)(x, None, x)
    expected = functional.conv2d(x, weight, bias, padding=1) + x
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
    assert (x == before).all()


def test_the_filters_are_laid_out_once_for_a_shape_and_the_last_shapes_are_kept():
    filters = PackedFilters(drawn(8, 8, 1, 1), drawn(8), 1, 1)
    first = filters._for((1, 8, 4, 4))
    assert filters._for((1, 8, 4, 4)) is first
    for count in range(2, 2 + MOST_SHAPES):
        filters._for((count, 8, 4, 4))
    assert len(filters._laid_out) == MOST_SHAPES
    assert filters._for((1, 8, 4, 4)) is not first


def test_a_shape_that_comes_again_is_not_the_next_to_go():
    filters = PackedFilters(drawn(8, 8, 1, 1), drawn(8), 1, 1)
    shapes = [(count, 8, 4, 4) for count in range(1, 2 + MOST_SHAPES)]
    first = filters._for(shapes[0])
    for shape in shapes[1:]:
        filters._for(shape)
        assert filters._for(shapes[0]) is first


@pytest.mark.parametrize("count", [1, 2, 3])
def test_shapes_do_not_disturb_one_another(count):
    conv = FusedConv(drawn(8, 8, 3, 3), drawn(8), activation="relu6")
    for other in (1, 2, 3, count):
        x = images(other)
        expected = functional.relu6(functional.conv2d(x, conv.weight, conv.bias, padding=1))
        torch.testing.assert_close(conv(x), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("activation", ACTIVATE)
def test_a_torch_that_cannot_lay_out_filters_gives_the_same(monkeypatch, activation):
    conv, x = FusedConv(drawn(8, 8, 3, 3), drawn(8), activation=activation), images()
    packed = conv(x)
    monkeypatch.setattr(fused_net, "packs", lambda: False)
    torch.testing.assert_close(conv(x), packed, rtol=1e-5, atol=1e-4)
