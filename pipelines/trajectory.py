"""Where people stand in front of the camera: the root in camera space, from a focal length."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..poses.convert import convert_joints
from ..poses.errors import BadInput
from ..poses.pose import Pose3D

Array = NDArray[np.floating]

DEFAULT_FOV_DEG = 60.0
"""The angle of view over the picture's longer side that is taken where nothing is known."""

NEAREST_MM = 200.0  # no joint comes closer to the camera
ROBUST_PART = 0.02  # joints further off than this part of the body's size in pixels count less
STEPS = 5
FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)


def focal_from_fov(fov_deg: float, size_px: tuple[int, int]) -> float:
    """Return the focal length in pixels of a camera with an angle of view over the longer side.

    Args:
        fov_deg: the angle, above 0 and below 180 degrees.
        size_px: width and height of the upright picture.

    Raises:
        BadInput: the angle or the size is out of range.

    >>> round(focal_from_fov(90, (1280, 720)), 6)
    640.0
    """
    if not 0 < fov_deg < 180:
        raise BadInput(f"fov_deg must lie between 0 and 180 degrees, got {fov_deg}")
    return max(_size(size_px)) / 2 / math.tan(math.radians(fov_deg) / 2)


def focal_from_film(focal_35mm: float, size_px: tuple[int, int]) -> float:
    """Return the focal length in pixels from the one that 35 mm film would need for this view.

    Cameras write it into their files; it compares the diagonals (CIPA DCG-001), 43.3 mm of film.

    Args:
        focal_35mm: in millimetres, above 0.
        size_px: width and height of the upright, uncropped picture.

    Raises:
        BadInput: the focal length or the size is out of range.

    >>> round(focal_from_film(50, (3600, 2400)))
    5000
    """
    if not (math.isfinite(focal_35mm) and focal_35mm > 0):
        raise BadInput(f"focal_35mm must be above 0 millimetres, got {focal_35mm}")
    return focal_35mm * math.hypot(*_size(size_px)) / FILM_DIAGONAL_MM


def default_focal(size_px: tuple[int, int]) -> float:
    """Return the focal length in pixels that is taken where nothing is known.

    It belongs to `DEFAULT_FOV_DEG`. Depth and size of every way towards the camera scale with it.

    >>> round(default_focal((1280, 720)))
    1109
    """
    return focal_from_fov(DEFAULT_FOV_DEG, size_px)


def picture_centre(size_px: tuple[int, int]) -> Array:
    """Return the middle (2,) of a picture in pixels, whose centres are at integers.

    >>> picture_centre((1280, 720))
    array([639.5, 359.5])
    """
    width, height = _size(size_px)
    return np.array([(width - 1) / 2, (height - 1) / 2])


def place_root(pose: Pose3D, focal_px: float, centre_px: ArrayLike) -> Pose3D:
    """Return the pose with `root_mm`, where it projects best onto its 2D joints.

    Where less than two joints were found in 2D, the weak-perspective camera tells the place; where
    there is none, either, `root_mm` is None.

    Args:
        pose: with `pose2d` or `camera`.
        focal_px: focal length, above 0.
        centre_px: (2,) principal point, see `picture_centre`.

    Raises:
        BadInput: the focal length or the centre is none.
    """
    return place_roots([pose], focal_px, centre_px)[0]


def place_roots(poses: list[Pose3D], focal_px: float, centre_px: ArrayLike) -> list[Pose3D]:
    """Return several poses with their `root_mm`; see `place_root`."""
    centre = np.asarray(centre_px, float)
    if not (math.isfinite(focal_px) and focal_px > 0):
        raise BadInput(f"focal_px must be above 0 pixels, got {focal_px}")
    if centre.shape != (2,) or not np.isfinite(centre).all():
        raise BadInput(f"centre_px must be x and y in pixels, got {centre_px!r}")
    roots: list[Array] = [np.full(3, np.nan)] * len(poses)
    sizes = {pose.skeleton.n_joints for pose in poses}
    for J in sizes:
        rows = [k for k, pose in enumerate(poses) if pose.skeleton.n_joints == J]
        pixels, weights = zip(*(_target(poses[k]) for k in rows), strict=True)
        joints = np.stack([poses[k].joints_mm for k in rows]).astype(float)
        solved = solve_root(joints, np.stack(pixels), np.stack(weights), focal_px, centre)
        for k, root in zip(rows, solved, strict=True):
            roots[k] = root
    return [
        replace(
            pose, root_mm=root if np.isfinite(root).all() else _from_camera(pose, focal_px, centre)
        )
        for pose, root in zip(poses, roots, strict=True)
    ]


def solve_root(
    joints_mm: Array, joints_px: Array, weights: Array, focal_px: float, centre_px: Array
) -> Array:
    """Return the translations (N, 3) in mm that project poses best onto their pixels.

    First the linear equations f (X + Tx) = u (Z + Tz) and f (Y + Ty) = v (Z + Tz), with u and v the
    pixels from the centre, weighted (Mehta et al., VNect, 2017, section 4.4, minimise the same
    distances); then Gauss-Newton steps on the reprojection error, in which joints that are far off
    count less (Huber's weights).

    Args:
        joints_mm: (N, J, 3) relative to the root.
        joints_px: (N, J, 2), NaN where not found.
        weights: (N, J), 0 where a joint does not count.
        focal_px: focal length.
        centre_px: (2,) principal point.

    Returns:
        NaN where less than two joints count, or all lie at one point.
    """
    found = np.isfinite(joints_px).all(-1) & np.isfinite(joints_mm).all(-1) & (weights > 0)
    weights = np.where(found, weights, 0.0)
    rays = np.where(found[..., None], (joints_px - centre_px) / focal_px, 0.0)  # (N, J, 2)
    body = np.where(found[..., None], joints_mm, 0.0)
    root, good = _linear_root(body, rays, weights)
    extent = _extent(rays, found)
    for _ in range(STEPS):
        root = _in_front(root, body, found)
        root = root + _step(root, body, rays, weights, ROBUST_PART * extent)
    root = _in_front(root, body, found)
    return np.where((good & (found.sum(-1) >= 2))[:, None], root, np.nan)


def _linear_root(body: Array, rays: Array, weights: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Solve Tx - u Tz = u Z - X and Ty - v Tz = v Z - Y for T (N, 3) in weighted least squares."""
    total = weights.sum(-1)
    mean_ray = np.einsum("nj,njd->nd", weights, rays)
    gram = np.zeros((len(body), 3, 3))
    gram[:, 0, 0] = gram[:, 1, 1] = total
    gram[:, :2, 2] = gram[:, 2, :2] = -mean_ray
    gram[:, 2, 2] = np.einsum("nj,njd->n", weights, rays**2)
    right = rays * body[..., 2:] - body[..., :2]  # (N, J, 2)
    target = np.empty((len(body), 3))
    target[:, :2] = np.einsum("nj,njd->nd", weights, right)
    target[:, 2] = -np.einsum("nj,njd,njd->n", weights, rays, right)
    safe = np.maximum(total, 1e-12)
    spread = gram[:, 2, 2] / safe - ((mean_ray / safe[:, None]) ** 2).sum(-1)
    good = (total > 0) & (spread > 1e-12)
    gram = np.where(good[:, None, None], gram, np.eye(3))
    return np.linalg.solve(gram, np.where(good[:, None], target, 0.0)[..., None])[..., 0], good


def _step(root: Array, body: Array, rays: Array, weights: Array, robust: Array) -> Array:
    """Return one Gauss-Newton step (N, 3) on the distances of rays, with Huber's weights."""
    seen = body + root[:, None]
    depth = np.maximum(seen[..., 2:], NEAREST_MM)
    gap = rays - seen[..., :2] / depth  # (N, J, 2)
    far = np.linalg.norm(gap, axis=-1) / np.maximum(robust, 1e-9)[:, None]
    w = weights / np.maximum(far, 1.0)
    jacobian = np.zeros((*gap.shape, 3))  # of the projection, (N, J, 2, 3)
    jacobian[..., 0, 0] = jacobian[..., 1, 1] = 1 / depth[..., 0]
    jacobian[..., 2] = -seen[..., :2] / depth**2
    gram = np.einsum("nj,njda,njdb->nab", w, jacobian, jacobian)
    right = np.einsum("nj,njda,njd->na", w, jacobian, gap)
    damping = 1e-9 * np.trace(gram, axis1=1, axis2=2) + 1e-15
    return np.linalg.solve(gram + damping[:, None, None] * np.eye(3), right[..., None])[..., 0]


def _in_front(root: Array, body: Array, found: NDArray[np.bool_]) -> Array:
    """Return the roots moved back where a joint would be nearer than `NEAREST_MM`."""
    nearest = np.where(found, body[..., 2], np.inf).min(-1, initial=0.0)
    depth = np.maximum(root[:, 2], NEAREST_MM - nearest)
    return np.concatenate([root[:, :2], depth[:, None]], -1)


def _extent(rays: Array, found: NDArray[np.bool_]) -> Array:
    """Return the larger side (N,) of the box round the rays that count."""
    low = np.where(found[..., None], rays, np.inf).min(1)
    high = np.where(found[..., None], rays, -np.inf).max(1)
    return np.where(found.any(-1), (high - low).max(-1), 0.0)


def _target(pose: Pose3D) -> tuple[Array, Array]:
    """Return the pixels (J, 2) of the 3D skeleton's joints and their weights (J,)."""
    J = pose.skeleton.n_joints
    if pose.pose2d is None:
        return np.full((J, 2), np.nan), np.zeros(J)
    found = pose.pose2d
    converted = convert_joints(found.joints_px, found.confidence, found.skeleton, pose.skeleton)
    return converted.joints.astype(float), converted.confidence.astype(float)


def _from_camera(pose: Pose3D, focal_px: float, centre_px: Array) -> Array | None:
    """Return the root (3,) where the weak-perspective camera puts it, None without a camera."""
    if pose.camera is None:
        return None
    depth = focal_px / pose.camera.scale_px_per_mm
    return np.append((pose.camera.offset_px - centre_px) / focal_px, 1.0) * depth


def _size(size_px: tuple[int, int]) -> tuple[int, int]:
    width, height = size_px
    if not (width > 0 and height > 0):
        raise BadInput(f"size_px must be a width and a height above 0, got {size_px}")
    return width, height
