"""A scripted detector with known joints, so that tests need no trained detector."""

from pathlib import Path

import numpy as np
import pytest

SCRIPTED = '''
import numpy as np
from lift3d.poses import Pose2D, get_skeleton
from lift3d.pipelines.conformance import STANDING_PX


class Scripted:
    """Finds a standing person wherever the image's mean is above 100."""

    skeleton = get_skeleton("mpii16")

    def __init__(self, device="cpu"):
        self.device = device

    def detect(self, images):
        return [[self.pose(image, n) for n in range(int(image.mean() > 100))] for image in images]

    def pose(self, image, n):
        joints = []
        for joint in self.skeleton.joints:
            side, _, part = joint.partition("_")
            sign = {"left": 1, "right": -1}.get(side, 0)
            x, y = STANDING_PX[part if sign else joint]
            joints.append((image.shape[1] / 2 + sign * x, y + 5))
        box = np.array([0, 0, image.shape[1] - 1, image.shape[0] - 1.0])
        return Pose2D(np.array(joints, float), np.full(16, 0.8), self.skeleton, box, score=0.9)


class Broken:
    """Lacks everything."""


NUMBER = 5


def fails(device="cpu"):
    raise RuntimeError("no such camera")
'''


@pytest.fixture
def scripted(tmp_path: Path) -> str:
    """Return the path of a Python file with the detector `Scripted`."""
    path = tmp_path / "plugins" / "scripted.py"
    path.parent.mkdir()
    path.write_text(SCRIPTED)
    return str(path)


@pytest.fixture
def bright() -> np.ndarray:
    """Return a photo in which `Scripted` finds a person."""
    return np.full((220, 160, 3), 200, np.uint8)


@pytest.fixture
def dark() -> np.ndarray:
    """Return a photo in which `Scripted` finds nobody."""
    return np.full((220, 160, 3), 20, np.uint8)
