"""Looks at the people in squares of images: one, another one upright, others turned by quarters."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ..models.load import LoadedHourglass
from ..poses.boxes import apply_affine
from ..poses.pose import Pose2D, PoseCrop
from ..poses.skeleton import Skeleton, get_skeleton
from .crop_inference import CropJoints, infer_crops, read_maps
from .merged_looks import merged_pose
from .preprocess import stack_images
from .squares import Squares, trunk_joints, upright_squares

QUARTERS = (np.pi / 2, np.pi, -np.pi / 2)
UNSURE = (0.3, 0.75)  # mean confidences of a person whose mirrored crop is worth a look
CLEAR = 0.65  # mean confidence of a person who needs no look at the square turned by quarters
MARGIN = 0.05  # by which a turned square's mean confidence must be higher


class CropLooks:
    """Find the joints of people in squares of images with a joint network.

    Args:
        joints: the network.
        device: where it is.
        flip: average the joint maps with those of the mirrored crop; None: of people of whom one
            look is not sure (mean confidence from 0.3 to 0.75).
        second_look: look again at people who do not stand upright, in a square turned so that they
            do, and read the joints off the mean of both looks' maps.
        quarter_turns: before that, look at people of whom the first look is not sure (mean
            confidence below 0.65) in their square turned by 90, 180 and 270 degrees as well.
    """

    def __init__(
        self,
        joints: LoadedHourglass,
        device: torch.device,
        flip: bool | None,
        second_look: bool,
        quarter_turns: bool,
    ) -> None:
        self.joints, self.device, self.flip = joints, device, flip
        self.second_look, self.quarter_turns = second_look, quarter_turns

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the poses found."""
        return get_skeleton(str(self.joints.skeleton))

    def all(
        self, images: Sequence[np.ndarray], squares: Squares, boxes: np.ndarray
    ) -> list[Pose2D]:
        """Return the pose in each square, with its crop, after all looks that it needs.

        Args:
            images: RGB uint8 (H, W, 3), one for each square.
            squares: P of them.
            boxes: (P, 4) of the people, which their poses carry.
        """
        poses = self.once(images, squares, boxes, self.flip)
        if self.quarter_turns:
            self._turn_the_unsure(poses, images, squares, boxes)
        if self.second_look:
            self._look_again(poses, images, squares, boxes)
        return poses

    def once(
        self,
        images: Sequence[np.ndarray],
        squares: Squares,
        boxes: np.ndarray,
        flip: bool | None = False,
        with_crops: bool = True,
    ) -> list[Pose2D]:
        """Return the pose in each square after one look; the arguments are those of `all`."""
        crops = squares.cut(images, self.joints.input_size)
        found = self._infer(stack_images(crops, self.device), flip)
        poses = self._in_image(found, squares, boxes)
        if not with_crops:
            return poses
        to_image = squares.to_image(self.joints.input_size)
        return [
            replace(pose, crop=self._crop(crops[k], to_image[k], found, k))
            for k, pose in enumerate(poses)
        ]

    def in_inputs(self, inputs: torch.Tensor, squares: Squares, boxes: np.ndarray) -> list[Pose2D]:
        """Return the poses after one look at squares cut and scaled before to (P, 3, S, S)."""
        return self._in_image(self._infer(inputs, flip=False), squares, boxes)

    def _look_again(
        self, poses: list[Pose2D], images: Sequence[np.ndarray], squares: Squares, boxes: np.ndarray
    ) -> None:
        """Merge the poses of those who do not stand upright with what an upright look sees."""
        rows, upright = upright_squares(squares, poses, trunk_joints(self.skeleton))
        if not len(rows):
            return
        again = self.once([images[k] for k in rows], upright, boxes[rows], self.flip)
        distributions = self.joints.net.config.output == "softmax"
        for k, pose in zip(rows, again, strict=True):
            poses[k] = merged_pose(poses[k], pose, self._read, distributions)

    def _turn_the_unsure(
        self, poses: list[Pose2D], images: Sequence[np.ndarray], squares: Squares, boxes: np.ndarray
    ) -> None:
        """Replace poses that a look at their square turned by a quarter or two is surer of.

        One turn after the other, each by `MARGIN` surer than what it replaces.
        """
        unsure = np.array([k for k, pose in enumerate(poses) if pose.score < CLEAR], int)
        if not len(unsure):
            return
        turned, rows = squares.rows(unsure).turned(QUARTERS), np.tile(unsure, len(QUARTERS))
        found = self.once([images[k] for k in rows], turned, boxes[rows])
        for k, pose in zip(rows, found, strict=True):
            if pose.score > poses[k].score + MARGIN:
                poses[k] = pose

    def _infer(self, inputs: torch.Tensor, flip: bool | None) -> CropJoints:
        """Return the joints in crops (N, 3, S, S), their confidences as the network's file says."""
        flip_index = None if flip is False else self.skeleton.flip_index
        unsure = UNSURE if flip is None else None
        return infer_crops(self.joints.net, inputs, flip_index, self.joints.calibration, unsure)

    def _read(self, maps: torch.Tensor) -> CropJoints:
        """Return the joints of maps (N, J, H, W) of looks with mirrored crops or without."""
        mirrored = self.flip is not False
        return read_maps(maps, self.joints.net, mirrored, self.joints.calibration)

    def _in_image(self, found: CropJoints, squares: Squares, boxes: np.ndarray) -> list[Pose2D]:
        """Return the joints found in crops of squares as poses in the image."""
        to_image = squares.to_image(self.joints.input_size)
        joints = apply_affine(to_image, found.joints_px.cpu().numpy().astype(np.float64))
        confidence = found.confidence.cpu().numpy()
        return [
            Pose2D(
                joints_px=joints[k],
                confidence=confidence[k],
                skeleton=self.skeleton,
                box_xyxy_px=boxes[k],
                score=float(confidence[k].mean()),
            )
            for k in range(len(boxes))
        ]

    def _crop(self, crop: np.ndarray, to_image: np.ndarray, found: CropJoints, k: int) -> PoseCrop:
        stride = self.joints.net.stride
        shift = to_image[:, :2].sum(1) * (stride - 1) / 2 + to_image[:, 2]
        heatmap_to_image = np.c_[to_image[:, :2] * stride, shift]
        return PoseCrop(crop, to_image, found.maps[k].cpu().numpy(), heatmap_to_image)
