"""The squares of a photo in which joints are looked for: round boxes, and upright round joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..poses.boxes import invert_affine, square_affine
from ..poses.pose import Pose2D
from ..poses.skeleton import Skeleton
from .preprocess import cut_square

BOX_MARGIN = 1.08  # the square round the joints that the network was trained on, and a little
JOINT_MARGIN = 1.35  # of that square round the joints themselves
SURE = 0.3  # confidence from which a joint says where the person is
LEAST_SURE = 6
LEAST_TURN = np.radians(30.0)
SIZE_RANGE = (0.6, 1.3)  # of a second square, as a part of the first one


def trunk_joints(skeleton: Skeleton) -> tuple[int, ...]:
    """Return the indices of both shoulders, then of both hips."""
    names = (f"{side}_{joint}" for joint in ("shoulder", "hip") for side in ("left", "right"))
    return tuple(skeleton.index(name) for name in names)


@dataclass(frozen=True)
class Squares:
    """P squares, perhaps turned.

    Attributes:
        centre_px: (P, 2) in image pixels.
        side_px: (P,) in image pixels.
        turn: (P,) clockwise, in radians.
    """

    centre_px: np.ndarray
    side_px: np.ndarray
    turn: np.ndarray

    @classmethod
    def round_boxes(cls, boxes_xyxy_px: np.ndarray) -> Squares:
        """Return the squares round boxes (P, 4), not turned."""
        centre = (boxes_xyxy_px[:, :2] + boxes_xyxy_px[:, 2:]) / 2
        side = BOX_MARGIN * (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).max(1).clip(8)
        return cls(centre, side, np.zeros(len(side)))

    def rows(self, rows: slice | np.ndarray) -> Squares:
        """Return some of them."""
        return Squares(self.centre_px[rows], self.side_px[rows], self.turn[rows])

    def turned(self, turns: Sequence[float]) -> Squares:
        """Return them turned further clockwise, in radians: all by the first, by the second ..."""
        count = len(turns)
        turn = np.concatenate([self.turn + turn for turn in turns])
        return Squares(np.tile(self.centre_px, (count, 1)), np.tile(self.side_px, count), turn)

    def to_image(self, size: int) -> np.ndarray:
        """Return the maps (P, 2, 3) from the pixels of crops of a size to those of the image."""
        squares = zip(self.centre_px, self.side_px, self.turn, strict=True)
        return invert_affine(np.stack([square_affine(c, s, size, t) for c, s, t in squares]))

    def cut(self, images: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
        """Return each square of its image as a crop (size, size, 3), grey outside of the image."""
        squares = zip(images, self.centre_px, self.side_px, self.turn, strict=True)
        return [cut_square(image, c, s, size, t) for image, c, s, t in squares]


def upright_squares(
    first: Squares, poses: Sequence[Pose2D], trunk: Sequence[int]
) -> tuple[np.ndarray, Squares]:
    """Return who does not stand upright, and squares in which they do and fill the crop.

    A square round the sure joints, turned so that the trunk points up; networks know upright
    people best. People of whom too little is sure, or whose trunk is less than 30 degrees from
    upright, are left as they were found.

    Args:
        first: where they were found.
        poses: P of them, in the image.
        trunk: indices of both shoulders, then of both hips.

    Returns:
        The indices (K,) of those who are to be looked at again, and their K squares.
    """
    rows, squares = [], []
    for k, pose in enumerate(poses):
        sure = pose.confidence >= SURE
        if sure.sum() < LEAST_SURE or not sure[list(trunk)].all():
            continue
        ends = pose.joints_px[list(trunk)].reshape(2, 2, 2).mean(1)  # shoulders, hips
        up = ends[0] - ends[1]
        turn = np.arctan2(up[0], -up[1])
        if abs(turn) < LEAST_TURN:
            continue
        into = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        turned = pose.joints_px[sure] @ into.T  # as the crop will have them
        low, high = turned.min(0), turned.max(0)
        wanted = JOINT_MARGIN * (high - low).max()
        side = np.clip(wanted, *(part * first.side_px[k] for part in SIZE_RANGE))
        rows.append(k)
        squares.append((*(into.T @ ((low + high) / 2)), side, turn))
    values = np.array(squares, float).reshape(-1, 4)
    return np.array(rows, int), Squares(values[:, :2], values[:, 2], values[:, 3])
