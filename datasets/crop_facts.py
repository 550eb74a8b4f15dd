"""What a crops pack says of its crops beside pictures and joints: who is hidden, who is small."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .packs import PICTURES, Fields, read_fields

HIDDEN = 1
MARGIN = 1.35
_FIELDS: Fields = {
    "split": PICTURES["split"],
    "vis": ("finite numbers", ("split", 16)),
    "box": ("finite numbers", ("split", 3)),
}


@dataclass(frozen=True)
class CropFacts:
    """Facts of N crops, in the order of `read_crops_pack`.

    Attributes:
        hidden: bool array of shape (N, 16), joints that are labelled but cannot be seen.
        extent_px: float array of shape (N,), the longer side of the labelled joints' box in pixels
            of the photo.
    """

    hidden: np.ndarray
    extent_px: np.ndarray


def read_crop_facts(path: str | Path, split: int) -> CropFacts:
    """Read the facts of one split (0 train, 1 validation) of a crops pack (`crops192.npz`).

    The pack holds `vis` (N, 16), 1 where a joint is hidden, and `box` (N, 3), the squares' left,
    top and side in pixels of the photo, 1.35 times as long as the joints reach.

    Raises:
        DecodeError: the file is no such pack, or one without these arrays.
    """
    pack = read_fields(path, _FIELDS)
    chosen = pack["split"] == split
    return CropFacts(pack["vis"][chosen] == HIDDEN, pack["box"][chosen, 2] / MARGIN)
