"""Cameras: how millimetres become pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from .checks import points_array, shaped_array
from .distortion import RadialTangential
from .errors import BadInput


@dataclass(frozen=True, eq=False)
class WeakPerspective:
    """Scale and shift a root-relative pose into the image: one depth for the whole body.

    `scale_px_per_mm` is positive, `offset_px` (2,) is the pixel of the pose's origin.

    >>> WeakPerspective(0.5, np.array([100.0, 50.0])).project([[10.0, 20.0, 300.0]])
    array([[105.,  60.]])
    """

    scale_px_per_mm: float
    offset_px: np.ndarray

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale_px_per_mm) and self.scale_px_per_mm > 0):
            raise BadInput(
                f"scale_px_per_mm must be positive, got {self.scale_px_per_mm}; "
                "where there is no camera pass camera=None"
            )
        offset = shaped_array("offset_px", self.offset_px, (2,), "give x and y of the origin")
        object.__setattr__(self, "offset_px", offset)

    def project(self, joints_mm: ArrayLike) -> np.ndarray:
        """Return the pixels (..., 2) of points (..., 3) in the camera frame, millimetres."""
        points = points_array("joints_mm", joints_mm, 3)
        return self.scale_px_per_mm * points[..., :2] + self.offset_px


@dataclass(frozen=True, eq=False)
class PinholeCamera:
    """Project world points through a pinhole: K (R X + t), OpenCV's convention.

    `K` (3, 3) holds focal lengths and principal point in pixels, `R` (3, 3) turns world axes into
    camera axes (x right, y down, z forward), `t_mm` (3,) is the world's origin in the camera
    frame. Human3.6M gives the camera's centre C instead: t_mm = -R @ C.

    >>> camera = PinholeCamera(np.array([[1000.0, 0, 500], [0, 1000, 400], [0, 0, 1]]))
    >>> camera.project([[100.0, -200.0, 2000.0]])
    array([[550., 300.]])
    """

    K: np.ndarray
    R: np.ndarray = field(default_factory=lambda: np.eye(3))
    t_mm: np.ndarray = field(default_factory=lambda: np.zeros(3))
    distortion: RadialTangential | None = None

    def __post_init__(self) -> None:
        K = shaped_array("K", self.K, (3, 3), "give [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
        R = shaped_array("R", self.R, (3, 3), "give a rotation matrix, not a rotation vector")
        t_mm = shaped_array("t_mm", self.t_mm, (3,), "give the world's origin in camera axes")
        if not np.array_equal(K[2], [0, 0, 1]) or not (K[0, 0] > 0 and K[1, 1] > 0):
            raise BadInput(
                f"K must be [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0, "
                f"got {K.tolist()}; transpose it if it is stored by columns"
            )
        if not np.allclose(R @ R.T, np.eye(3), atol=1e-4) or np.linalg.det(R) < 0:
            raise BadInput(
                f"R must be a rotation (R R^T = I, det R = 1), got {R.tolist()}; "
                "a mirroring or scaling matrix is none"
            )
        for name, array in (("K", K), ("R", R), ("t_mm", t_mm)):
            object.__setattr__(self, name, array)

    def to_camera(self, world_mm: ArrayLike) -> np.ndarray:
        """Return the camera-frame points (..., 3) of world points (..., 3), millimetres."""
        return points_array("world_mm", world_mm, 3) @ self.R.T + self.t_mm

    def to_world(self, camera_mm: ArrayLike) -> np.ndarray:
        """Return the world points (..., 3) of camera-frame points (..., 3), millimetres."""
        return (points_array("camera_mm", camera_mm, 3) - self.t_mm) @ self.R

    def project(self, world_mm: ArrayLike) -> np.ndarray:
        """Return the pixels (..., 2) of world points (..., 3); NaN for points not in front."""
        camera_mm = self.to_camera(world_mm)
        depth_mm = np.where(camera_mm[..., 2:] > 0, camera_mm[..., 2:], np.nan)
        rays = camera_mm[..., :2] / depth_mm
        if self.distortion is not None:
            rays = self.distortion.distort(rays)
        return rays @ self.K[:2, :2].T + self.K[:2, 2]

    def unproject(self, joints_px: ArrayLike, depth_mm: ArrayLike) -> np.ndarray:
        """Return the world points (..., 3) seen at pixels (..., 2) at depths (...), millimetres.

        `depth_mm` counts along the camera's z axis and broadcasts against the pixels.
        """
        pixels = points_array("joints_px", joints_px, 2)
        rays = (pixels - self.K[:2, 2]) @ np.linalg.inv(self.K[:2, :2]).T
        if self.distortion is not None:
            rays = self.distortion.undistort(rays)
        rays = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1)  # (..., 2) -> (..., 3)
        return self.to_world(rays * np.asarray(depth_mm)[..., None])
