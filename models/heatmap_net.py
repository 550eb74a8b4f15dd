"""The networks that turn images into heatmaps, whichever of them it is."""

from typing import Any

import torch

from .encoder_hourglass import EncoderHourglass, EncoderHourglassConfig
from .hourglass import HourglassConfig, StackedHourglass

HeatmapNet = StackedHourglass | EncoderHourglass
HeatmapNetConfig = HourglassConfig | EncoderHourglassConfig


def config_from(values: dict[str, Any]) -> HeatmapNetConfig:
    """Return the configuration that `to_dict` was called on.

    Raises:
        TypeError: there is no such setting.
        BadInput: a setting is out of its range.
    """
    return EncoderHourglassConfig(**values) if "encoder" in values else HourglassConfig(**values)


def bare_net(config: HeatmapNetConfig) -> HeatmapNet:
    """Return a new network of a shape."""
    if isinstance(config, EncoderHourglassConfig):
        return EncoderHourglass(config)
    return StackedHourglass(config)


def build_net(config: HeatmapNetConfig, device: torch.device) -> HeatmapNet:
    """Return a new network on a device."""
    return place_net(bare_net(config), device)


def place_net(net: HeatmapNet, device: torch.device) -> HeatmapNet:
    """Move a network to a device, its filters channels last, which is what runs fastest."""
    return net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
