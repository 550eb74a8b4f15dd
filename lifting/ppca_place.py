"""From solutions in the model's units to millimetres and pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..poses import Skeleton, get_skeleton
from .ppca_camera import CameraKnowledge
from .ppca_view import UnitJoints

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Placed:
    """Poses in front of their cameras, (...) of them; NaN where a pose could not be lifted.

    pixels = scale_px_per_mm * joints_mm[..., :2] + offset_px, about; with a focal length exactly at
    the root's depth.

    Attributes:
        joints_mm: (..., L, 3) float32, camera frame, relative to the root.
        scale_px_per_mm: (...) above 0.
        offset_px: (..., 2) the root's pixel.
        root_mm: (..., 3) the root in the camera frame; None where no focal length is known.
    """

    joints_mm: Array
    scale_px_per_mm: Array
    offset_px: Array
    root_mm: Array | None


def place(
    unit: UnitJoints,
    pose: Array,
    shift: Array,
    camera: CameraKnowledge,
    size_mm: float,
    *,
    good: NDArray[np.bool_],
) -> Placed:
    """Return solutions as poses in millimetres with their cameras.

    The pose is brought to the mean body size, the camera to the pixels.

    Args:
        unit: the N poses that were asked for.
        pose: (N, M, L, 3) in camera axes, of any size.
        shift: (N, M, 2) where the pose's origin is seen, in unit size.
        camera: what is known of the camera.
        size_mm: root of the summed squared limb lengths that the poses get.
        good: (N, M) which of them are solutions at all.
    """
    skeleton = get_skeleton("h36m17")
    limbs = np.maximum(limb_size(pose, skeleton), 1e-9)
    root = pose[:, :, skeleton.root]
    scale_px = unit.unit_px[:, None] * limbs / size_mm
    joints_mm = (pose - root[:, :, None]) * (size_mm / limbs)[..., None, None]
    offset_px = unit.unit_px[:, None, None] * (root[..., :2] + shift) + unit.centre_px[:, None]
    root_mm = None
    if camera.focal_px is not None and camera.centre_px is not None:
        focal_px, centre_px = camera.focal_px[:, None], camera.centre_px[:, None]
        origin_px = unit.unit_px[:, None, None] * shift + unit.centre_px[:, None] - centre_px
        origin = np.concatenate([origin_px, np.broadcast_to(focal_px, limbs.shape)[..., None]], -1)
        root_mm = origin / scale_px[..., None] + root * (size_mm / limbs)[..., None]
        scale_px = focal_px / root_mm[..., 2]
        offset_px = root_mm[..., :2] * scale_px[..., None] + centre_px
    good = good & unit.usable[:, None] & (limbs > 1e-6) & (scale_px > 0)
    good &= np.isfinite(joints_mm).all(axis=(-1, -2)) & np.isfinite(scale_px)
    return Placed(
        np.where(good[..., None, None], joints_mm, np.nan).astype(np.float32),
        np.where(good, scale_px, np.nan),
        np.where(good[..., None], offset_px, np.nan),
        None if root_mm is None else np.where(good[..., None], root_mm, np.nan),
    )


def limb_size(pose: Array, skeleton: Skeleton) -> Array:
    """Return (...) the roots of the summed squared limb lengths of poses (..., L, 3)."""
    parents, children = np.array(skeleton.bones).T
    limbs = pose[..., children, :] - pose[..., parents, :]
    return np.sqrt(np.einsum("...ld,...ld->...", limbs, limbs))
