"""What rests on a whole clip: one length for each bone, and the floor."""

from __future__ import annotations

from collections.abc import Callable

from .bone_lengths import BoneLengths
from .frame import Frame
from .ground_plane import FeetOnGround, GroundPlane, GroundPlaneEstimator
from .stream_settings import StreamSettings


class Clip:
    """Measure a clip in a first pass over its smoothed frames, set its frames in a second one.

    Bones come before the floor: people are set on it with the legs that they keep.

    Args:
        settings: of the video; they say what is wanted.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._bones = BoneLengths() if settings.constant_bones else None
        self._floor = GroundPlaneEstimator() if settings.floor else None

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to measure."""
        return self._bones is not None or self._floor is not None

    @property
    def plane(self) -> GroundPlane | None:
        """The floor as measured so far; None where it is not wanted or nobody stood."""
        return None if self._floor is None else self._floor.plane()

    def add(self, frame: Frame) -> Frame:
        """Measure the next frame; return it with its people's bones as known so far."""
        if self._bones is not None:
            frame = self._bones.update(frame)
        if self._floor is not None:
            self._floor.add(frame)
        return frame

    def settle(self) -> Callable[[Frame], Frame]:
        """Return what sets the frames of one more pass, in order, to what was measured."""
        plane = self.plane
        feet = None if plane is None else FeetOnGround(plane)

        def settled(frame: Frame) -> Frame:
            if self._bones is not None:
                frame = self._bones.apply(frame)
            return frame if feet is None else feet.update(frame)

        return settled
