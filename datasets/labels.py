"""People labelled in photos that lie in a folder: what every reader of a 2D data set returns."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..poses.errors import DecodeError
from ..poses.skeleton import get_skeleton
from .packs import decode_rgb


@dataclass(frozen=True)
class PersonLabels:
    """M labelled people in P photos; the photos are read when they are asked for.

    Attributes:
        image_paths: the P photos.
        photo: int array of shape (M,), the photo of each person.
        joints_px: float32 array of shape (M, 16, 2), `mpii16`, pixel centres at integers; NaN
            where not labelled.
        hidden: bool array of shape (M, 16), joints that are labelled but cannot be seen.
        box_xyxy_px: float32 array of shape (M, 4); NaN where the data set has no boxes.
        source: the data set's name ("lsp", "lspet", "mpii", "coco").
    """

    image_paths: list[Path]
    photo: np.ndarray
    joints_px: np.ndarray
    hidden: np.ndarray
    box_xyxy_px: np.ndarray
    source: str

    def load(self, index: int) -> np.ndarray:
        """Return photo `index` as RGB uint8 (H, W, 3), not turned by its EXIF tag.

        Labels are made on the pixels as they are stored.

        Raises:
            DecodeError: the photo is missing or damaged.
        """
        path = self.image_paths[index]
        if not path.is_file():
            raise DecodeError(f"{path} does not exist; unpack the photos of {self.source!r} there")
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        return decode_rgb(np.fromfile(path, np.uint8), str(path), flags)


def mpii16_rows(source: str, renamed: dict[str, str] | None = None) -> tuple[list[int], list[int]]:
    """Return the joints that a skeleton shares with `mpii16`: indices there, indices in `mpii16`.

    Labels are copied by name only: what a data set does not label stays empty.

    Args:
        source: name of the data set's skeleton.
        renamed: further joints, the source's name -> the name in `mpii16`.

    >>> mpii16_rows("lsp14", {"neck": "upper_neck"})[1]
    [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]
    """
    theirs, ours = get_skeleton(source), get_skeleton("mpii16")
    names = {name: name for name in theirs.joints if name in ours.joints} | (renamed or {})
    ordered = [name for name in theirs.joints if name in names]
    return [theirs.index(name) for name in ordered], [ours.index(names[name]) for name in ordered]
