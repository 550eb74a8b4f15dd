"""Packs: one npz file with encoded pictures one after the other and plain arrays beside them."""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from ..poses.errors import DecodeError

UNREADABLE = (OSError, ValueError, TypeError, EOFError, AttributeError, BadZipFile, zlib.error)

Fields = Mapping[str, tuple[str, tuple[int | str, ...]]]
PICTURES: Fields = {
    "image": ("bytes", ("N",)),
    "offset": ("whole numbers", ("N",)),
    "split": ("finite numbers", ("N",)),
    "src": ("text", ("split",)),
}
_NUMBERS = "?" + np.typecodes["AllInteger"] + np.typecodes["Float"]
_TYPE_CODES = {
    "bytes": np.dtype(np.uint8).char,
    "whole numbers": np.typecodes["AllInteger"],
    "finite numbers": _NUMBERS,
    "finite numbers or NaN": _NUMBERS,
    "text": "U",
}
_OUTSIDE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "finite numbers": lambda array: ~np.isfinite(array),
    "finite numbers or NaN": np.isinf,
}


def read_pack(
    path: str | Path, keys: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Read the named arrays of an npz file, each once, never by pickle.

    An `optional` array that the file lacks is left out.

    Raises:
        DecodeError: the file is missing, no npz, or lacks one of the arrays.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise DecodeError(
                    f"{path} has no array {missing[0]!r}; expected a pack with {', '.join(keys)}"
                )
            there = [key for key in optional if key in archive.files]
            return {key: archive[key] for key in (*keys, *there)}
    except FileNotFoundError:
        raise DecodeError(f"{path} does not exist; give the path of the data pack") from None
    except UNREADABLE as error:
        raise DecodeError(f"{path} is no readable npz pack; fetch it again") from error


def read_fields(path: str | Path, fields: Fields) -> dict[str, np.ndarray]:
    """Read the arrays of a pack that a table names, each of the kind and shape stated there.

    Args:
        path: the npz file.
        fields: for each array its kind, one of "bytes", "whole numbers", "finite numbers", "finite
            numbers or NaN" and "text", and its shape, in which "N" is any length and another
            array's name the length of that array, which stands before it. `PICTURES` are those of
            every pack of pictures; `offset` then has to lie within `image`.

    Raises:
        DecodeError: the file is missing, no npz, lacks an array or has one of another form.
    """
    pack = read_pack(path, tuple(fields))
    for key, (kind, shape) in fields.items():
        _check_form(path, pack, key, kind, shape)
        if kind in _OUTSIDE:
            with np.errstate(over="ignore"):
                bad = np.count_nonzero(_OUTSIDE[kind](pack[key].astype(np.float32)))
            if bad:
                raise DecodeError(
                    f"{key} in {path} must be {kind}, got {bad} of {pack[key].size} that are not; "
                    "mend the pack"
                )
    if "offset" in fields:
        _check_offset(path, pack["offset"], len(pack["split"]), len(pack["image"]))
    return pack


def _check_form(
    path: str | Path,
    pack: dict[str, np.ndarray],
    key: str,
    kind: str,
    shape: tuple[int | str, ...],
) -> None:
    array = pack[key]
    wanted = tuple(len(pack[str(side)]) if side in pack else side for side in shape)
    fits = len(wanted) == array.ndim and all(
        side in ("N", length) for side, length in zip(wanted, array.shape, strict=True)
    )
    if not fits or array.dtype.char not in _TYPE_CODES[kind]:
        shown = str(wanted).replace("'N'", "N")
        shown += "".join(f" beside {side} {pack[side].shape}" for side in shape if side in pack)
        raise DecodeError(
            f"{key} in {path} must be {kind} of shape {shown}, got {array.dtype} {array.shape}; "
            "mend the pack"
        )


def _check_offset(path: str | Path, offset: np.ndarray, count: int, size: int) -> None:
    if len(offset) != count + 1:
        raise DecodeError(
            f"offset in {path} must have shape ({count + 1},), one more than split, "
            f"got {offset.shape}; mend the pack"
        )
    start, end = offset[:-1], offset[1:]
    wrong = np.flatnonzero((start < 0) | (end <= start) | (end > size))
    if len(wrong):
        first = wrong[0]
        raise DecodeError(
            f"offset in {path} must rise within the {size} bytes of image, "
            f"got {start[first]} to {end[first]} for picture {first}; mend the pack"
        )


def decode_rgb(encoded: np.ndarray, name: str, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode one encoded picture (uint8 bytes) to RGB uint8 (H, W, 3).

    Args:
        encoded: the bytes.
        name: what they are, for the error.
        flags: OpenCV's, of a reading with three colours.

    Raises:
        DecodeError: the bytes are no picture, or one above OpenCV's limit of 2^30 pixels.
    """
    try:
        image = cv2.imdecode(encoded, flags) if encoded.size else None
    except cv2.error:  # raised above the limit; other bytes that are no picture give None
        image = None
    if image is None:
        raise DecodeError(f"{name} cannot be decoded as a picture; fetch it again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
