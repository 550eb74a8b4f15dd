"""Poses: what detectors give and what lifters give, one person each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import WeakPerspective
from .checks import shaped_array
from .errors import BadInput
from .skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class PoseCrop:
    """Keep the pixels a detector looked at, with the ways back to the whole image.

    `image` (H, W, 3) uint8 RGB is the crop; `heatmaps` (J, h, w) are in the order of the pose's
    skeleton, or None. `to_image` (2, 3) takes crop pixels and `heatmap_to_image` (2, 3) takes
    heatmap pixels to image pixels: x_image = A[:, :2] @ x + A[:, 2], pixel centres at integers. A
    crop may be turned: a lifter that looks at it turns its pose back by `to_image`.

    Raises BadInput where a shape or type is another, or a map has no way back.

    >>> crop = PoseCrop(np.zeros((4, 4, 3), np.uint8), to_image=np.array([[2.0, 0, 7], [0, 2, 9]]))
    >>> crop.to_image @ [1, 1, 1]
    array([ 9., 11.])
    """

    image: np.ndarray
    to_image: np.ndarray
    heatmaps: np.ndarray | None = None
    heatmap_to_image: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise BadInput(
                "image must be RGB of shape (H, W, 3) and type uint8, "
                f"got {self.image.shape} {self.image.dtype}"
            )
        if (self.heatmaps is None) != (self.heatmap_to_image is None):
            raise BadInput("heatmaps and heatmap_to_image belong together; pass both or neither")
        if self.heatmaps is not None and np.ndim(self.heatmaps) != 3:
            raise BadInput(
                f"heatmaps must have shape (J, h, w), got {np.shape(self.heatmaps)}; "
                "pass the maps of one person"
            )
        for name in ("to_image", "heatmap_to_image"):
            if getattr(self, name) is not None:
                _store_shaped(self, name, (2, 3), "give an affine map [A | b]")
                affine = getattr(self, name)
                if not (np.isfinite(affine).all() and np.linalg.det(affine[:, :2])):
                    raise BadInput(
                        f"{name} must be finite and have a way back, got {affine.tolist()}; "
                        "give an affine map [A | b] with an invertible A"
                    )


@dataclass(frozen=True, eq=False)
class Pose2D:
    """Hold the joints of one person in an image.

    `joints_px` (J, 2) are image pixels, x right, y down, pixel centres at integers; `confidence`
    (J,) runs from 0 (not found) to 1. A joint with a coordinate that is not finite was not found:
    it is stored as NaN with confidence 0. `box_xyxy_px` (4,) is the person's box, `score` how
    sure the detector is of the person, `person_id` the track, `crop` the pixels where a lifter
    needs them. float32 and float64 arrays are kept as they are.

    Raises BadInput where a shape does not fit the skeleton, or a confidence or the score is not
    finite.

    >>> from lift3d.poses import Pose2D, get_skeleton
    >>> joints_px = np.full((14, 2), 5.0)
    >>> joints_px[13] = np.nan
    >>> pose = Pose2D(joints_px, np.ones(14), get_skeleton("lsp14"))
    >>> pose.confidence[12:]
    array([1., 0.])
    """

    joints_px: np.ndarray
    confidence: np.ndarray
    skeleton: Skeleton
    box_xyxy_px: np.ndarray | None = None
    score: float = 1.0
    person_id: int | None = None
    crop: PoseCrop | None = None

    def __post_init__(self) -> None:
        _store_joints(self, "joints_px", 2)
        if not np.isfinite(self.score):
            raise BadInput(f"score must be finite, got {self.score}")
        if self.box_xyxy_px is not None:
            _store_shaped(self, "box_xyxy_px", (4,), "give x0, y0, x1, y1")
        heatmaps = None if self.crop is None else self.crop.heatmaps
        if heatmaps is not None and len(heatmaps) != self.skeleton.n_joints:
            raise BadInput(
                f"crop.heatmaps must have {self.skeleton.n_joints} maps for skeleton "
                f"{self.skeleton.name!r}, got {len(heatmaps)}; order them as the skeleton's joints"
            )


@dataclass(frozen=True, eq=False)
class Pose3D:
    """Hold the joints of one person in space.

    `joints_mm` (J, 3) are millimetres relative to the skeleton's root, in camera axes: x right,
    y down, z forward; `confidence` (J,) as in `Pose2D`, with NaN and 0 for a joint not found.
    `camera` puts the pose into the image, `root_mm` (3,) is the root in the camera frame where
    a focal length is known, `pose2d` the pose this one was lifted from, `sigma_mm` (J,) the
    lifter's own standard deviation per joint, where it has one.

    Raises BadInput where a shape does not fit the skeleton or a confidence is not finite.

    >>> from lift3d.poses import Pose3D, get_skeleton
    >>> pose = Pose3D(np.zeros((17, 3)), np.ones(17), get_skeleton("h36m17"))
    >>> pose.root_mm is None, pose.joints_mm.shape
    (True, (17, 3))
    """

    joints_mm: np.ndarray
    confidence: np.ndarray
    skeleton: Skeleton
    camera: WeakPerspective | None = None
    root_mm: np.ndarray | None = None
    pose2d: Pose2D | None = None
    sigma_mm: np.ndarray | None = None

    def __post_init__(self) -> None:
        _store_joints(self, "joints_mm", 3)
        if self.root_mm is not None:
            _store_shaped(self, "root_mm", (3,), "give x, y, z of the root in the camera frame")
        if self.sigma_mm is not None:
            _store_shaped(self, "sigma_mm", (self.skeleton.n_joints,), "give one value a joint")


def _store_shaped(pose: object, name: str, shape: tuple[int, ...], hint: str) -> None:
    object.__setattr__(pose, name, shaped_array(name, getattr(pose, name), shape, hint))


def _store_joints(pose: Pose2D | Pose3D, name: str, D: int) -> None:
    """Check joints and confidence against the skeleton; blank the joints that are not finite."""
    skeleton = pose.skeleton
    if not isinstance(skeleton, Skeleton):
        raise BadInput(f"skeleton must be a Skeleton, got {skeleton!r}; use get_skeleton(name)")
    hint = f"skeleton {skeleton.name!r} has {skeleton.n_joints} joints"
    joints = shaped_array(name, getattr(pose, name), (skeleton.n_joints, D), hint)
    confidence = shaped_array("confidence", pose.confidence, (skeleton.n_joints,), hint)
    lost = ~np.isfinite(joints).all(axis=-1)
    if lost.any():
        joints = np.where(lost[:, None], joints.dtype.type(np.nan), joints)
        confidence = np.where(lost, confidence.dtype.type(0), confidence)
    if not np.isfinite(confidence).all():
        raise BadInput(
            f"confidence must be finite for every joint that was found, got {confidence.tolist()}; "
            "give 0 where it is unknown whether a joint is right"
        )
    object.__setattr__(pose, name, joints)
    object.__setattr__(pose, "confidence", confidence)
