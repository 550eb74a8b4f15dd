"""The stacked hourglass: sizes of the literature, shapes, bad input."""

import pytest
import torch

from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.poses.errors import BadInput


@pytest.mark.parametrize(
    ("stacks", "parameters"), [(1, 3_586_960), (2, 6_730_912), (4, 13_018_816), (8, 25_594_624)]
)
def test_parameter_counts_are_those_of_the_literature(stacks, parameters):
    with torch.device("meta"):
        net = StackedHourglass(HourglassConfig(stacks=stacks))
    assert sum(tensor.numel() for tensor in net.parameters()) == parameters


def test_every_stack_gives_maps_of_a_quarter_of_the_image():
    net = StackedHourglass(HourglassConfig(stacks=3, features=16, outputs=5)).eval()
    maps = net(torch.zeros(2, 3, 64, 128))
    assert [tuple(m.shape) for m in maps] == [(2, 5, 16, 32)] * 3


def test_sigmoid_output_lies_between_zero_and_one():
    net = StackedHourglass(HourglassConfig(stacks=1, features=16, output="sigmoid")).eval()
    maps = net(torch.randn(1, 3, 64, 64))[0]
    assert maps.min() > 0
    assert maps.max() < 1


def test_more_residuals_make_a_deeper_network():
    def count(residuals: int) -> int:
        config = HourglassConfig(stacks=1, features=16, residuals=residuals)
        return sum(isinstance(m, torch.nn.Conv2d) for m in StackedHourglass(config).modules())

    # Per residual three convolutions; 13 places in the hourglass and one behind it.
    assert count(2) - count(1) == 3 * 14


def test_gradients_reach_every_parameter_through_both_stacks():
    net = StackedHourglass(HourglassConfig(stacks=2, features=16))
    torch.stack([m.square().mean() for m in net(torch.randn(2, 3, 64, 64))]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_an_image_that_does_not_halve_is_refused():
    net = StackedHourglass(HourglassConfig(stacks=1, features=16))
    with pytest.raises(BadInput) as error:
        net(torch.zeros(1, 3, 64, 100))
    assert str(error.value) == (
        "image height and width must be multiples of 64, got 64 x 100; resize or pad them"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"stacks": 0}, "stacks must be 1 or more, got 0"),
        ({"features": 30}, "features must be divisible by 4, got 30"),
        ({"output": "tanh"}, "output must be one of linear, sigmoid, softmax, got 'tanh'"),
    ],
)
def test_config_refuses_what_makes_no_network(setting, message):
    with pytest.raises(BadInput) as error:
        HourglassConfig(**setting)
    assert str(error.value) == message
