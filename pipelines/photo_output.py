"""The files that a photo's result is written to."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..models.zoo import zoo
from ..poses.errors import Lift3dError
from ..poses.pose import Pose3D
from .find_images import ImageItem
from .parts import WEIGHTS
from .pictures import draw_figure_3d, draw_overlay
from .pipeline import Pipeline
from .stream_settings import PinholeGuess
from .video_record import camera_record
from .video_writers import read_header
from .writers import pose_record, read_source, write_json, write_npz, write_png

DATA_FORMATS = ("json", "npz")


@dataclass
class PhotoOutput:
    """Writes NAME.json, NAME.npz, NAME.overlay.png and NAME.3d.png below a folder.

    Attributes:
        folder: of the results.
        formats: data files to write, of "json" and "npz".
        pictures: write the two pictures as well.
    """

    folder: Path
    formats: tuple[str, ...] = ("json",)
    pictures: bool = True
    _about: dict = field(default_factory=dict)

    def check_writable(self) -> None:
        """Make the folder; raise Lift3dError where it cannot be made or written to."""
        probe = self.folder / f".lift3d-{os.getpid()}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise Lift3dError(
                f"output folder {self.folder} cannot be written to ({error.strerror}); "
                "choose another with -o"
            ) from error

    def describe(self, pipeline: Pipeline, detector: str, lifter: str) -> None:
        """Remember what the records say of the parts: names, skeletons, weights' digests."""
        names = [*WEIGHTS.get(detector, ()), *WEIGHTS.get(lifter, ())]
        self._about = {
            "detector": detector,
            "lifter": lifter,
            "weights_sha256": {name: zoo()[name].sha256 for name in names},
            "skeleton_2d": pipeline.detector.skeleton,
            "skeleton_3d": pipeline.lifter.skeleton,
        }

    def path(self, item: ImageItem, suffix: str) -> Path:
        """Return the path of one of a photo's files, such as suffix "json"."""
        return self.folder / f"{item.name}.{suffix}"

    def is_done(self, item: ImageItem) -> bool:
        """Say whether all of a photo's files are there, and are its own."""
        suffixes = [*self.formats, *(("overlay.png", "3d.png") if self.pictures else ())]
        there = all(self.path(item, suffix).exists() for suffix in suffixes)
        return there and not self.belongs_to_another(item)

    def belongs_to_another(self, item: ImageItem) -> bool:
        """Say whether the data files of this name are another photo's."""
        return bool(self._others(item))

    def clash(self, item: ImageItem) -> str:
        """Return the line that says whose results stand in a photo's place."""
        path, source = self._others(item)[0]
        return (
            f"{item.path}: {path} holds the results of {source}; "
            "choose another folder with -o, or --overwrite"
        )

    def _others(self, item: ImageItem) -> list[tuple[Path, str]]:
        """Return the data files of another photo that has this name, or of a video in their place.

        Another photo's in any format: its pictures have the names of this one's.
        """
        sources = {path: read_source(path) for path in (self.path(item, s) for s in DATA_FORMATS)}
        if "npz" in self.formats:
            path = self.path(item, "npz")
            sources[path] = sources[path] or (read_header(path) or {}).get("source")
        own = (None, str(item.path))
        return [(path, source) for path, source in sources.items() if source not in own]

    def write(
        self,
        item: ImageItem,
        image: np.ndarray,
        people: list[Pose3D],
        camera: PinholeGuess | None = None,
    ) -> Path:
        """Write a photo's files, each whole or not at all, and return the first data file's path.

        Args:
            item: the photo.
            image: RGB uint8 (H, W, 3).
            people: in it.
            camera: that their `root_mm` is for; None: it is not known.

        Raises:
            Lift3dError: a file cannot be written.
        """
        size = (image.shape[1], image.shape[0])
        record = pose_record(people, source=str(item.path), image_size_px=size, **self._about)
        if camera is not None:
            record["camera"] = camera_record(camera)
        if self.pictures:
            poses = [person.pose2d for person in people if person.pose2d is not None]
            write_png(self.path(item, "overlay.png"), draw_overlay(image, poses))
            write_png(self.path(item, "3d.png"), draw_figure_3d(people))
        for suffix in self.formats:
            write = write_json if suffix == "json" else write_npz
            write(self.path(item, suffix), record)
        return self.path(item, self.formats[0])
