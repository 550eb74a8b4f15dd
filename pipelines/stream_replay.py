"""From what was found in each frame to what a video shows: identities, places, smooth motion.

This stage is cheap and depends on nothing but its input, in order: a run that was stopped goes
through the kept detections again and comes to the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ..poses.pose import Pose2D, Pose3D
from .detections_file import FoundFrame
from .frame import Frame
from .smoothing import LiveSmoother, OfflineSmoother
from .stream_settings import PinholeGuess, StreamSettings
from .tracking import Tracker
from .trajectory import place_root

LEAST_STEP_S = 1e-3  # a frame whose time goes back is taken to come so much later


class Smoother(Protocol):
    """What smooths a stream of frames."""

    def push(self, frame: Frame) -> list[Frame]:
        """Take the next frame; return those that are ready."""

    def finish(self) -> list[Frame]:
        """Return what is left."""


class Replay:
    """Track, place and smooth the people of one video, frame by frame.

    Args:
        settings: of the video.
        camera: focal length and centre, for `root_mm`.
        live: the frames come live.
        settle: does to each smoothed frame, in order, what rests on the whole clip; None: nothing.
    """

    def __init__(
        self,
        settings: StreamSettings,
        camera: PinholeGuess,
        live: bool = False,
        settle: Callable[[Frame], Frame] | None = None,
    ) -> None:
        self._settle = settle or (lambda frame: frame)
        self._tracker = Tracker(max_people=settings.max_people)
        self._smoother = _smoother(settings.smoother(live))
        self._camera = camera
        self._last_s: float | None = None

    def push(self, found: FoundFrame) -> list[Frame]:
        """Take what was found in the next frame; return the frames that are ready."""
        time_s = found.time_s
        if self._last_s is not None and time_s <= self._last_s:
            time_s = self._last_s + LEAST_STEP_S
        self._last_s = time_s
        poses = [person.pose2d for person in found.people if person.pose2d is not None]
        known = self._tracker.update(poses, time_s)
        people = [self._place(_lifted_from(pose, found.people)) for pose in known]
        smoothed = self._smoother.push(Frame(found.index, time_s, people))
        return [self._settle(frame) for frame in smoothed]

    def finish(self) -> list[Frame]:
        """Return the frames that still waited for later ones."""
        return [self._settle(frame) for frame in self._smoother.finish()]

    def _place(self, person: Pose3D) -> Pose3D:
        return place_root(person, self._camera.focal_px, self._camera.centre_px)


def _lifted_from(pose: Pose2D, people: list[Pose3D]) -> Pose3D:
    """Return the 3D pose that was lifted from a 2D pose, which has got its identity since."""
    for person in people:
        found = person.pose2d
        if found is not None and np.array_equal(found.joints_px, pose.joints_px, equal_nan=True):
            return replace(person, pose2d=pose)
    raise AssertionError("the tracker returns poses that it was given")


def _smoother(name: str) -> Smoother:
    if name == "offline":
        return OfflineSmoother()
    return _AtOnce(LiveSmoother() if name == "live" else None)


class _AtOnce:
    """Give each frame back at once, smoothed or as it is."""

    def __init__(self, smoother: Any) -> None:
        self._smoother = smoother

    def push(self, frame: Frame) -> list[Frame]:
        return [frame if self._smoother is None else self._smoother.update(frame)]

    def finish(self) -> list[Frame]:
        return []
