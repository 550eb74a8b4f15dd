"""Detectors and lifters put together and run: pipelines, photos, pictures, writers."""

from .conformance import check_detector, check_lifter
from .parts import load_detector, load_lifter
from .pipeline import Pipeline

__all__ = ["Pipeline", "check_detector", "check_lifter", "load_detector", "load_lifter"]
