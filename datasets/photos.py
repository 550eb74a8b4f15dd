"""Whole photos with all labelled people: the reader of the photos pack."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .labels import mpii16_rows
from .packs import decode_rgb, read_pack


@dataclass(frozen=True)
class PhotoSet:
    """Whole photos, kept encoded, with boxes and joints of the people in them.

    Attributes:
        encoded: list of P uint8 arrays, the pictures' bytes.
        person_photo: int array of shape (M,), the photo of each person.
        box_xyxy_px: float32 array of shape (M, 4).
        coco17_px: float32 array of shape (M, 17, 2), NaN where not labelled.
    """

    encoded: list[np.ndarray]
    person_photo: np.ndarray
    box_xyxy_px: np.ndarray
    coco17_px: np.ndarray

    def __len__(self) -> int:
        return len(self.encoded)

    def load(self, index: int) -> np.ndarray:
        """Return photo `index` as RGB uint8 (H, W, 3)."""
        return decode_rgb(self.encoded[index])

    def people(self, index: int) -> np.ndarray:
        """Return the rows of the people in photo `index`."""
        return np.flatnonzero(self.person_photo == index)

    def mpii16_px(self) -> np.ndarray:
        """Return the joints as `mpii16` (M, 16, 2); what COCO does not label is NaN."""
        joints = np.full((len(self.coco17_px), 16, 2), np.nan, np.float32)
        theirs, ours = mpii16_rows("coco17")
        joints[:, ours] = self.coco17_px[:, theirs]
        return joints


def read_photos_pack(path: str | Path, split: int) -> PhotoSet:
    """Read the photos of one split (0 train, 1 validation) of a photos pack (`photos448.npz`).

    Raises:
        DecodeError: the file is no such pack.
    """
    pack = read_pack(path, ("image", "offset", "photo", "box", "coco17", "split"))
    data, offset = pack["image"], pack["offset"]
    chosen = np.flatnonzero(pack["split"] == split)
    number = np.full(len(pack["split"]), -1)
    number[chosen] = np.arange(len(chosen))
    people = np.flatnonzero(number[pack["photo"]] >= 0)
    return PhotoSet(
        [data[offset[i] : offset[i + 1]] for i in chosen],
        number[pack["photo"][people]],
        pack["box"][people],
        pack["coco17"][people, :, :2],
    )
