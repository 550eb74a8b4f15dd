"""Which joints something hides, by the depth of what the camera sees."""

import numpy as np

from ...poses import get_skeleton
from .render import Seen

# how far in front of a joint its own skin and clothes may lie: joints are inside of the body
_INSIDE_MM = {
    "pelvis": 190, "hip": 180, "knee": 110, "ankle": 95, "spine": 190, "thorax": 170,
    "neck_nose": 140, "head_top": 140, "shoulder": 130, "elbow": 90, "wrist": 80,
}  # fmt: skip
INSIDE_MM = np.array(
    [
        _INSIDE_MM[n.removeprefix("left_").removeprefix("right_")]
        for n in get_skeleton("h36m17").joints
    ],
    float,
)


def hidden_joints(
    seen: Seen, joints_px: np.ndarray, depth_mm: np.ndarray, over: int, covered: np.ndarray
) -> np.ndarray:
    """Return the mask (17,) of the joints of person 0 that cannot be seen.

    A joint is hidden outside of the crop, where the crop is covered, where its own body lies in
    front of it by more than the joint's depth below the skin, or where anything else lies in front
    of it at all.

    Args:
        seen: the scene.
        joints_px: (17, 2) pixels of the crop.
        depth_mm: (17,) along the camera's axis.
        over: the seen picture is so many times larger than the crop.
        covered: (S, S) bool, the crop's pixels that show nothing of the scene.
    """
    size = len(covered)
    outside = ((joints_px <= -0.5) | (joints_px >= size - 0.5)).any(1)
    small = np.rint(joints_px).astype(int).clip(0, size - 1)
    big = np.rint(over * (joints_px + 0.5) - 0.5).astype(int).clip(0, over * size - 1)
    nearest = seen.picture(seen.depth_mm, np.inf)[big[:, 1], big[:, 0]]
    own = seen.picture(seen.owner, -1)[big[:, 1], big[:, 0]] == 0
    gap = np.where(own, INSIDE_MM, 0.0)
    return outside | covered[small[:, 1], small[:, 0]] | (nearest < depth_mm - gap)
