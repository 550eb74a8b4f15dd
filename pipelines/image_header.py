"""Image headers: format, size and orientation before anything is decoded, and files cut short."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..poses.errors import DecodeError

_TRUNCATED = "the image is truncated: its data end before the image does; copy or download it again"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without tables
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # neither stuffed nor RST
_ORIENTATION, _WIDTH, _HEIGHT, _ALPHA = 274, 256, 257, 338  # TIFF and EXIF tags
_BITS, _PLANES, _SEPARATE = 258, 284, 2
_STRIPS, _TILES = (273, 279), (324, 325)  # TIFF tags: offsets and byte counts
_TAGS = frozenset((_ORIENTATION, _WIDTH, _HEIGHT, _ALPHA, _BITS, _PLANES, *_STRIPS, *_TILES))
_TYPES = {1: "B", 3: "H", 4: "I"}  # TIFF's BYTE, SHORT and LONG


@dataclass(frozen=True)
class ImageHeader:
    """Describe an image file: `format`, stored size in pixels, EXIF `orientation` (1 to 8).

    The size is the stored one: orientations 5 to 8 exchange width and height on screen.
    `tiff_alpha` is 1 where the colours are multiplied by alpha, 2 where they are not, 0 unknown.
    """

    format: str
    width_px: int
    height_px: int
    orientation: int = 1
    tiff_alpha: int = 0


def read_header(data: bytes) -> ImageHeader:
    """Return the header of a JPEG, PNG, WebP, BMP or TIFF file given as bytes.

    The format is told by the content, never by the file's name. Walks the whole file's structure,
    so that a file cut short is found here: decoders fill what is missing with grey.

    Raises DecodeError where the file is of another format, damaged or truncated.

    >>> import cv2, numpy as np
    >>> data = cv2.imencode(".png", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    >>> read_header(data) == ImageHeader("PNG", 30, 20, orientation=1)
    True
    """
    try:
        header = _reader(data)(data)
    except (struct.error, IndexError) as error:
        raise DecodeError(_TRUNCATED) from error
    if header.width_px < 1 or header.height_px < 1:
        raise DecodeError(
            f"the {header.format} header is damaged: "
            f"it says {header.width_px} x {header.height_px} px; export the image again"
        )
    return header


def _reader(data: bytes) -> Callable[[bytes], ImageHeader]:
    for magic, reader in (
        (rb"\xff\xd8\xff", _read_jpeg),
        (rb"\x89PNG\r\n\x1a\n", _read_png),
        (rb"RIFF....WEBP", _read_webp),
        (rb"BM", _read_bmp),
        (rb"II\*\x00|MM\x00\*", _read_tiff),
    ):
        if re.match(magic, data, re.DOTALL):
            return reader
    begin = "empty" if not data else f"it begins with {data[:8]!r}"
    raise DecodeError(f"not a JPEG, PNG, WebP, BMP or TIFF image ({begin}); convert it to one")


def _read_jpeg(data: bytes) -> ImageHeader:
    width = height = 0
    orientation, position = 1, 2
    while marker := _JPEG_MARKER.search(data, position):
        code, start = marker[1][0], marker.end()
        if code == 0xD9:  # end of image
            return ImageHeader("JPEG", width, height, orientation)
        position = start
        if code == 0x01:  # a marker without a segment
            continue
        (length,) = struct.unpack_from(">H", data, start)
        position += length
        if code in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, start + 3)
        if code == 0xE1 and data[start + 2 : start + 8] == b"Exif\0\0":
            orientation = _exif_orientation(data[start + 8 : start + length])
    raise DecodeError(_TRUNCATED)


def _read_png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    orientation, position = 1, 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        (crc,) = struct.unpack_from(">I", data, position + 8 + length)
        critical = not kind[0] & 0x20  # a wrong checksum of an extra chunk harms no pixel
        if critical and crc != zlib.crc32(body, zlib.crc32(kind)):
            raise DecodeError(
                f"the image is damaged: the checksum of its PNG chunk {kind!r} at byte {position} "
                "is wrong; copy or download it again"
            )
        if kind == b"eXIf":
            orientation = _exif_orientation(body)
        if kind == b"IEND":
            return ImageHeader("PNG", width, height, orientation)
        position += 12 + length


def _read_webp(data: bytes) -> ImageHeader:
    (riff_length,) = struct.unpack_from("<I", data, 4)
    if len(data) < 8 + riff_length:
        raise DecodeError(_TRUNCATED)
    width = height = 0
    orientation, position = 1, 12
    while position + 8 <= min(len(data), 8 + riff_length):
        kind, length = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + length]
        if kind == b"VP8X":
            width, height = (1 + int.from_bytes(body[i : i + 3], "little") for i in (4, 7))
        elif kind == b"VP8 " and not width:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
        elif kind == b"VP8L" and not width:
            (bits,) = struct.unpack_from("<I", body, 1)
            width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"EXIF":
            orientation = _exif_orientation(body.removeprefix(b"Exif\0\0"))
        position += 8 + length + length % 2
    return ImageHeader("WebP", width, height, orientation)


def _read_bmp(data: bytes) -> ImageHeader:
    (info_length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if info_length == 12 else "<ii", data, 18)
    return ImageHeader("BMP", width, abs(height))  # negative: the rows are stored top to bottom


def _read_tiff(data: bytes) -> ImageHeader:
    tags = dict(_tiff_tags(data))
    for offsets, counts in (_STRIPS, _TILES):
        for offset, count in zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False):
            if offset + count > len(data):
                raise DecodeError(_TRUNCATED)
    bits = tags.get(_BITS, (1,))
    if tags.get(_PLANES) == (_SEPARATE,) and len(bits) > 1 and set(bits) != {8}:
        raise DecodeError(
            f"a TIFF image with its colours in separate planes of {bits[0]} bits, which OpenCV "
            "mixes up; export it again with the colours side by side"
        )
    width, height, alpha = (tags.get(tag, (0,))[0] for tag in (_WIDTH, _HEIGHT, _ALPHA))
    return ImageHeader("TIFF", width, height, _valid_orientation(tags), alpha)


def _tiff_tags(data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield (tag, values) of the entries used here of the first directory of a TIFF."""
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (n_entries,) = struct.unpack_from(order + "H", data, directory)
    for entry in range(directory + 2, directory + 2 + 12 * n_entries, 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        if tag not in _TAGS or kind not in _TYPES:
            continue
        values = order + f"{count}{_TYPES[kind]}"
        start = entry + 8
        if struct.calcsize(values) > 4:
            (start,) = struct.unpack_from(order + "I", data, start)
        yield tag, struct.unpack_from(values, data, start)


def _exif_orientation(tiff: bytes) -> int:
    """Return the orientation of an EXIF block; 1 where the block is damaged: it is an extra."""
    try:
        return _valid_orientation(dict(_tiff_tags(tiff)))
    except struct.error:
        return 1


def _valid_orientation(tags: dict[int, tuple[int, ...]]) -> int:
    value = tags[_ORIENTATION][0] if tags.get(_ORIENTATION) else 1
    return value if 1 <= value <= 8 else 1
