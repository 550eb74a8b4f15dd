"""Reading photos: any usual format in, upright RGB uint8 out, or one clear line."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import cv2
import numpy as np

from ..poses.errors import BadInput, DecodeError
from .image_header import ImageHeader, read_header

MIN_SIDE_PX = 16
MAX_MEGAPIXELS = 100
MAX_FILE_MIB = 1024
_ROWS = 256  # converted at a time, so that no second whole image is held


def read_image(path: str | Path) -> np.ndarray:
    """Return a photo as RGB, uint8, shape (H, W, 3), upright, in its original resolution.

    Reads JPEG, PNG, WebP, BMP and TIFF, told by their content. EXIF orientation is applied. Grey
    is copied to three channels, transparency is laid over white (the alpha of a BMP and of a grey
    TIFF is ignored), 16 bits are scaled to 8 (65535 -> 255) and so are floats (1.0 -> 255, NaN ->
    0). Of several frames or pages the first is read.

    Raises BadInput where there is no such file or its size is beyond the limits (16 px a side,
    100 megapixels, checked before decoding), and DecodeError where it is no image, damaged or
    truncated.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grey.png"
    >>> cv2.imwrite(str(path), np.full((20, 30), 7, np.uint8))
    True
    >>> read_image(path).shape
    (20, 30, 3)
    """
    path = Path(path)
    try:
        data = _read_bytes(path)
        header = read_header(data)
        _check_size(header)
        return _upright(_to_rgb8(_decode(data, header), header), header)
    except (BadInput, DecodeError) as error:
        raise type(error)(f"{path}: {error}") from error


def _read_bytes(path: Path) -> bytes:
    if os.path.isdir(path):
        raise BadInput("a folder, expected an image file; pass the files in it")
    if not os.path.lexists(path):
        raise BadInput("no such file; check the spelling and the folder")
    if os.path.exists(path) and not os.path.isfile(path):
        raise BadInput("a device or pipe, expected an image file; save the image first")
    try:
        size_mib = os.path.getsize(path) / 2**20
        if size_mib > MAX_FILE_MIB:
            raise BadInput(
                f"the file has {size_mib:.0f} MiB, the limit is {MAX_FILE_MIB} MiB; "
                "scale the image down first"
            )
        data = path.read_bytes()
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}; check its permissions") from error
    if not data:
        raise DecodeError("the file is empty; copy or download it again")
    return data


def _check_size(header: ImageHeader) -> None:
    size = f"({header.width_px} x {header.height_px} px)"
    if min(header.width_px, header.height_px) < MIN_SIDE_PX:
        raise BadInput(f"too small {size}; need at least {MIN_SIDE_PX} px on each side")
    megapixels = header.width_px * header.height_px / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise BadInput(
            f"too large {size}: {megapixels:.0f} megapixels, the limit is {MAX_MEGAPIXELS}; "
            "scale the image down first"
        )


def _decode(data: bytes, header: ImageHeader) -> np.ndarray:
    """Return what OpenCV decodes: (H, W) or (H, W, C), BGR, any type; as stored but for TIFF."""
    flags = cv2.IMREAD_UNCHANGED  # keeps alpha and 16 bits, leaves the orientation to us
    if header.format in ("JPEG", "BMP"):
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        with _quiet_stderr:
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DecodeError(
            f"OpenCV cannot decode this {header.format} image: {error.err}; export it again"
        ) from error
    if image is None:
        raise DecodeError(
            f"the {header.format} image is damaged or of a kind that OpenCV cannot decode; "
            "export it again, as PNG or JPEG"
        )
    return image


def _to_rgb8(image: np.ndarray, header: ImageHeader) -> np.ndarray:
    """Turn (H, W) or (H, W, C) BGR of any type into (H, W, 3) RGB uint8, a few rows at a time."""
    H, W = image.shape[:2]
    image = image.reshape(H, W, -1)  # (H, W) -> (H, W, 1)
    if image.dtype.kind == "f":
        _check_float_range(image)
    elif image.dtype not in (np.uint8, np.uint16):
        raise DecodeError(
            f"samples of type {image.dtype} have no agreed range; "
            "export the image with 8 or 16 unsigned bits or floats from 0 to 1"
        )
    # OpenCV reads 8-bit TIFF through libtiff's RGBA interface, which multiplies alpha in.
    premultiplied = header.tiff_alpha in ((1, 2) if image.dtype == np.uint8 else (1,))
    in_place = image.dtype == np.uint8 and image.shape[2] == 3
    rgb = image if in_place else np.empty((H, W, 3), np.uint8)
    for row in range(0, H, _ROWS):
        block = _samples_to_8_bits(image[row : row + _ROWS])
        if block.shape[2] == 4:
            block = _over_white(block, premultiplied)
        rgb[row : row + _ROWS] = block[..., ::-1]  # BGR -> RGB; grey broadcasts
    return rgb


def _check_float_range(image: np.ndarray) -> None:
    low, high = (f.reduce(image, axis=None, initial=0) for f in (np.fmin, np.fmax))  # skip NaN
    if low < -0.5 or high > 1.5:  # a little overshoot is usual after resampling
        raise BadInput(
            f"float samples must run from 0 to 1, got {low:g} to {high:g}; "
            "rescale the image or export it with 8 or 16 bits"
        )


def _samples_to_8_bits(block: np.ndarray) -> np.ndarray:
    if block.dtype == np.uint16:
        return ((block.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 * 257
    if block.dtype.kind == "f":
        return np.rint(np.clip(np.nan_to_num(block), 0, 1) * 255).astype(np.uint8)
    return block


def _over_white(block: np.ndarray, premultiplied: bool) -> np.ndarray:
    colour, alpha = block[..., :3].astype(np.uint16), block[..., 3:].astype(np.uint16)
    if not premultiplied:
        colour = (colour * alpha + 127) // 255
    return np.minimum(colour + 255 - alpha, 255).astype(np.uint8)


def _upright(image: np.ndarray, header: ImageHeader) -> np.ndarray:
    """Undo the EXIF orientation; OpenCV has done it already for TIFF, whatever the flags."""
    if header.format == "TIFF" or header.orientation == 1:
        return image
    if header.orientation >= 5:
        image = image.transpose(1, 0, 2)  # (H, W, 3) -> (W, H, 3)
    if header.orientation in (3, 4, 7, 8):
        image = image[::-1]
    if header.orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


class _QuietStderr:
    """Send file descriptor 2 to nowhere while a decoder of OpenCV runs, in any thread.

    libjpeg, libpng, libtiff and OpenCV's log write there from C, past `sys.stderr`. The first
    thread in redirects, the last one out restores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._saved = -1

    def __enter__(self) -> None:
        with self._lock:
            self._n_inside += 1
            if self._n_inside == 1:
                self._saved = _redirect_stderr()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0 and self._saved >= 0:
                os.dup2(self._saved, 2)
                os.close(self._saved)


def _redirect_stderr() -> int:
    """Point descriptor 2 at the null device; return a copy of the old one, -1 if it is closed."""
    try:
        saved = os.dup(2)
    except OSError:
        return -1
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    return saved


_quiet_stderr = _QuietStderr()
