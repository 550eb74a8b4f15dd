"""Rotations that take directions to directions: matrices (3, 3) that turn column vectors."""

import numpy as np
from scipy.spatial.transform import Rotation


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (..., D) at length 1; a zero vector stays zero."""
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))  # quicker than norm for few
    return vectors / np.maximum(length, 1e-12)[..., None]


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cross products (..., 3) of vectors (..., 3); much quicker than numpy's for few.

    >>> cross(np.array([1.0, 0, 0]), np.array([0.0, 1, 0])).tolist()
    [0.0, 0.0, 1.0]
    """
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the rotation by an angle in radians about an axis (3,) of any length.

    >>> (about(np.array([0.0, 0, 2]), np.pi / 2) @ [1, 0, 0]).round(3) + 0
    array([0., 1., 0.])
    """
    return Rotation.from_rotvec(unit(axis) * angle).as_matrix()


def swing(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the smallest rotation that takes direction `start` (3,) to direction `end` (3,)."""
    start, end = unit(start), unit(end)
    axis = cross(start, end)
    angle = float(np.arctan2(np.linalg.norm(axis), start @ end))
    if np.linalg.norm(axis) < 1e-9:  # any axis across turns a direction round
        axis = cross(start, np.eye(3)[np.argmin(abs(start))])
    return about(axis, angle)


def part_way(start: np.ndarray, end: np.ndarray, fraction: float) -> np.ndarray:
    """Return the rotation a fraction of the way from one rotation to another."""
    turn = Rotation.from_matrix(start.T @ end).as_rotvec()
    return start @ Rotation.from_rotvec(fraction * turn).as_matrix()


def axes_x_first(x: np.ndarray, near_y: np.ndarray) -> np.ndarray:
    """Return right-handed axes as columns (3, 3): x along `x`, y as near to `near_y` as can be."""
    x, z = unit(x), unit(cross(x, near_y))
    return np.stack([x, cross(z, x), z], axis=-1)


def axes_y_first(y: np.ndarray, near_x: np.ndarray) -> np.ndarray:
    """Return right-handed axes as columns (3, 3): y along `y`, x as near to `near_x` as can be."""
    y, z = unit(y), unit(cross(near_x, y))
    return np.stack([cross(y, z), y, z], axis=-1)
