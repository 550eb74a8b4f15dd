"""lift3d: photos and videos of people to 3D poses, by interchangeable 2D detectors and 3D lifters.

>>> import lift3d
>>> lift3d.get_skeleton("mpii16").n_joints
16
"""

import importlib
from typing import TYPE_CHECKING, Any

from .poses.errors import (
    BadInput,
    DecodeError,
    Lift3dError,
    NotFitted,
    PluginError,
    WeightsMissing,
)

if TYPE_CHECKING:
    from .pipelines.conformance import check_detector, check_lifter
    from .pipelines.frame import Frame
    from .pipelines.images import read_image
    from .pipelines.parts import load_detector, load_lifter
    from .pipelines.pipeline import Pipeline
    from .poses import Pose2D, Pose3D, Skeleton, get_skeleton

__version__ = "0.1.0"

_LAZY = {
    "Frame": ".pipelines.frame",
    "Pipeline": ".pipelines.pipeline",
    "Pose2D": ".poses",
    "Pose3D": ".poses",
    "Skeleton": ".poses",
    "check_detector": ".pipelines.conformance",
    "check_lifter": ".pipelines.conformance",
    "get_skeleton": ".poses",
    "load_detector": ".pipelines.parts",
    "load_lifter": ".pipelines.parts",
    "read_image": ".pipelines.images",
}

__all__ = [
    "BadInput",
    "DecodeError",
    "Frame",
    "Lift3dError",
    "NotFitted",
    "Pipeline",
    "PluginError",
    "Pose2D",
    "Pose3D",
    "Skeleton",
    "WeightsMissing",
    "check_detector",
    "check_lifter",
    "get_skeleton",
    "load_detector",
    "load_lifter",
    "read_image",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
