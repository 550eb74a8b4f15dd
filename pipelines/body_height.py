"""Bring a 3D pose to a known body height."""

from dataclasses import replace

import numpy as np

from ..poses.camera import WeakPerspective
from ..poses.pose import Pose3D
from ..poses.scale import scale_from_height


def scale_to_height(pose: Pose3D, height_mm: float) -> Pose3D:
    """Return the pose scaled so that its bones add up to a body height in millimetres.

    The camera's scale changes against it, so that the projection stays. A pose whose bones are
    not all there comes back unchanged.
    """
    factor = float(scale_from_height(pose.joints_mm, height_mm))
    if not np.isfinite(factor):
        return pose
    camera = pose.camera
    if camera is not None:
        camera = WeakPerspective(camera.scale_px_per_mm / factor, camera.offset_px)
    return replace(
        pose,
        joints_mm=pose.joints_mm * factor,
        camera=camera,
        root_mm=None if pose.root_mm is None else pose.root_mm * factor,
        sigma_mm=None if pose.sigma_mm is None else pose.sigma_mm * factor,
    )
