"""Images to 2D poses: heatmaps, person finding, one detector a file."""

from .hourglass import HourglassDetector

__all__ = ["HourglassDetector"]
