"""A small made-up body, its poses, and a lifter fitted to them."""

import numpy as np
import pytest

from lift3d.lifting import PPCALifter
from lift3d.poses import get_skeleton

# x to the person's left, y up, z to the front, millimetres
STANDING_MM = np.array(
    [
        [0, 930, 0],
        [-110, 930, 0],
        [-120, 500, 10],
        [-125, 80, -20],
        [110, 930, 0],
        [120, 500, 10],
        [125, 80, -20],
        [0, 1150, -10],
        [0, 1400, -20],
        [0, 1490, 60],
        [0, 1650, 20],
        [180, 1380, -20],
        [230, 1110, -30],
        [240, 870, 20],
        [-180, 1380, -20],
        [-230, 1110, -30],
        [-240, 870, 20],
    ],
    dtype=np.float64,
)


def moving_poses(count: int, seed: int) -> np.ndarray:
    """Return (count, 17, 3) poses: limbs swung by random angles, the whole turned and moved."""
    rng = np.random.default_rng(seed)
    parents = get_skeleton("h36m17").parents
    poses_mm = np.zeros((count, 17, 3))
    swing = np.zeros((count, 17))
    limits = {2: 0.5, 3: 0.6, 5: 0.5, 6: 0.6, 8: 0.3, 12: 0.9, 13: 0.8, 15: 0.9, 16: 0.8}
    for joint, parent in enumerate(parents):
        if parent < 0:
            continue
        swing[:, joint] = swing[:, parent] + limits.get(joint, 0.0) * rng.normal(size=count)
        x, y, z = STANDING_MM[joint] - STANDING_MM[parent]
        cos, sin = np.cos(swing[:, joint]), np.sin(swing[:, joint])
        limb = np.stack([np.full(count, x), cos * y - sin * z, sin * y + cos * z], axis=1)
        poses_mm[:, joint] = poses_mm[:, parent] + limb
    heading = rng.uniform(-np.pi, np.pi, count)[:, None]
    x, z = poses_mm[..., 0], poses_mm[..., 2]
    poses_mm[..., 0], poses_mm[..., 2] = (
        np.cos(heading) * x + np.sin(heading) * z,
        np.cos(heading) * z - np.sin(heading) * x,
    )
    return poses_mm + rng.normal(0, 800, (count, 1, 3))


@pytest.fixture(scope="session")
def poses_mm() -> np.ndarray:
    """Return (600, 17, 3) poses to learn from."""
    return moving_poses(600, seed=1)


@pytest.fixture(scope="session")
def unseen_mm() -> np.ndarray:
    """Return (60, 17, 3) other poses."""
    return moving_poses(60, seed=2)


@pytest.fixture(scope="session")
def lifter(poses_mm: np.ndarray) -> PPCALifter:
    """Return a fitted lifter; tests must not change it."""
    return PPCALifter(
        clusters=1, components=14, n_rotations=40, tilts_deg=(0.0, 20.0), noise=0.01
    ).fit(poses_mm)
