"""Smooth motion: each person's poses filtered over time, live or with a look ahead."""

from .smoothing_live import LiveSmoother
from .smoothing_offline import OfflineSmoother

__all__ = ["LiveSmoother", "OfflineSmoother"]
