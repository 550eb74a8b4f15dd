"""The fixed synthetic set that image lifters are measured on."""

import hashlib
from collections.abc import Iterable

import numpy as np

from ..mocap import VALIDATION, MocapPack
from .backgrounds import PhotoFolder
from .body import Body
from .people import SyntheticPeople
from .sample import Sample

COUNT, SEED = 2000, 20_000


def validation_people(
    body: Body, mocap: MocapPack, backgrounds: PhotoFolder | None = None, size: int = 256
) -> SyntheticPeople:
    """Return the people of the fixed set: poses of the validation subjects as they were captured.

    Only clips of grade 0 count. The labels do not depend on the backgrounds. The set is samples 0
    to COUNT - 1.

    Raises:
        BadInput: the pack has no such poses.
    """
    return SyntheticPeople(
        body, mocap, backgrounds, size, SEED, split=VALIDATION, grades=(0,), variety=None
    )


def digests(samples: Iterable[Sample]) -> tuple[str, str]:
    """Return the SHA-256 of the joints and cameras, and that of the pictures and what is visible.

    The first tells whether two sets are the same. The second may differ between builds of OpenCV
    and numpy, by a grey level here and there: it informs.
    """
    labels, pictures = hashlib.sha256(), hashlib.sha256()
    for sample in samples:
        for array in (sample.joints_px, sample.joints_mm, sample.root_mm):
            labels.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        pictures.update(sample.visible.tobytes())
        pictures.update(np.packbits(sample.mask).tobytes())
        pictures.update(sample.jpeg)
    return labels.hexdigest(), pictures.hexdigest()
