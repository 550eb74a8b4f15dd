"""The focal length that a camera wrote into a photo: EXIF, as far as it tells one in pixels."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator

from .trajectory import focal_from_film

_EXIF_IFD, _FOCAL_MM, _FOCAL_35MM = 0x8769, 0x920A, 0xA405
_PLANE_X, _PLANE_UNIT, _PIXELS = 0xA20E, 0xA210, (0xA002, 0xA003)  # width and height as taken
_UNIT_MM = {2: 25.4, 3: 10.0}  # inch, centimetre
_FORMATS = {3: "H", 4: "I", 5: "II"}  # SHORT, LONG, RATIONAL
_MOST_ENTRIES = 500


def focal_from_exif(data: bytes, size_px: tuple[int, int]) -> float | None:
    """Return the focal length in pixels that an image file tells of itself, or None.

    Taken from the lens's focal length and the sensor's resolution where both are given, else from
    the equivalent on 35 mm film (Exif 2.32, tags 0x920A with 0xA20E and 0xA210, and 0xA405). The
    photo must not have been cropped since.

    Args:
        data: the whole JPEG, PNG, WebP or TIFF file.
        size_px: width and height of the upright picture; it may have been scaled down.
    """
    try:
        tags = dict(_tags(_tiff_block(data)))
    except (struct.error, IndexError, ValueError, OverflowError):
        return None  # a damaged block is an extra that is not there
    plane = _from_sensor(tags, max(size_px))
    if plane is not None:
        return plane
    film = tags.get(_FOCAL_35MM, 0.0)
    return focal_from_film(film, size_px) if film > 0 else None


def _from_sensor(tags: dict[int, float], longer_px: int) -> float | None:
    """Return focal length times resolution on the sensor, scaled as the picture was."""
    focal_mm, per_unit = tags.get(_FOCAL_MM, 0.0), tags.get(_PLANE_X, 0.0)
    unit_mm = _UNIT_MM.get(int(tags.get(_PLANE_UNIT, 2)), 0.0)
    taken_px = max(tags.get(side, 0.0) for side in _PIXELS)
    if not (focal_mm > 0 and per_unit > 0 and unit_mm > 0 and taken_px > 0):
        return None
    focal_px = focal_mm * per_unit / unit_mm * longer_px / taken_px
    return focal_px if math.isfinite(focal_px) and 0.2 < focal_px / longer_px < 50 else None


def _tiff_block(data: bytes) -> bytes:
    """Return the TIFF structure that holds the tags; empty where there is none."""
    if data[:4] in (b"II*\0", b"MM\0*"):
        return data
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg_block(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return dict(_chunks(data, 8, ">I4s", 4)).get(b"eXIf", b"")
    if re.match(rb"RIFF....WEBP", data, re.DOTALL):
        return dict(_chunks(data, 12, "<4sI", 0)).get(b"EXIF", b"").removeprefix(b"Exif\0\0")
    return b""


def _jpeg_block(data: bytes) -> bytes:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        code = data[position + 1]
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        if code == 0xE1 and body[:6] == b"Exif\0\0":
            return body[6:]
        if code == 0xDA:  # the picture's data begin
            break
        position += 2 + length
    return b""


def _chunks(data: bytes, position: int, head: str, tail: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, body) of the chunks of a PNG or a WebP."""
    while position + 8 <= len(data):
        first, second = struct.unpack_from(head, data, position)
        length, name = (first, second) if isinstance(first, int) else (second, first)
        yield name, data[position + 8 : position + 8 + length]
        position += 8 + length + (tail or length % 2)


def _tags(tiff: bytes) -> Iterator[tuple[int, float]]:
    """Yield (tag, number) of the first directory and of the Exif directory it points to."""
    if len(tiff) < 8:
        return
    order = "<" if tiff[:2] == b"II" else ">"
    directories = list(struct.unpack_from(order + "I", tiff, 4))
    for directory in directories:
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for k in range(min(count, _MOST_ENTRIES)):
            entry = directory + 2 + 12 * k
            tag, kind, n = struct.unpack_from(order + "HHI", tiff, entry)
            if kind not in _FORMATS or n != 1:
                continue
            start = entry + 8
            if kind == 5:
                (start,) = struct.unpack_from(order + "I", tiff, start)
            values = struct.unpack_from(order + _FORMATS[kind], tiff, start)
            if tag == _EXIF_IFD and len(directories) == 1:
                directories.append(values[0])
            if kind != 5 or values[1]:
                yield tag, values[0] / values[1] if kind == 5 else float(values[0])
