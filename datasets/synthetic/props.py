"""Things that stand in front of people: boxes, posts and balls."""

import numpy as np

from .paints import cloth_paint
from .render import Surface
from .rotations import about, unit
from .tubes import sheet_faces


def random_prop(
    target_mm: np.ndarray, eye_mm: np.ndarray, owner: int, rng: np.random.Generator
) -> Surface:
    """Return a thing between the camera and a place.

    Args:
        target_mm: (3,) world, the place that it may hide.
        eye_mm: (3,) world, the camera.
        owner: its number.
        rng: where the draws come from.
    """
    to_eye = unit(eye_mm - target_mm)
    gap = min(rng.uniform(180, 700), 0.5 * np.linalg.norm(eye_mm - target_mm))
    centre = target_mm + gap * to_eye + rng.normal(0, 90, 3)
    kind = rng.integers(3)
    if kind == 0:
        rest, faces = _box(rng.uniform(60, 330, 3))
    elif kind == 1:
        rest, faces = _post(rng.uniform(15, 110), rng.uniform(300, 2200))
    else:
        rest, faces = _ball(rng.uniform(60, 230))
    tilt = about(rng.normal(size=3), rng.normal(0, 0.25)) @ about(np.eye(3)[1], rng.uniform(0, 6))
    return Surface(
        rest @ tilt.T + centre, faces, cloth_paint(rng), 0.03 * rng.integers(2), None,
        rest + np.array([0, 1200.0, 0]), False, owner,
    )  # fmt: skip


def _box(half_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a box whose sides are cut into a grid, so that depth stays exact enough."""
    n = 5
    at = np.linspace(-1, 1, n)
    u, v = (g.ravel() for g in np.meshgrid(at, at, indexing="ij"))
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            side = np.insert(np.stack([u, v], -1), axis, sign, axis=1)
            faces.append(sheet_faces(n, n, False) + n * n * len(vertices))
            vertices.append(side * half_mm)
    return np.concatenate(vertices), np.concatenate(faces)


def _post(radius_mm: float, height_mm: float) -> tuple[np.ndarray, np.ndarray]:
    rings, around = 12, 14
    angle = np.arange(around) * 2 * np.pi / around
    y = np.linspace(height_mm / 2, -height_mm / 2, rings)
    x = np.broadcast_to(radius_mm * np.cos(angle), (rings, around))
    z = np.broadcast_to(-radius_mm * np.sin(angle), (rings, around))
    vertices = np.stack([x, np.broadcast_to(y[:, None], x.shape), z], -1).reshape(-1, 3)
    return vertices, sheet_faces(rings, around, True)


def _ball(radius_mm: float) -> tuple[np.ndarray, np.ndarray]:
    rings, around = 10, 16
    down, angle = np.linspace(0, np.pi, rings), np.arange(around) * 2 * np.pi / around
    wide = np.sin(down)[:, None]
    x, z = wide * np.cos(angle), -wide * np.sin(angle)
    y = np.broadcast_to(np.cos(down)[:, None], x.shape)
    vertices = radius_mm * np.stack([x, y, z], -1).reshape(-1, 3)
    return vertices, sheet_faces(rings, around, True)
