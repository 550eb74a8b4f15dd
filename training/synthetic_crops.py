"""Synthetic people as training crops of the 2D networks: their left and right are never wrong."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..datasets.crops import CropSet, derive_trunk
from ..datasets.synthetic.sample import Sample
from ..datasets.synthetic.shards import ShardPeople
from ..poses.skeleton import get_skeleton
from .hourglass import SYNTHETIC
from .synthetic_pictures import scaled_person

BODY, MPII = get_skeleton("h36m17"), get_skeleton("mpii16")
# what both mean alike: limbs and the head's top; real labels have their neck elsewhere
ALIKE = [name for name in MPII.joints if name.startswith(("left", "right", "head"))]


def crops_of_people(shards: Path, size: int = 192) -> CropSet:
    """Return all people of a folder of `lift3d data synthesize` as crops of `mpii16`.

    Labelled are limbs, head top, and pelvis and thorax as midpoints, as in the crops of photos.
    Joints that lie outside of the virtual photo are not, those behind other people and things are.

    Raises:
        DecodeError, BadInput: a shard cannot be read, or its people are to validate on.
    """
    people = ShardPeople.to_train_on(shards)
    count = len(people)
    images = np.empty((count, size, size, 3), np.uint8)
    joints_px = np.empty((count, MPII.n_joints, 2), np.float32)

    def fill(index: int) -> None:
        images[index], joints_px[index] = _crop(people[index], size)

    with ThreadPoolExecutor() as pool:
        list(pool.map(fill, range(count)))
    source, number = np.full(count, SYNTHETIC), np.arange(count).astype(str)
    return CropSet(images, derive_trunk(joints_px), source, number)


def _crop(sample: Sample, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture (size, size, 3) and its labels (16, 2)."""
    image, joints_px, _ = scaled_person(sample, size)
    photo_px = sample.camera.to_photo(sample.joints_px)
    edge_px = np.array(sample.camera.photo_size) - 0.5
    joints_px[~((photo_px >= -0.5) & (photo_px <= edge_px)).all(1)] = np.nan
    labels = np.full((MPII.n_joints, 2), np.nan, np.float32)
    labels[[MPII.index(name) for name in ALIKE]] = joints_px[[BODY.index(name) for name in ALIKE]]
    return image, labels
