"""The camera of a virtual photo, and the crop of one person from it, drawn at random."""

from dataclasses import dataclass

import numpy as np

from ...poses.camera import PinholeCamera
from .rotations import about
from .sample import CropCamera

LONG_PX = 1000  # longer side of the virtual photos
SHAPES = ((4, 3), (4, 3), (3, 4), (3, 2), (3, 2), (2, 3), (16, 9), (1, 1))
NEAREST_MM = 500.0  # no joint comes closer to the camera than this
MARGIN = 1.35  # a crop's side against the longer side of the joints' box


@dataclass(frozen=True)
class ViewRanges:
    """What cameras and crops are like; pairs are from and to.

    Attributes:
        pitch_deg: how far the camera looks down; negative looks up.
        level: share of the cameras whose pitch is drawn near `level_deg`, as people photograph.
        level_deg: mean and spread of the pitch of those.
        roll_sd_deg: spread of the turn about the optical axis.
        distance_mm: from the camera to the pelvis, uniform in its logarithm.
        focal: focal length as a multiple of the photo's longer side, uniform in its logarithm.
        offset: place of the pelvis in the photo, as a part of each side from the centre.
        cut: share of the photos whose border may cut people off; the others step back.
        spare: room between the person and the photo's border, as a part of the joints' box.
        zoom: factor of the crop's side.
        shift: of the crop's centre, as a part of its side.
    """

    pitch_deg: tuple[float, float] = (-20.0, 60.0)
    level: float = 0.6
    level_deg: tuple[float, float] = (8.0, 9.0)
    roll_sd_deg: float = 3.0
    distance_mm: tuple[float, float] = (2200.0, 9000.0)
    focal: tuple[float, float] = (0.8, 2.2)
    offset: float = 0.25
    cut: float = 0.12
    spare: tuple[float, float] = (0.04, 0.4)
    zoom: tuple[float, float] = (0.88, 1.2)
    shift: float = 0.05


@dataclass(frozen=True, eq=False)
class View:
    """A camera in the world and the crop.

    Attributes:
        camera: of the crop: what it shows in crop pixels.
        crop: the same as it is told to users, with the photo around.
    """

    camera: PinholeCamera
    crop: CropCamera


def random_view(
    joints_mm: np.ndarray, size: int, ranges: ViewRanges, rng: np.random.Generator
) -> View:
    """Return a camera that sees a person, and the crop round the person's joints.

    Args:
        joints_mm: (17, 3) world, y up.
        size: side of the crop, pixels.
        ranges: what cameras are like.
        rng: where the draws come from.
    """
    R, pitch, roll = _rotation(ranges, rng)
    shape = np.array(SHAPES[rng.integers(len(SHAPES))], float)
    width, height = (int(side) for side in np.round(LONG_PX * shape / shape.max()))
    focal = LONG_PX * np.exp(rng.uniform(*np.log(ranges.focal)))
    photo_K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    distance = np.exp(rng.uniform(*np.log(ranges.distance_mm)))
    offset_px = rng.uniform(-ranges.offset, ranges.offset, 2) * (width, height)
    may_cut, spare = rng.random() < ranges.cut, rng.uniform(*ranges.spare)
    turned = (joints_mm - joints_mm[0]) @ R.T
    distance = max(distance, NEAREST_MM - turned[:, 2].min())
    for _ in range(12):
        root = np.array([*(offset_px * distance / focal), distance])
        joints_px = PinholeCamera(photo_K).project(turned + root)
        low, high = joints_px.min(0), joints_px.max(0)
        pad = spare * (high - low).max()
        inside = (low > pad).all() and (high < np.array([width, height]) - pad).all()
        if inside or may_cut:
            break
        distance, offset_px = 1.12 * distance, 0.85 * offset_px
    low, high = low.clip(0), np.minimum(high, [width - 1, height - 1])  # what the photo shows
    side = max(float((high - low).max()), 24.0) * MARGIN * rng.uniform(*ranges.zoom)
    centre = (low + high) / 2 + side * rng.uniform(-ranges.shift, ranges.shift, 2)
    crop = CropCamera(photo_K, (width, height), centre, side, size, R, pitch, roll)
    return View(PinholeCamera(crop.crop_K, R, root - R @ joints_mm[0]), crop)


def _rotation(ranges: ViewRanges, rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """Return world -> camera (3, 3), x right, y down, z forward; pitch and roll, degrees."""
    azimuth = rng.uniform(-np.pi, np.pi)
    level, anyhow = rng.normal(*ranges.level_deg), rng.uniform(*ranges.pitch_deg)
    pitch = level if rng.random() < ranges.level else anyhow
    pitch = float(np.clip(pitch, *ranges.pitch_deg))
    roll = float(rng.normal(0, ranges.roll_sd_deg))
    X, Y, Z = np.eye(3)
    upright = np.diag([1.0, -1, -1]) @ about(Y, azimuth)  # looks along -z, y down
    return about(Z, np.radians(roll)) @ about(X, np.radians(pitch)) @ upright, pitch, roll


def outside_photo(crop: CropCamera) -> np.ndarray:
    """Return the mask (S, S) of the crop's pixels that lie outside of the photo."""
    at = np.arange(crop.size)
    edge = crop.to_photo(np.stack([at, at], axis=-1).astype(float))  # (S, 2)
    width, height = crop.photo_size
    x = (edge[:, 0] < -0.5) | (edge[:, 0] > width - 0.5)
    y = (edge[:, 1] < -0.5) | (edge[:, 1] > height - 0.5)
    return x[None] | y[:, None]
