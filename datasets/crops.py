"""Person crops with 2D joints, and the reader of the crops pack."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..poses.errors import DecodeError
from .packs import PICTURES, Fields, decode_rgb, read_fields

LEFT_HIP, RIGHT_HIP, PELVIS, THORAX, RIGHT_SHOULDER, LEFT_SHOULDER = 3, 2, 6, 7, 12, 13
_FIELDS: Fields = {**PICTURES, "joints": ("finite numbers or NaN", ("split", 16, 2))}


@dataclass(frozen=True)
class CropSet:
    """Square person crops, decoded in memory.

    Attributes:
        images: uint8 array of shape (N, S, S, 3), RGB.
        joints_px: float32 array of shape (N, 16, 2), crop pixels, `mpii16`; NaN: not labelled.
        source: str array of shape (N,), the data set that a crop is from ("lspet", "coco", ...).
        photo: str array of shape (N,), the photo within its data set; crops of one photo share it.
    """

    images: np.ndarray
    joints_px: np.ndarray
    source: np.ndarray
    photo: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def where(self, keep: np.ndarray) -> "CropSet":
        """Return the crops that a boolean mask or an index array of shape (N,) names."""
        return CropSet(*(getattr(self, field.name)[keep] for field in fields(self)))


def join_crops(sets: list[CropSet]) -> CropSet:
    """Return all crops of several sets of one size, in order."""
    return CropSet(
        *(np.concatenate([getattr(s, field.name) for s in sets]) for field in fields(CropSet))
    )


def derive_trunk(joints_px: np.ndarray) -> np.ndarray:
    """Fill unlabelled pelvis and thorax of `mpii16` joints (N, 16, 2) by the midpoints.

    The pelvis is the middle of the hips, the thorax the middle of the shoulders, where both are
    labelled: LSP and COCO label neither.
    """
    joints = joints_px.copy()
    pairs = ((PELVIS, LEFT_HIP, RIGHT_HIP), (THORAX, LEFT_SHOULDER, RIGHT_SHOULDER))
    for target, left, right in pairs:
        middle = (joints[:, left] + joints[:, right]) / 2
        joints[:, target] = np.where(np.isnan(joints[:, target]), middle, joints[:, target])
    return joints


def read_crops_pack(path: str | Path, split: int) -> CropSet:
    """Read the crops of one split (0 train, 1 validation) of a crops pack (`crops192.npz`).

    The pack holds encoded crops one after the other in `image` with `offset`, and `joints`
    (N, 16, 2), `split` (N,), `src` (N,).

    Raises:
        DecodeError: the file is no such pack, has no crops of this split or one without a source,
            or a picture in it is damaged, not square or of another size than the first.
    """
    pack = read_fields(path, _FIELDS)
    chosen = np.flatnonzero(pack["split"] == split)
    if not len(chosen):
        raise DecodeError(f"{path} has no crops of split {split}; 0 is for training, 1 validates")
    parts = [str(name).partition("/") for name in pack["src"][chosen]]
    if not all(slash for _, slash, _ in parts):
        raise DecodeError(f"{path} has a crop whose `src` is no SET/NAME, such as lspet/im00001")
    data, offset = pack["image"], pack["offset"]

    def decoded_at(i: int) -> np.ndarray:
        return decode_rgb(data[offset[i] : offset[i + 1]], f"picture {i} in {path}")

    with ThreadPoolExecutor() as pool:
        decoded = list(pool.map(decoded_at, chosen))
    sizes = list(dict.fromkeys(image.shape[1::-1] for image in decoded))  # (width, height)
    if len(sizes) > 1 or len(set(sizes[0])) > 1:
        shown = " and ".join(f"{width} x {height}" for width, height in sizes[:2])
        raise DecodeError(
            f"image in {path} must be square pictures of one size, got {shown} px; mend the pack"
        )
    joints = derive_trunk(pack["joints"][chosen].astype(np.float32))
    source = np.array([name.split("_")[0] for name, _, _ in parts])
    photo = np.array([name.split("#")[0] for *_, name in parts])
    return CropSet(np.stack(decoded), joints, source, photo)
