"""Person crops cut from whole photos, to train on beside a crops pack."""

from collections.abc import Callable

import numpy as np

from ..datasets.crops import CropSet, derive_trunk
from ..datasets.labels import PersonLabels
from ..datasets.photos import PhotoSet
from ..detectors.preprocess import cut_square
from ..poses.boxes import apply_affine, square_affine

MARGIN = 1.35


def crops_from_photos(
    photos: PhotoSet, size: int = 192, min_joints: int = 7, min_side_px: float = 56.0
) -> CropSet:
    """Cut the people of a photos pack; the arguments are those of `cut_person_crops`."""
    people = photos.person_photo, photos.mpii16_px()
    return cut_person_crops(
        photos.load, *people, "coco", size, min_joints, min_side_px, photos.name
    )


def crops_from_labels(
    labels: PersonLabels, size: int = 192, min_joints: int = 7, min_side_px: float = 56.0
) -> CropSet:
    """Cut the people of a data set in its official layout; arguments as in `cut_person_crops`."""
    people = labels.photo, labels.joints_px
    names = np.array([path.stem for path in labels.image_paths])
    return cut_person_crops(
        labels.load, *people, labels.source, size, min_joints, min_side_px, names
    )


def cut_person_crops(
    load: Callable[[int], np.ndarray],
    photo: np.ndarray,
    joints_px: np.ndarray,
    source: str,
    size: int = 192,
    min_joints: int = 7,
    min_side_px: float = 56.0,
    names: np.ndarray | None = None,
) -> CropSet:
    """Cut a square around the labelled joints of each person, with a margin of 1.35.

    Each photo is loaded once, in order. Unlabelled pelvis and thorax are derived.

    Args:
        load: index of a photo -> RGB uint8 (H, W, 3).
        photo: (M,) the photo of each person.
        joints_px: (M, 16, 2) `mpii16` in photo pixels, NaN where not labelled.
        source: the data set's name, kept with each crop.
        size: side of the crops in pixels.
        min_joints: people with fewer labelled joints are left out.
        min_side_px: people whose joints span less than this are left out.
        names: (P,) of the photos, kept with each crop; their numbers if there are none.
    """
    labelled = ~np.isnan(joints_px).any(-1)
    rows = np.flatnonzero(labelled.sum(1) >= min_joints)
    low, high = np.nanmin(joints_px[rows], 1), np.nanmax(joints_px[rows], 1)
    span = (high - low).max(-1)
    keep = span >= min_side_px
    rows, centre, side = rows[keep], ((low + high) / 2)[keep], MARGIN * span[keep]
    images = np.empty((len(rows), size, size, 3), np.uint8)
    moved = np.empty((len(rows), 16, 2), np.float32)
    loaded, image = -1, np.empty(0)
    for k in np.argsort(photo[rows], kind="stable"):
        if photo[rows[k]] != loaded:
            loaded = int(photo[rows[k]])
            image = load(loaded)
        images[k] = cut_square(image, centre[k], side[k], size)
        affine = square_affine(centre[k], side[k], size)
        moved[k] = apply_affine(affine, joints_px[rows[k]])
    name = photo[rows].astype(str) if names is None else names[photo[rows]]
    return CropSet(images, derive_trunk(moved), np.full(len(rows), source), name)
