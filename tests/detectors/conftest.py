"""Small networks of every kind that the detector runs."""

import pytest
import torch
from torch import nn

from lift3d.models.efficientnet_lite import NormedConv
from lift3d.models.encoder_hourglass import EncoderHourglass, EncoderHourglassConfig
from lift3d.models.hourglass import HourglassConfig, StackedHourglass

SMALL = {"features": 16, "outputs": 3}
NETS = {
    "stacked": lambda: StackedHourglass(HourglassConfig(stacks=2, depth=2, **SMALL)),
    "sigmoid": lambda: StackedHourglass(
        HourglassConfig(stacks=1, depth=2, output="sigmoid", **SMALL)
    ),
    "encoder": lambda: EncoderHourglass(EncoderHourglassConfig(**SMALL)),
    "expert": lambda: EncoderHourglass(
        EncoderHourglassConfig(features=16, expert="movenet-thunder")
    ),
    "encoder and a stack": lambda: EncoderHourglass(EncoderHourglassConfig(stacks=2, **SMALL)),
}


@pytest.fixture(params=NETS)
def net(request):
    """Return a small network whose norms do something, one of every kind."""
    torch.manual_seed(0)
    net = NETS[request.param]().eval().requires_grad_(False)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | NormedConv):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.BatchNorm2d) and module.affine:
            module.weight.data.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.3)
        if isinstance(module, NormedConv):
            module.scale.data.uniform_(0.5, 2)
            module.shift.data.normal_(0, 0.3)
    return net
