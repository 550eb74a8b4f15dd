"""A sheet of photos with what a detector found and how the lifted pose projects onto it."""

from collections.abc import Sequence

import numpy as np

from ..pipelines.picture_strokes import draw_body
from ..poses.errors import BadInput
from ..poses.pose import Pose3D
from ..poses.skeleton import get_skeleton
from .fusion import projected_px

COLUMNS = 8
MPII = get_skeleton("mpii16")


def projection_sheet(poses: Sequence[Pose3D], columns: int = COLUMNS) -> np.ndarray:
    """Return a picture (H, W, 3) of many people: above the 2D pose, below the projected 3D pose.

    Args:
        poses: lifted from poses whose crops have one size; a person whom the lifter lost stays
            without strokes below.
        columns: people beside each other, where there are as many.

    Raises:
        BadInput: there are no poses, or one without a crop, or crops of several sizes.
    """
    if not poses or any(pose.pose2d is None or pose.pose2d.crop is None for pose in poses):
        raise BadInput("a sheet needs lifted poses with the crops they were lifted from")
    pairs = [_pair(pose) for pose in poses]
    sizes = {pair.shape for pair in pairs}
    if len(sizes) > 1:
        raise BadInput(f"a sheet needs crops of one size, got {sorted(sizes)}")
    blank = np.full_like(pairs[0], 255)
    columns = min(columns, len(pairs))
    pairs += [blank] * (-len(pairs) % columns)
    rows = [np.concatenate(pairs[k : k + columns], 1) for k in range(0, len(pairs), columns)]
    return np.concatenate(rows)


def _pair(pose: Pose3D) -> np.ndarray:
    """Return a crop with its 2D pose, and below it the same crop with the 3D pose."""
    found = pose.pose2d
    assert found is not None
    assert found.crop is not None
    inverse = np.linalg.inv(np.vstack([found.crop.to_image, [0, 0, 1]]))
    above, below = found.crop.image.copy(), found.crop.image.copy()
    width = max(1.5, len(above) / 90)
    for canvas, joints_px, confidence, skeleton in (
        (above, found.joints_px, found.confidence, found.skeleton),
        (below, projected_px(pose), np.ones(MPII.n_joints), MPII),
    ):
        inside = joints_px @ inverse[:2, :2].T + inverse[:2, 2]
        draw_body(canvas, inside, confidence, skeleton, width_px=width, min_confidence=0.3)
    return np.concatenate([above, below])
