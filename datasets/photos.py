"""Whole photos with all labelled people: the reader of the photos pack."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..poses.errors import DecodeError
from .labels import mpii16_rows
from .packs import PICTURES, Fields, decode_rgb, read_fields

_FIELDS: Fields = {
    **PICTURES,
    "photo": ("whole numbers", ("N",)),
    "box": ("finite numbers", ("photo", 4)),
    "coco17": ("finite numbers or NaN", ("photo", 17, 3)),
}


@dataclass(frozen=True)
class PhotoSet:
    """Whole photos, kept encoded, with boxes and joints of the people in them.

    Attributes:
        encoded: list of P uint8 arrays, the pictures' bytes.
        person_photo: int array of shape (M,), the photo of each person.
        box_xyxy_px: float32 array of shape (M, 4).
        coco17_px: float32 array of shape (M, 17, 2), NaN where not labelled.
        name: str array of shape (P,), the photos' names within their data set.
    """

    encoded: list[np.ndarray]
    person_photo: np.ndarray
    box_xyxy_px: np.ndarray
    coco17_px: np.ndarray
    name: np.ndarray

    def __len__(self) -> int:
        return len(self.encoded)

    def load(self, index: int) -> np.ndarray:
        """Return photo `index` as RGB uint8 (H, W, 3)."""
        return decode_rgb(self.encoded[index], f"photo {self.name[index]} in the pack")

    def people(self, index: int) -> np.ndarray:
        """Return the rows of the people in photo `index`."""
        return np.flatnonzero(self.person_photo == index)

    def where(self, chosen: np.ndarray) -> "PhotoSet":
        """Return the photos that a bool array (P,) marks, with their people."""
        number = np.where(chosen, np.cumsum(chosen) - 1, -1)
        people = np.flatnonzero(number[self.person_photo] >= 0)
        return PhotoSet(
            [self.encoded[i] for i in np.flatnonzero(chosen)],
            number[self.person_photo[people]],
            self.box_xyxy_px[people],
            self.coco17_px[people],
            self.name[chosen],
        )

    def mpii16_px(self) -> np.ndarray:
        """Return the joints as `mpii16` (M, 16, 2); what COCO does not label is NaN."""
        joints = np.full((len(self.coco17_px), 16, 2), np.nan, np.float32)
        theirs, ours = mpii16_rows("coco17")
        joints[:, ours] = self.coco17_px[:, theirs]
        return joints


def turn_upside_down(photos: PhotoSet) -> PhotoSet:
    """Return the photos turned by half a turn, with the people in them; no pixel changes."""
    encoded, sizes = [], []
    for index in range(len(photos)):
        image = photos.load(index)[::-1, ::-1]
        sizes.append(image.shape[1::-1])
        bgr = np.ascontiguousarray(image[..., ::-1])
        encoded.append(cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].ravel())
    last = np.array(sizes, np.float32).reshape(-1, 2)[photos.person_photo] - 1  # (M, 2)
    box = np.tile(last, 2) - photos.box_xyxy_px[:, [2, 3, 0, 1]]
    coco17 = last[:, None] - photos.coco17_px
    return PhotoSet(encoded, photos.person_photo, box, coco17, photos.name)


def read_photos_pack(path: str | Path, split: int) -> PhotoSet:
    """Read the photos of one split (0 train, 1 validation) of a photos pack (`photos448.npz`).

    The pack holds encoded photos one after the other in `image` with `offset`, `split` (P,) and
    `src` (P,), and of the people `photo` (M,), `box` (M, 4) and `coco17` (M, 17, 3).

    Raises:
        DecodeError: the file is no such pack, or has no photos of this split.
    """
    pack = read_fields(path, _FIELDS)
    data, offset, photo = pack["image"], pack["offset"], pack["photo"]
    count = len(pack["split"])
    if len(photo) and not 0 <= photo.min() <= photo.max() < count:
        raise DecodeError(
            f"photo in {path} must be at least 0 and below {count}, the number of photos, "
            f"got {photo.min()} to {photo.max()}; mend the pack"
        )
    chosen = np.flatnonzero(pack["split"] == split)
    if not len(chosen):
        raise DecodeError(f"{path} has no photos of split {split}; 0 is for training, 1 validates")
    number = np.full(count, -1)
    number[chosen] = np.arange(len(chosen))
    people = np.flatnonzero(number[photo] >= 0)
    return PhotoSet(
        [data[offset[i] : offset[i + 1]] for i in chosen],
        number[photo[people]],
        pack["box"][people].astype(np.float32),
        pack["coco17"][people, :, :2].astype(np.float32),
        np.array([str(name).rsplit("/", 1)[-1] for name in pack["src"][chosen]]),
    )
