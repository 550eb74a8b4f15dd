"""What stands behind the people: photos of a folder, or pictures drawn by code."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ...poses.errors import BadInput

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
LARGE_BYTES = 400_000  # files above it are decoded at half their size

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoFolder:
    """The photos below a folder, in the order of their names.

    Attributes:
        folder: for messages.
        paths: of the photos.
    """

    folder: Path
    paths: tuple[Path, ...]
    _broken: set[Path] = field(default_factory=set, repr=False)

    def piece(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Return a random square piece of a random photo (size, size, 3), RGB uint8.

        A file that cannot be read is named once in a warning; the next one stands in for it.

        Raises:
            BadInput: no photo of the folder can be read.
        """
        start, number = int(rng.integers(len(self.paths))), len(self.paths)
        spot, part, flip = rng.random(2), rng.uniform(0.35, 1.0), rng.random() < 0.5
        for step in range(number):
            path = self.paths[(start + step) % number]
            photo = self._read(path)
            if photo is None:
                continue
            side = max(2, int(part * min(photo.shape[:2])))
            y, x = (int(s * (n - side)) for s, n in zip(spot, photo.shape[:2], strict=True))
            piece = photo[y : y + side, x : x + side, ::-1]
            shrink = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
            piece = cv2.resize(np.ascontiguousarray(piece), (size, size), interpolation=shrink)
            return piece[:, ::-1] if flip else piece
        raise BadInput(f"none of the {number} photos in {self.folder} can be read")

    def _read(self, path: Path) -> np.ndarray | None:
        if path in self._broken:
            return None
        try:
            data = np.fromfile(path, np.uint8)
            kind = cv2.IMREAD_REDUCED_COLOR_2 if len(data) > LARGE_BYTES else cv2.IMREAD_COLOR
            photo = cv2.imdecode(data, kind) if len(data) else None
        except (OSError, cv2.error):  # OpenCV raises where a picture is larger than it takes
            photo = None
        if photo is None:
            self._broken.add(path)
            _log.warning("%s is no readable photo; another one stands in for it", path)
        return photo


def find_backgrounds(folder: str | Path) -> PhotoFolder:
    """Return the photos below a folder.

    Raises:
        BadInput: there is no such folder, or it holds no photo.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; give a folder of photos without people")
    named = (p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS)
    paths = tuple(sorted(p for p in named if p.is_file()))
    if not paths:
        raise BadInput(f"{folder} holds no photos ({', '.join(ENDINGS)})")
    return PhotoFolder(folder, paths)


def drawn_background(size: int, horizon_px: float, rng: np.random.Generator) -> np.ndarray:
    """Return a picture (size, size, 3), RGB uint8, of floor, wall, textures and clutter.

    Args:
        size: side, pixels.
        horizon_px: row of the horizon; the floor lies below it.
        rng: where the draws come from.
    """
    y = np.arange(size)[:, None]
    wall, floor = (_texture(size, rng) for _ in range(2))
    edge = horizon_px + size * rng.uniform(0.0, 0.35)  # where the wall stands on the floor
    share = np.clip((y - edge) / rng.uniform(0.5, 6) + 0.5, 0, 1)[..., None]
    picture = wall + share * (floor - wall) if rng.random() < 0.7 else wall
    picture = _clutter(picture, rng)
    if rng.random() < 0.7:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 4.0))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _texture(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return two colours (size, size, 3) that run into each other, with noise of several grains."""
    first, second = (_muted(rng) for _ in range(2))
    second = first + rng.uniform(0, 0.7) * (second - first)
    angle, at = rng.uniform(0, 2 * np.pi), np.linspace(-0.5, 0.5, size)
    ramp = np.clip(0.5 + at[None] * np.cos(angle) + at[:, None] * np.sin(angle), 0, 1)
    noise = np.zeros((size, size), np.float32)
    for cells in (3, 9, 27, 80):
        grid = rng.normal(size=(cells, cells)).astype(np.float32)
        noise += rng.random() ** 2 * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
    picture = first + ramp[..., None] * (second - first)
    return (picture + rng.uniform(3, 22) * noise[..., None]).astype(np.float32)


def _clutter(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the picture with boxes, discs, poles and polygons in it."""
    size, picture = len(picture), np.ascontiguousarray(picture)
    for _ in range(rng.integers(0, 26) if rng.random() < 0.8 else 0):
        colour = tuple(float(c) for c in _muted(rng) + rng.normal(0, 20, 3))
        x, y = (int(v) for v in rng.uniform(-0.1, 1.1, 2) * size)
        w, h = (int(v) for v in size * rng.uniform(0.03, 0.4, 2) * rng.uniform(0.2, 1))
        kind = rng.integers(5)
        if kind == 0:
            cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
        elif kind == 1:
            cv2.ellipse(picture, (x, y), (w, h), rng.uniform(0, 180), 0, 360, colour, -1)
        elif kind == 2:
            cv2.rectangle(picture, (x, 0), (x + max(2, w // 6), size), colour, -1)
        elif kind == 3:
            cv2.rectangle(picture, (x, y), (x + w, y + h), colour, max(1, w // 12))
        else:
            corners = np.array([x, y]) + rng.uniform(-1, 1, (5, 2)) * (w, h)
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour)
    return picture


def _muted(rng: np.random.Generator) -> np.ndarray:
    """Return an sRGB colour (3,), mostly greyish, such as walls, floors and things have."""
    hsv = (rng.uniform(0, 180), 255 * rng.beta(1.0, 5.5), 255 * rng.beta(2.2, 1.6))
    pixel = cv2.cvtColor(np.array([[hsv]], np.uint8), cv2.COLOR_HSV2RGB)
    return pixel[0, 0].astype(np.float64)
