"""Run a pipeline over many photos: in batches, whatever goes wrong with one of them."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..poses.errors import Lift3dError
from ..poses.pose import Pose3D
from .find_images import ImageItem
from .images import read_image
from .photo_camera import PhotoCamera
from .photo_output import PhotoOutput
from .pipeline import Pipeline
from .trajectory import place_root

BATCH_PIXELS = 24_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoOutcome:
    """What became of one photo.

    Attributes:
        item: the photo.
        people: how many were found.
        path: of the data file written, None where the photo failed.
        error: one line that says what went wrong, None where nothing did.
        seconds: the photo's share of its batch's time.
    """

    item: ImageItem
    people: int = 0
    path: Path | None = None
    error: str | None = None
    seconds: float = 0.0


def run_photos(
    pipeline: Pipeline,
    output: PhotoOutput,
    items: Sequence[ImageItem],
    batch: int,
    camera: PhotoCamera | None = None,
) -> Iterator[PhotoOutcome]:
    """Read, run and write photos; give the outcome of each, in order within its batch.

    A photo that cannot be read, that a part fails on, or whose results cannot be written, gives an
    outcome with an error; the others are done.

    Args:
        pipeline: detector and lifter.
        output: where results go; `describe` has been called.
        items: the photos.
        batch: photos that run together; fewer where they are large (24 megapixels together), so
            that memory does not grow with the folder.
        camera: tells the focal lengths, for `root_mm`; None: from EXIF, where it is there.
    """
    camera = camera or PhotoCamera()
    group: list[tuple[ImageItem, np.ndarray]] = []
    began = time.perf_counter()
    for k, item in enumerate(items):
        try:
            group.append((item, read_image(item.path)))
        except Lift3dError as error:
            yield PhotoOutcome(item, error=str(error))
        pixels = sum(image.shape[0] * image.shape[1] for _, image in group)
        if group and (len(group) == batch or pixels >= BATCH_PIXELS or k == len(items) - 1):
            outcomes = _run_group(pipeline, output, group, camera)
            seconds = (time.perf_counter() - began) / len(group)
            group.clear()
            yield from (PhotoOutcome(**{**vars(o), "seconds": seconds}) for o in outcomes)
            began = time.perf_counter()


def _run_group(
    pipeline: Pipeline,
    output: PhotoOutput,
    group: list[tuple[ImageItem, np.ndarray]],
    camera: PhotoCamera,
) -> list[PhotoOutcome]:
    """Run a batch; if that fails run its photos one by one, so that only the cause fails."""
    try:
        found = pipeline.run_batch([image for _, image in group])
    except Exception as error:
        log.debug("a batch of %d photos failed", len(group), exc_info=True)
        if len(group) == 1:
            return [PhotoOutcome(group[0][0], error=f"{group[0][0].path}: {_one_line(error)}")]
        return [_run_group(pipeline, output, [one], camera)[0] for one in group]
    return [_write(output, camera, *one, people) for one, people in zip(group, found, strict=True)]


def _write(
    output: PhotoOutput,
    camera: PhotoCamera,
    item: ImageItem,
    image: np.ndarray,
    people: list[Pose3D],
) -> PhotoOutcome:
    known = camera.of(item.path, (image.shape[1], image.shape[0]))
    if known is not None:
        people = [place_root(person, known.focal_px, known.centre_px) for person in people]
    try:
        return PhotoOutcome(item, len(people), output.write(item, image, people, known))
    except Lift3dError as error:
        text = _one_line(error)
        named = str(item.path) in text or str(output.folder) in text
        return PhotoOutcome(item, error=text if named else f"{item.path}: {text}")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, Lift3dError) else f"{type(error).__name__}: {text}"
