"""Draw the pictures that the person finder learns from."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ..datasets.crops import CropSet
from ..datasets.photos import PhotoSet
from .photo_augment import CALM, PhotoView, ViewChange, mosaic, paste_person, random_view


@dataclass(frozen=True)
class PictureMix:
    """What the pictures are; each share is of all pictures unless it says otherwise.

    Attributes:
        change: how far photos are changed.
        alone: share of pictures that are one person crop, small or large.
        mosaics: share of pictures put together from four others.
        crop_share: share of a mosaic's parts that are person crops instead of photos.
        pasted: probability that a photo gets one or two people from crops.
    """

    change: ViewChange = field(default_factory=ViewChange)
    alone: float = 0.18
    mosaics: float = 0.22
    crop_share: float = 0.4
    pasted: float = 0.2


CALM_MIX = PictureMix(CALM, alone=0.18, mosaics=0.0, crop_share=0.0, pasted=0.1)


class FinderPictures:
    """Draws training pictures from photos with all people and crops of one person each."""

    def __init__(self, photos: PhotoSet, crops: CropSet) -> None:
        self.crops = crops
        self.crop_boxes = joint_boxes(crops.joints_px)
        self.pool = ThreadPoolExecutor()
        self.images = list(self.pool.map(photos.load, range(len(photos))))
        self.boxes = [photos.box_xyxy_px[photos.people(i)] for i in range(len(photos))]

    def batch(self, count: int, size: int, mix: PictureMix, seed: int) -> list[PhotoView]:
        """Return `count` pictures of a size, the same ones for the same seed."""
        seeds = np.random.SeedSequence(seed).spawn(count)
        draws = [np.random.default_rng(s) for s in seeds]
        return list(self.pool.map(lambda rng: self._picture(size, mix, rng), draws))

    def _picture(self, size: int, mix: PictureMix, rng: np.random.Generator) -> PhotoView:
        draw = rng.random()
        if draw < mix.alone:
            return self._crop(size, rng, ViewChange(zoom=(0.4, 1.2), any_turn=0.05))
        if draw >= mix.alone + mix.mosaics:
            return self._photo(size, mix, rng)
        parts = [
            self._small_crop(size, rng)
            if rng.random() < mix.crop_share
            else self._photo(size, mix, rng)
            for _ in range(4)
        ]
        return mosaic(parts, size, rng)

    def _photo(self, size: int, mix: PictureMix, rng: np.random.Generator) -> PhotoView:
        row = int(rng.integers(len(self.images)))
        view = random_view(self.images[row], self.boxes[row], size, rng, mix.change)
        if rng.random() < mix.pasted:
            for _ in range(int(rng.integers(1, 3))):
                person = self._small_crop(size, rng)
                view = paste_person(view, person, rng) if len(person.box_xyxy_px) else view
        return view

    def _small_crop(self, size: int, rng: np.random.Generator) -> PhotoView:
        part = round(size * rng.uniform(0.25, 0.75))
        return self._crop(part, rng, ViewChange(zoom=(0.9, 1.2), any_turn=0.05))

    def _crop(self, size: int, rng: np.random.Generator, change: ViewChange) -> PhotoView:
        row = int(rng.integers(len(self.crops)))
        boxes = self.crop_boxes[row : row + 1]
        return random_view(self.crops.images[row], boxes, size, rng, change)


def joint_boxes(joints_px: np.ndarray, margin: float = 0.08) -> np.ndarray:
    """Return boxes (N, 4) around joints (N, J, 2), wider by a part of their extent."""
    low, high = np.nanmin(joints_px, 1), np.nanmax(joints_px, 1)
    border = margin * (high - low).max(-1, keepdims=True)
    return np.concatenate([low - border, high + border], 1)
