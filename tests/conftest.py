"""A scripted detector with known joints, videos made by code, and a cache of the tests' own."""

from fractions import Fraction
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


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """Keep what tests measure out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


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


VIDEO_PARTS = '''
import os
import time
import numpy as np
from lift3d.poses import Pose2D, Pose3D, WeakPerspective, convert_joints, get_skeleton
from lift3d.pipelines.conformance import STANDING_PX


class Moving:
    """Finds a person on each bright column of the picture, standing where it is."""

    skeleton = get_skeleton("mpii16")

    def detect(self, images):
        time.sleep(float(os.environ.get("LIFT3D_TEST_SECONDS", 0)) * len(images))
        return [self.people(image) for image in images]

    def people(self, image):
        bright = image.mean((0, 2)) > 100  # (W,)
        edges = np.flatnonzero(np.diff(np.r_[0, bright.astype(int), 0])).reshape(-1, 2)
        return [self.pose((a + b - 1) / 2, image.shape[0]) for a, b in edges if b - a > 3]

    def pose(self, x0, height):
        joints = []
        for joint in self.skeleton.joints:
            side, _, part = joint.partition("_")
            sign = {"left": 1, "right": -1}.get(side, 0)
            x, y = STANDING_PX[part if sign else joint]
            joints.append((x0 + sign * x / 4, y * height / 220))
        box = np.array([x0 - 9, 0, x0 + 9, height - 1.0])
        return Pose2D(np.array(joints), np.full(16, 0.8), self.skeleton, box, score=0.9)


class Flat:
    """Lifts into the picture's plane, ten millimetres a pixel."""

    skeleton = get_skeleton("h36m17")
    needs = frozenset()

    def lift(self, poses):
        return [self.one(pose) for pose in poses]

    def one(self, pose):
        joints_mm = self.lift_arrays(pose.joints_px[None], skeleton=pose.skeleton)[0]
        root = pose.joints_px[2:4].mean(0)  # between the hips of mpii16
        camera = WeakPerspective(0.1, root)
        return Pose3D(joints_mm, np.full(17, 0.8), self.skeleton, camera=camera, pose2d=pose)

    def lift_arrays(self, joints_px, confidence=None, *, skeleton):
        joints, _, _ = convert_joints(np.asarray(joints_px), None, skeleton, self.skeleton)
        joints = np.nan_to_num(joints - joints[:, :1])
        return np.concatenate([10 * joints, np.zeros((len(joints), 17, 1))], -1)
'''


@pytest.fixture
def video_parts(tmp_path: Path) -> str:
    """Return the path of a Python file with the detector `Moving` and the lifter `Flat`."""
    path = tmp_path / "plugins" / "video_parts.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(VIDEO_PARTS)
    return str(path)


@pytest.fixture
def make_video():
    """Return a function that writes a video of bright columns that walk to and fro."""
    return write_video


def write_video(
    path: Path,
    n_frames: int = 30,
    *,
    size: tuple[int, int] = (160, 120),
    columns: int = 1,
    times_ms: list[int] | None = None,
    codec: str = "libx264",
    rotation: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video at 25 frames a second, or at the times given, and return its path."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {"g": "10"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for k in range(n_frames):
            frame = av.VideoFrame.from_ndarray(columns_picture(k, size, columns), format="rgb24")
            frame.pts = times_ms[k] if times_ms else 40 * k
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def columns_picture(k: int, size: tuple[int, int], columns: int) -> np.ndarray:
    """Return frame k: dark, with bright columns of 12 px that swing with different phases."""
    width, height = size
    picture = np.full((height, width, 3), 20, np.uint8)
    for n in range(columns):
        middle = width * (2 * n + 1) / (2 * columns)
        x = round(middle + 0.15 * width / columns * np.sin(k / 5 + n))
        picture[:, x - 6 : x + 6] = 220
    return picture
