"""The pixels of people that a detector found without giving them, for lifters that look at them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..detectors.preprocess import cut_square
from ..poses.boxes import invert_affine, square_affine
from ..poses.pose import Pose2D, PoseCrop

SIZE = 192
MARGIN = 1.35  # round the joints, as the networks' training crops have it
BOX_MARGIN = 1.08  # round a person's box


def add_crops(image: np.ndarray, people: Sequence[Pose2D]) -> list[Pose2D]:
    """Return the people of an image, each with a square crop where the detector gave none.

    The crop is cut round the joints that were found; with fewer than two of them round the box,
    and without either it is the image's middle: nothing can be lifted there, but the others can.

    Args:
        image: RGB uint8 (H, W, 3).
        people: found in it.

    >>> from lift3d.poses import get_skeleton
    >>> joints_px = np.linspace(10, 50, 34).reshape(17, 2)
    >>> pose = Pose2D(joints_px, np.ones(17), get_skeleton("coco17"))
    >>> add_crops(np.zeros((60, 60, 3), np.uint8), [pose])[0].crop.image.shape
    (192, 192, 3)
    """
    return [pose if pose.crop is not None else _with_crop(image, pose) for pose in people]


def _with_crop(image: np.ndarray, pose: Pose2D) -> Pose2D:
    found = pose.joints_px[pose.confidence > 0]
    if len(found) > 1:
        low, high, margin = found.min(0), found.max(0), MARGIN
    elif pose.box_xyxy_px is not None:
        low, high, margin = pose.box_xyxy_px[:2], pose.box_xyxy_px[2:], BOX_MARGIN
    else:
        half = min(image.shape[:2]) / 2
        middle = np.array([image.shape[1] - 1, image.shape[0] - 1]) / 2
        low, high, margin = middle - half, middle + half, 1.0
    centre, side = (low + high) / 2, margin * max(8.0, float((high - low).max()))
    to_image = invert_affine(square_affine(centre, side, SIZE))
    return replace(pose, crop=PoseCrop(cut_square(image, centre, side, SIZE), to_image))
