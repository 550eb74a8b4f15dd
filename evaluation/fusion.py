"""How well lifters that look at pictures do: synthetic people with 3D truth, photos with labels."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch

from ..datasets.crops import CropSet
from ..datasets.synthetic.shards import ShardPeople
from ..detectors.crop_inference import infer_crops
from ..detectors.fast_net import fast_net
from ..detectors.preprocess import stack_images
from ..lifting.joint_maps import same_area
from ..models.load import LoadedHourglass
from ..poses.convert import convert_joints
from ..poses.errors import BadInput
from ..poses.pose import Pose2D, Pose3D, PoseCrop
from ..poses.skeleton import get_skeleton
from .crops import limb_pck
from .metrics_3d import mpjpe_mm, mpjpe_similarity_mm

BATCH = 32


class PoseLifter(Protocol):
    """What is measured: the door of a lifter for poses with their crops."""

    def lift(self, poses: list[Pose2D]) -> list[Pose3D]:
        """Return a 3D pose for each 2D pose."""


class KnownPerson(Protocol):
    """A picture of a person with its joints."""

    @property
    def image(self) -> np.ndarray:
        """The picture (S, S, 3), RGB uint8."""

    @property
    def joints_px(self) -> np.ndarray:
        """(17, 2) pixels of the picture, `h36m17`."""

    @property
    def joints_mm(self) -> np.ndarray:
        """(17, 3) camera axes, relative to the pelvis."""


@dataclass(frozen=True)
class PictureSet:
    """N pictures of people whose poses are known.

    Attributes:
        images: uint8 (N, S, S, 3), RGB.
        joints_px: float32 (N, 17, 2) pixels of the pictures, `h36m17`.
        joints_mm: float32 (N, 17, 3) camera axes, relative to the pelvis.
    """

    images: np.ndarray
    joints_px: np.ndarray
    joints_mm: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def of(cls, people: Iterable[KnownPerson]) -> "PictureSet":
        """Return the set of some people.

        Raises:
            BadInput: there are none, or their pictures have several sizes.
        """
        parts = [(person.image, person.joints_px, person.joints_mm) for person in people]
        if not parts:
            raise BadInput("there are no people to measure on; give shards that are not empty")
        sizes = {image.shape for image, _, _ in parts}
        if len(sizes) > 1:
            raise BadInput(f"all pictures must have one size, got {sorted(sizes)}")
        images, joints_px, joints_mm = (np.stack(part) for part in zip(*parts, strict=True))
        return cls(images, joints_px.astype(np.float32), joints_mm.astype(np.float32))

    @classmethod
    def read(cls, shards: Path, count: int | None = None) -> "PictureSet":
        """Return the people that `lift3d data synthesize` wrote, or so many spread over them.

        Raises:
            DecodeError, BadInput: a shard cannot be read, or there are none.
        """
        people = ShardPeople(shards)
        rows = np.linspace(0, len(people) - 1, min(count or len(people), len(people)))
        return cls.of(people[int(index)] for index in rows.round())

    def digest(self) -> str:
        """Return the SHA-256 of the joints, to 0.01 px and 0.1 mm."""
        sha = hashlib.sha256()
        for array, unit in ((self.joints_px, 0.01), (self.joints_mm, 0.1)):
            sha.update(np.round(array / unit).astype("<i4").tobytes())
        return sha.hexdigest()


class FusionScore(NamedTuple):
    """Hold mean joint errors in millimetres over the poses that were lifted, and their share."""

    root_mm: float
    similarity_mm: float
    lifted: float


def detected_poses(
    detector: LoadedHourglass, images: np.ndarray, device: torch.device
) -> list[Pose2D]:
    """Return what a heatmap network finds in pictures of one person each, with crop and maps.

    With mirrored crops, and in float32, not in what is quickest on this machine.

    Args:
        detector: of joints.
        images: uint8 (N, S, S, 3), the whole of each is looked at.
        device: the network's.

    Raises:
        BadInput: the network is a person finder.
    """
    if detector.skeleton is None:
        raise BadInput("the detector's weights are a person finder's; give a joint network's")
    skeleton, size = get_skeleton(detector.skeleton), detector.input_size
    net = fast_net(detector.net, torch.float32)
    poses: list[Pose2D] = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        scaled = [_resized(image, size) for image in batch]
        found = infer_crops(
            net,
            stack_images(scaled, device),
            skeleton.flip_index,
            detector.calibration,
        )
        for k, image in enumerate(batch):
            side, maps = len(image), found.maps[k].float().cpu().numpy()
            joints_px = _scaled(found.joints_px[k].float().cpu().numpy(), size, side)
            to_image = same_area(maps.shape[-1], side).numpy()
            crop = PoseCrop(image, np.eye(2, 3), maps, to_image)
            confidence = found.confidence[k].float().cpu().numpy()
            poses.append(Pose2D(joints_px, confidence, skeleton, crop=crop))
    return poses


def known_poses(pictures: PictureSet) -> list[Pose2D]:
    """Return the true 2D joints of pictures, with their crops and without maps."""
    body = get_skeleton("h36m17")
    return [
        Pose2D(joints_px, np.ones(17), body, crop=PoseCrop(image, np.eye(2, 3)))
        for joints_px, image in zip(pictures.joints_px, pictures.images, strict=True)
    ]


def score_poses(lifter: PoseLifter, poses: list[Pose2D], joints_mm: np.ndarray) -> FusionScore:
    """Return a lifter's errors against true poses (N, 17, 3)."""
    lifted = np.stack([pose.joints_mm for pose in lifter.lift(poses)])
    good = np.isfinite(lifted).all(axis=(1, 2))
    if not good.any():
        return FusionScore(np.nan, np.nan, 0.0)
    root, similarity = (
        mpjpe_mm(lifted[good], joints_mm[good]),
        mpjpe_similarity_mm(lifted[good], joints_mm[good]),
    )
    return FusionScore(float(root.mean()), float(similarity.mean()), float(good.mean()))


def photo_scores(lifter: PoseLifter, poses: list[Pose2D], crops: CropSet) -> dict[str, float]:
    """Return PCK@0.2 of the torso on photos: of the projected 3D joints, and of the detector's.

    The 3D pose is put into the photo by its own weak-perspective camera. Over the 12 limb joints;
    a pose that was not lifted counts as wrong.

    Args:
        lifter: what is measured.
        poses: what the detector found in the crops.
        crops: labelled.
    """
    flat = np.stack([projected_px(pose) for pose in lifter.lift(poses)])
    own = [convert_joints(p.joints_px, p.confidence, p.skeleton, "mpii16").joints for p in poses]
    labels = crops.joints_px
    return {"projected": limb_pck(flat, labels), "detector": limb_pck(np.stack(own), labels)}


def projected_px(pose: Pose3D) -> np.ndarray:
    """Return the pixels (16, 2) of a 3D pose's joints as `mpii16`; NaN without a camera."""
    if pose.camera is None:
        return np.full((16, 2), np.nan)
    joints_px = pose.camera.project(pose.joints_mm)
    return convert_joints(joints_px, None, pose.skeleton, "mpii16").joints


def _scaled(joints_px: np.ndarray, size: int, side: int) -> np.ndarray:
    return (joints_px + 0.5) * (side / size) - 0.5


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    way = cv2.INTER_AREA if len(image) > size else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=way)
