"""Random changes to pictures of people whose 3D pose is known: the pose goes with them."""

import torch
from torch import Tensor

from ..poses.skeleton import get_skeleton
from .augment import Augmenter

BODY, MPII = get_skeleton("h36m17"), get_skeleton("mpii16")
# joints of mpii16 that mirroring leaves where they are: they can carry points of our own
_STILL = [k for k, other in enumerate(MPII.flip_index) if k == other][:3]


def changed_views(
    augmenter: Augmenter, images: Tensor, joints_px: Tensor, joints_mm: Tensor, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return augmented pictures with their 2D and 3D joints.

    A picture that is turned or mirrored shows the pose turned about the camera's axis or mirrored;
    shift and zoom leave it. That is exact for weak perspective and near enough for perspective.

    Args:
        augmenter: of `mpii16` crops.
        images: uint8 (N, 3, S, S).
        joints_px: (N, 17, 2) pixels, `h36m17`.
        joints_mm: (N, 17, 3) camera axes, relative to the pelvis.
        size: side of the result.

    Returns:
        (N, 3, size, size) float32 in 0..255, (N, 17, 2) and (N, 17, 3).
    """
    points = torch.zeros((len(images), MPII.n_joints, 2), device=images.device)
    points[:, _STILL[1], 0] = points[:, _STILL[2], 1] = 1.0  # origin and the two unit vectors
    crops, moved = augmenter(images, points, size)
    origin, right, down = (moved[:, k] for k in _STILL)
    linear = torch.stack([right - origin, down - origin], -1)  # (N, 2, 2), columns
    determinant = torch.linalg.det(linear)
    turn = linear / determinant.abs().sqrt()[:, None, None]
    flat_px = joints_px @ linear.mT + origin[:, None]
    flat_mm = torch.cat([joints_mm[..., :2] @ turn.mT, joints_mm[..., 2:]], -1)
    mirrored = (determinant < 0)[:, None, None]
    order = torch.as_tensor(BODY.flip_index.copy(), device=images.device)
    flat_px = torch.where(mirrored, flat_px[:, order], flat_px)
    return crops, flat_px, torch.where(mirrored, flat_mm[:, order], flat_mm)
