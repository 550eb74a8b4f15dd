"""What a user can choose about a video."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from ..poses.errors import BadInput
from .sources import Selection, check_fps

SMOOTHERS = ("offline", "live", "none")
DEFAULT_FOV_DEG = 60.0  # along the longer side: about what phones and webcams film with


@dataclass(frozen=True)
class StreamSettings:
    """Say which frames are taken and what is made of them.

    Attributes:
        selection: of the frames.
        fps: take the source as numbered images, so many a second; None: it is a video.
        smooth: "offline", "live" or "none"; None: "live" where frames come live, else "offline".
        focal_px: focal length in pixels of the frames.
        fov_deg: field of view along the longer side; one of the two at most.
        max_people: follow at most so many; None: all.
        constant_bones: give each person one length a bone throughout.
        floor: set people on the floor, which is estimated; the camera must not move.

    Raises BadInput where a value is out of its range.
    """

    selection: Selection = field(default_factory=Selection)
    fps: float | None = None
    smooth: str | None = None
    focal_px: float | None = None
    fov_deg: float | None = None
    max_people: int | None = None
    constant_bones: bool = False
    floor: bool = False

    def __post_init__(self) -> None:
        if self.smooth is not None and self.smooth not in SMOOTHERS:
            raise BadInput(f"smooth must be {', '.join(SMOOTHERS)}, got {self.smooth!r}")
        if self.fps is not None:
            check_fps(self.fps)
        if self.focal_px is not None and self.fov_deg is not None:
            raise BadInput("give focal_px or fov_deg, not both")
        if self.focal_px is not None and not 0 < self.focal_px < math.inf:
            raise BadInput(f"focal_px must be above 0, got {self.focal_px}")
        if self.fov_deg is not None and not 1 <= self.fov_deg < 180:
            raise BadInput(f"fov_deg must be from 1 to below 180, got {self.fov_deg}")
        if self.max_people is not None and self.max_people < 1:
            raise BadInput(f"max_people must be 1 or more, got {self.max_people}")

    def smoother(self, live: bool) -> str:
        """Return the smoothing that a source gets."""
        return self.smooth or ("live" if live else "offline")

    def camera(self, size_px: tuple[int, int]) -> PinholeGuess:
        """Return the focal length and the centre for frames of a size (width, height).

        >>> StreamSettings(fov_deg=90).camera((640, 480)).focal_px
        320.0
        """
        width, height = size_px
        centre = ((width - 1) / 2, (height - 1) / 2)
        if self.focal_px is not None:
            return PinholeGuess(self.focal_px, centre, "given")
        fov = DEFAULT_FOV_DEG if self.fov_deg is None else self.fov_deg
        focal_px = max(width, height) / 2 / math.tan(math.radians(fov / 2))
        origin = "given field of view" if self.fov_deg else f"assumed field of view of {fov:g} deg"
        return PinholeGuess(round(focal_px, 6), centre, origin)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        plain = asdict(self)
        return {**plain.pop("selection"), **plain}


@dataclass(frozen=True)
class PinholeGuess:
    """Focal length in pixels, centre (x, y) in pixels, and where the focal length is from."""

    focal_px: float
    centre_px: tuple[float, float]
    origin: str
