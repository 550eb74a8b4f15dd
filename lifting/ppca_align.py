"""Take size, place, handedness and heading out of poses (Tome et al. 2017, section 4.1)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .ppca_model import PPCAModel

Array = NDArray[np.floating]

GRID = 24  # headings tried before Newton's method, enough to find the right one of two minima
NEWTON_STEPS = 3
BLOCK = 50_000  # poses handled at once: the work space stays below 200 MB at 17 joints


def unit_poses(poses_mm: Array, parents: Sequence[int]) -> tuple[Array, Array]:
    """Return centred poses whose squared limb lengths sum to one, and their sizes.

    Args:
        poses_mm: (N, L, 3) any frame.
        parents: (L,) index of each joint's parent, -1 for the root.

    Returns:
        (N, L, 3) unit poses and (N,) the roots of the sums of squared limb lengths in mm.
    """
    limbs = [(joint, parent) for joint, parent in enumerate(parents) if parent >= 0]
    ends, starts = np.array(limbs).T
    units, size_mm = np.empty_like(poses_mm), np.empty_like(poses_mm[:, 0, 0])
    for start in range(0, len(poses_mm), BLOCK):
        some = slice(start, start + BLOCK)
        block = poses_mm[some]
        lengths = block[:, ends] - block[:, starts]  # (n, L-1, 3)
        size_mm[some] = np.sqrt(np.einsum("nld,nld->n", lengths, lengths))
        units[some] = block - block.mean(axis=1, keepdims=True)
        units[some] /= size_mm[some, None, None]
    return units, size_mm


def turn(poses: Array, angles: Array) -> Array:
    """Return poses turned about the y axis, as R of eq. 2.

    Args:
        poses: (N, L, 3) y up.
        angles: (N,) radians.
    """
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y, z = poses[..., 0], poses[..., 1], poses[..., 2]
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1).astype(poses.dtype)


def mirror(poses: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Return poses with x negated and left and right joints exchanged.

    Args:
        poses: (..., L, 3).
        pairs: indices (left, right) of the joints that exist on both sides.
    """
    swap = np.arange(poses.shape[-2])
    left, right = np.array(pairs).T
    swap[left], swap[right] = right, left
    return poses[..., swap, :] * np.array([-1, 1, 1], dtype=poses.dtype)


def initial_mean(units: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Return a first mean pose, before any heading is known.

    Section 4.1's variant of Tomasi and Kanade: y is averaged; the rows of x and z, one pair a pose,
    are approximated by a matrix of rank two, each pair of its left factor is replaced by the
    closest orthonormal matrix (here: rotation, so that no pose is turned inside out), and least
    squares give x and z. The mirrored copies make the result symmetric; it faces +z.

    Args:
        units: (N, L, 3) unit poses with any heading.
        pairs: indices (left, right) of the joints that exist on both sides.

    Returns:
        (L, 3) mean.
    """
    blocks = [units[i : i + BLOCK] for i in range(0, len(units), BLOCK)]
    L = units.shape[1]
    gram = np.zeros((L, L))
    for block in blocks:
        flat = block[..., [0, 2]].transpose(0, 2, 1).reshape(-1, L)  # (n, L, 2) -> (n*2, L)
        gram += flat.T @ flat
    B = np.linalg.eigh(gram)[1][:, -2:].T  # (2, L) the right factor
    # (N, 2, 2) the left one: rows x and z
    A = np.concatenate([block[..., [0, 2]].transpose(0, 2, 1) @ B.T for block in blocks])
    if np.median(np.linalg.det(A)) < 0:  # B is known up to a reflection
        A = A[..., ::-1]
    angle = np.arctan2(A[:, 0, 1] - A[:, 1, 0], A[:, 0, 0] + A[:, 1, 1])
    total = np.zeros((L, 3))
    for start, block in zip(range(0, len(units), BLOCK), blocks, strict=True):
        total += turn(block, -angle[start : start + BLOCK]).sum(axis=0, dtype=np.float64)
    return _symmetric(total / len(units), pairs)


def best_angles(units: Array, model: PPCAModel) -> Array:
    """Return the turn that makes each pose most probable under the model.

    Minimises over the angle what eq. 1 minimises over angle and coefficients together: with the
    coefficients eliminated the cost is q(c, s) = r.r + 2c r.p1 + 2s r.p2 + c^2 p1.p1 + s^2 p2.p2
    + 2cs p1.p2 in the model's inverse covariance, c and s the cosine and sine. A grid finds the
    basin, Newton's method the bottom.

    Args:
        units: (N, L, 3) unit poses.
        model: the current Gaussian.

    Returns:
        (N,) radians; `turn(units, angles)` is aligned.
    """
    zero = np.zeros_like(units[..., 0])
    x, y, z = units[..., 0], units[..., 1], units[..., 2]
    parts = [
        np.stack([zero, y, zero], axis=-1) - model.mean.astype(units.dtype),
        np.stack([x, zero, z], axis=-1),
        np.stack([z, zero, -x], axis=-1),
    ]
    size = len(model.variances)
    flats = [part.reshape(len(units), -1) for part in parts]  # (N, L, 3) -> (N, L*3)
    root = np.sqrt(model.variances / (model.variances + model.noise))[:, None]
    scaled = (root * model.basis.reshape(size, model.mean.size)).T.astype(units.dtype)
    along = [flat @ scaled for flat in flats]  # (N, J)

    def inner(i: int, k: int) -> Array:
        whole = np.einsum("nd,nd->n", flats[i], flats[k])
        return (whole - np.einsum("nj,nj->n", along[i], along[k])).astype(np.float64)

    # q = const + a cos + b sin + d cos 2t + e sin 2t
    a, b = 2 * inner(0, 1), 2 * inner(0, 2)
    d, e = (inner(1, 1) - inner(2, 2)) / 2, inner(1, 2)
    return _lowest_angle(a, b, d, e)


def _lowest_angle(a: Array, b: Array, d: Array, e: Array) -> Array:
    """Return (N,) the angles t that minimise a cos t + b sin t + d cos 2t + e sin 2t."""
    grid = np.arange(GRID) * (2 * np.pi / GRID)
    waves = np.stack([np.cos(grid), np.sin(grid), np.cos(2 * grid), np.sin(2 * grid)])
    angle = grid[np.argmin(np.stack([a, b, d, e], axis=1) @ waves, axis=1)]
    for _ in range(NEWTON_STEPS):
        c1, s1, c2, s2 = np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)
        slope = -a * s1 + b * c1 + 2 * (e * c2 - d * s2)
        bend = -a * c1 - b * s1 - 4 * (d * c2 + e * s2)
        step = slope / np.maximum(np.abs(bend), 1e-12)
        angle = angle - np.clip(step, -np.pi / GRID, np.pi / GRID)
    return angle


def _symmetric(mean: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Return the mean turned to face +z, its left at +x, averaged with its mirror image."""
    left, right = np.array(pairs).T
    across = (mean[left] - mean[right]).sum(axis=0)
    turned = turn(mean[None], np.arctan2(across[2:], across[:1]))[0]
    return (turned + mirror(turned, pairs)) / 2
