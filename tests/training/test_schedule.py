"""Learning rate, resolution and moving average over a training."""

import pytest
import torch
from torch import nn

from lift3d.poses.errors import BadInput
from lift3d.training.average import move_average, start_average
from lift3d.training.schedule import Phase, learning_rate, parse_phases, size_at


def test_the_rate_rises_then_falls_to_one_percent():
    rates = [learning_rate(n, total=100, peak=1.0, warm_up=10) for n in (0, 4, 9, 10, 55, 100)]
    assert rates == pytest.approx([0.1, 0.5, 1.0, 1.0, 0.505, 0.01])


def test_sizes_follow_the_phases():
    phases = parse_phases("128:200,192:60")
    assert phases == (Phase(128, 200), Phase(192, 60))
    assert [size_at(phases, n) for n in (0, 199, 200, 259, 300)] == [128, 128, 192, 192, 192]


@pytest.mark.parametrize("text", ["", "128", "128:-1", "a:b", "128:5;192:6"])
def test_phases_of_another_form_are_refused(text):
    with pytest.raises(BadInput) as error:
        parse_phases(text)
    assert str(error.value) == (
        f"phases must look like 128:200000,192:60000 (size:samples), got {text!r}"
    )


def test_the_average_follows_by_its_decay_worked_by_hand():
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 0.0)
    average = start_average(net)
    nn.init.constant_(net.weight, 1.0)
    move_average(average, net, step=0, decay=0.99)  # early: decay 1 / 10
    assert average["weight"].item() == pytest.approx(0.9)
    move_average(average, net, step=10_000, decay=0.99)
    assert average["weight"].item() == pytest.approx(0.9 * 0.99 + 0.01)


def test_the_average_copies_counters():
    net = nn.BatchNorm1d(2)
    average = start_average(net)
    net(torch.randn(4, 2))
    move_average(average, net, step=0, decay=0.9)
    assert average["num_batches_tracked"] == 1
