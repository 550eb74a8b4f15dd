"""What may be known of the camera: its rotation against the world, and its focal length."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..poses.errors import BadInput

Array = NDArray[np.floating]


@dataclass(frozen=True)
class CameraKnowledge:
    """Hold what is known of the cameras of N poses; None where nothing is.

    Attributes:
        tilt: (N,) radians, how far the camera looks down.
        roll: (N,) radians, how far the picture is turned clockwise.
        focal_px: (N,) above 0.
        centre_px: (N, 2) principal point.
    """

    tilt: Array | None = None
    roll: Array | None = None
    focal_px: Array | None = None
    centre_px: Array | None = None


def camera_knowledge(
    N: int,
    *,
    camera_rotation: ArrayLike | None = None,
    focal_px: ArrayLike | None = None,
    centre_px: ArrayLike | None = None,
) -> CameraKnowledge:
    """Return what is known of the cameras of N poses.

    Args:
        N: number of poses.
        camera_rotation: (3, 3) or (N, 3, 3) from the world (y up) to the camera (x right, y down, z
            forward), the E of eq. 5. Its heading does not matter: the body's own is unknown.
        focal_px: one value or (N,); needs `centre_px`.
        centre_px: (2,) or (N, 2) the principal point.

    Raises:
        BadInput: a shape or value that cannot be, or a focal length without a centre.
    """
    tilt = roll = focal = centre = None
    if camera_rotation is not None:
        tilt, roll = _tilt_and_roll(np.asarray(camera_rotation, dtype=np.float64), N)
    if (focal_px is None) != (centre_px is None):
        raise BadInput(
            "focal_px and centre_px belong together, got only one of them; "
            "pass both, the centre is mostly (width - 1) / 2, (height - 1) / 2"
        )
    if focal_px is not None and centre_px is not None:
        focal = np.asarray(focal_px, dtype=np.float64)
        if focal.shape not in ((), (N,)) or not (np.isfinite(focal) & (focal > 0)).all():
            raise BadInput(
                f"focal_px must be one value above 0, or {N} of them, got {focal_px}; "
                "give the focal length in pixels"
            )
        centre = np.asarray(centre_px, dtype=np.float64)
        if centre.shape not in ((2,), (N, 2)) or not np.isfinite(centre).all():
            raise BadInput(
                f"centre_px must be x and y of the principal point, once or {N} times, "
                f"got {centre_px}; give finite pixels"
            )
        focal, centre = np.broadcast_to(focal, (N,)), np.broadcast_to(centre, (N, 2))
    return CameraKnowledge(tilt, roll, focal, centre)


def _tilt_and_roll(rotation: Array, N: int) -> tuple[Array, Array]:
    """Return (N,) tilt and (N,) roll of cameras, what is left without their heading."""
    if rotation.shape not in ((3, 3), (N, 3, 3)):
        raise BadInput(
            f"camera_rotation must have shape (3, 3) or ({N}, 3, 3), got {rotation.shape}; "
            "give the rotation from world (y up) to camera axes"
        )
    off = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3))
    if not (off < 1e-3).all() or (np.linalg.det(rotation) < 0).any():
        raise BadInput(
            "camera_rotation must be a rotation (R R^T = I, det R = 1), got "
            f"{rotation.reshape(-1, 3, 3)[:1].tolist()}; a mirroring or scaling matrix is none"
        )
    up = np.broadcast_to(rotation[..., 1], (N, 3))  # the world's up in camera axes
    tilt = np.arcsin(np.clip(-up[:, 2], -1, 1))
    return tilt, np.arctan2(up[:, 0], -up[:, 1])
