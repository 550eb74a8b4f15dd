"""The focal length of the camera that took a photo, where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .stream_settings import PinholeGuess, StreamSettings
from .trajectory import picture_centre
from .trajectory_exif import focal_from_exif


@dataclass(frozen=True)
class PhotoCamera:
    """Know the cameras of photos: from the focal length or field of view given, else from EXIF.

    Attributes:
        focal_px: focal length in pixels of the photos.
        fov_deg: field of view along the longer side; one of the two at most.

    Raises BadInput where a value is out of its range.

    >>> PhotoCamera(fov_deg=90).of("a.jpg", (640, 480)).focal_px
    320.0
    """

    focal_px: float | None = None
    fov_deg: float | None = None

    def __post_init__(self) -> None:
        self._given()

    def of(self, path: str | Path, size_px: tuple[int, int]) -> PinholeGuess | None:
        """Return focal length and centre of the photo in a file; None where nothing tells them.

        Args:
            path: of the photo; it is read for its EXIF where nothing is given.
            size_px: (width, height) of the upright photo.
        """
        if self.focal_px is not None or self.fov_deg is not None:
            return self._given().camera(size_px)
        try:
            focal_px = focal_from_exif(Path(path).read_bytes(), size_px)
        except OSError:
            return None
        if focal_px is None:
            return None
        x, y = picture_centre(size_px).tolist()
        return PinholeGuess(focal_px, (x, y), "EXIF")

    def _given(self) -> StreamSettings:
        return StreamSettings(focal_px=self.focal_px, fov_deg=self.fov_deg)
