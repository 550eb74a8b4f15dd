"""People made of strokes, whose pictures and joints are known, so that no test needs a body."""

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.poses import get_skeleton

BODY = get_skeleton("h36m17")
SIZE = 64


@dataclass(frozen=True)
class StrokePerson:
    """One of them, with the fields of a synthetic person that trainings read."""

    image: np.ndarray
    joints_px: np.ndarray
    joints_mm: np.ndarray


class StrokePeople:
    """A body that stands in any direction, its far joints dark and its near ones bright."""

    def sample(self, index: int) -> StrokePerson:
        rng = np.random.default_rng([7, index])
        angle = rng.uniform(-np.pi, np.pi)
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        joints_mm = (STANDING_MM + rng.normal(0, 25, (17, 3))) @ turn.T
        joints_mm -= joints_mm[:1]
        joints_px = joints_mm[:, :2] * (SIZE / 2100) + SIZE / 2 + [0, 2]
        image = rng.integers(90, 130, (SIZE, SIZE, 3), np.uint8)
        for parent, child in BODY.bones:
            shade = 128 - 0.3 * joints_mm[[parent, child], 2].mean()
            colour = (float(np.clip(shade, 0, 255)), 60.0, 200.0)
            ends = [tuple(int(v) for v in joints_px[k].round()) for k in (parent, child)]
            cv2.line(image, *ends, colour, 2)
        return StrokePerson(image, joints_px, joints_mm)


# pelvis, right leg, left leg, spine to head top, left arm, right arm; y down, facing -z
STANDING_MM = np.array(
    [
        *[(0, 0, 0), (-130, 0, 0), (-140, 430, -30), (-140, 850, 60)],
        *[(130, 0, 0), (140, 430, -30), (140, 850, 60)],
        *[(0, -230, 20), (0, -470, 20), (0, -560, -60), (0, -680, -30)],
        *[(170, -440, 10), (330, -230, 60), (300, -130, -180)],
        *[(-170, -440, 10), (-330, -230, 60), (-300, -130, -180)],
    ],
    float,
)


@pytest.fixture(scope="session")
def stroke_people():
    return StrokePeople()


@pytest.fixture
def pack():
    """Return motion capture of three subjects, the third to validate on."""
    rng = np.random.default_rng(0)
    body = rng.normal(0, 300, (17, 3))
    poses = body + np.cumsum(rng.normal(0, 20, (120, 17, 3)), axis=0)
    return MocapPack(
        poses_mm=poses.astype(np.float32),
        clip=np.repeat([0, 1, 2], 40),
        clip_names=np.array(["a", "b", "c"]),
        clip_subject=np.array([1, 2, 3]),
        clip_fps=np.full(3, 25.0),
        clip_grade=np.zeros(3, int),
        clip_split=np.array([0, 0, 1]),
        clip_description=np.array(["walk"] * 3),
    )
