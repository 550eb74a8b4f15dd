"""Photograph motion capture with random cameras: 3D poses in, pairs of 2D and 3D poses out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..poses.errors import BadInput

Array = NDArray[np.floating]

NEAREST_MM = 500.0  # no joint comes closer to the camera than this


@dataclass(frozen=True)
class CameraRanges:
    """Ranges that a random full-perspective camera is drawn from, uniformly.

    The azimuth is uniform over the circle, and the body stands a little off the picture's centre.

    Attributes:
        pitch_deg: how far the camera looks down (negative: up).
        roll_deg: how far it is turned about its optical axis.
        distance_mm: from the camera to the body's root; drawn uniformly in its logarithm.
        focal: focal length as a multiple of the image's longer side.
        offset: place of the root in the image, as a fraction of each side from the centre.
        image_size: width and height in pixels.
    """

    pitch_deg: tuple[float, float] = (-20.0, 60.0)
    roll_deg: tuple[float, float] = (-5.0, 5.0)
    distance_mm: tuple[float, float] = (2500.0, 8000.0)
    focal: tuple[float, float] = (0.8, 2.0)
    offset: tuple[float, float] = (-0.1, 0.1)
    image_size: tuple[int, int] = (1000, 1000)


@dataclass(frozen=True)
class VirtualViews:
    """N poses as N random cameras saw them.

    Attributes:
        joints_px: (N, J, 2) pixels, x right, y down, pixel centres at integers; may lie outside.
        joints_mm: (N, J, 3) camera frame, x right, y down, z forward, relative to the root.
        root_mm: (N, 3) the root in the camera frame.
        focal_px: (N,) focal lengths.
        pitch_deg: (N,) how far each camera looks down.
    """

    joints_px: Array
    joints_mm: Array
    root_mm: Array
    focal_px: Array
    pitch_deg: Array


def photograph(
    poses_mm: Array, *, seed: int, ranges: CameraRanges | None = None, root: int = 0
) -> VirtualViews:
    """Return each pose as one random camera sees it.

    Args:
        poses_mm: (N, J, 3) world frame, y up, finite.
        seed: the same seed gives the same cameras.
        ranges: what cameras are like; `CameraRanges()` where None.
        root: index of the joint that distances and 3D poses refer to.

    Raises:
        BadInput: poses_mm has another shape or numbers that are not finite.

    >>> views = photograph(np.random.default_rng(0).normal(0, 300, (4, 17, 3)), seed=1)
    >>> views.joints_px.shape, views.joints_mm.shape
    ((4, 17, 2), (4, 17, 3))
    """
    if poses_mm.ndim != 3 or poses_mm.shape[2] != 3:
        raise BadInput(f"poses_mm must have shape (N, J, 3), got {poses_mm.shape}")
    bad = int(np.sum(~np.isfinite(poses_mm).all(axis=(1, 2))))
    if bad:
        raise BadInput(f"poses_mm must be finite, got {bad} poses with NaN or inf; drop them first")
    ranges = ranges or CameraRanges()
    rng = np.random.default_rng(seed)
    N, (width, height) = len(poses_mm), ranges.image_size
    pitch_deg = rng.uniform(*ranges.pitch_deg, N)
    rotation = _camera_rotation(
        azimuth=rng.uniform(-np.pi, np.pi, N),
        pitch=np.radians(pitch_deg),
        roll=np.radians(rng.uniform(*ranges.roll_deg, N)),
    )
    focal_px = rng.uniform(*ranges.focal, N) * max(width, height)
    nearest, farthest = np.log(ranges.distance_mm)
    distance_mm = np.exp(rng.uniform(nearest, farthest, N))
    relative = poses_mm - poses_mm[:, root : root + 1]
    joints_mm = np.einsum("nij,nkj->nki", rotation, relative)
    distance_mm = np.maximum(distance_mm, NEAREST_MM - joints_mm[..., 2].min(axis=1))
    centre_px = np.array([(width - 1) / 2, (height - 1) / 2])
    offset_px = rng.uniform(*ranges.offset, (N, 2)) * ranges.image_size
    root_mm = np.column_stack([offset_px * (distance_mm / focal_px)[:, None], distance_mm])
    seen = joints_mm + root_mm[:, None]
    joints_px = focal_px[:, None, None] * seen[..., :2] / seen[..., 2:] + centre_px
    return VirtualViews(joints_px, joints_mm, root_mm, focal_px, pitch_deg)


def _camera_rotation(*, azimuth: Array, pitch: Array, roll: Array) -> Array:
    """Return (N, 3, 3) rotations from the world (y up) to cameras (x right, y down, z forward).

    At azimuth 0 the camera stands on the world's +z side and looks along -z; the azimuth turns the
    world about y. Pitch > 0 looks down; roll > 0 turns the picture clockwise.
    """
    zero, one = np.zeros_like(azimuth), np.ones_like(azimuth)
    ca, sa, cp, sp = np.cos(azimuth), np.sin(azimuth), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    turned = _matrices([[ca, zero, sa], [zero, one, zero], [-sa, zero, ca]])
    tilted = _matrices([[one, zero, zero], [zero, -cp, sp], [zero, -sp, -cp]])
    rolled = _matrices([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]])
    return rolled @ tilted @ turned


def _matrices(rows: list[list[Array]]) -> Array:
    """Return (N, 3, 3) matrices from three rows of three arrays (N,)."""
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
