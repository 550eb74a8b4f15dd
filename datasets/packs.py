"""Packs: one npz file with encoded pictures one after the other and plain arrays beside them."""

import zlib
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np

from ..poses.errors import DecodeError

UNREADABLE = (OSError, ValueError, TypeError, EOFError, AttributeError, BadZipFile, zlib.error)


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


def decode_rgb(encoded: np.ndarray) -> np.ndarray:
    """Decode one encoded picture (uint8 bytes) to RGB uint8 (H, W, 3).

    Raises:
        DecodeError: the bytes are no picture.
    """
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if encoded.size else None
    if image is None:
        raise DecodeError("a picture in the pack cannot be decoded; the file may be damaged")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
