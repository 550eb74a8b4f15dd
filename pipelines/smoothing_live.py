"""Smooth without looking ahead: the one-euro filter."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ..poses.pose import Pose3D
from .frame import Frame
from .one_euro import OneEuro, smoothing_share
from .smoothing_frames import (
    check_not_negative,
    check_positive,
    check_time,
    identity_of,
    with_people,
)
from .smoothing_lengths import restore_lengths, squared_lengths, squared_noise
from .smoothing_signals import DEPTH, EXTRA, SCALE, from_signals, to_signals

Array = NDArray[np.floating]

DEPTH_RISE = 0.2  # depth is noisier than the place in the picture: its cutoff rises less
NOISE_HZ = 0.5  # the noise of the bones changes so slowly


class LiveSmoother:
    """Smooth poses as they come, without looking ahead, by the one-euro filter.

    Joints, root and camera of each identity are filtered; the faster they move, the less. Low
    confidence, relative to the joint's usual one, counts less. Bones do not shrink while they turn.

    Args:
        min_cutoff_hz: cutoff at rest.
        rise: by how many Hz the cutoff rises with each metre a second of a joint.
        speed_cutoff_hz: cutoff of the speed that this depends on.
        max_gap_s: who is missed for longer starts anew.

    Raises:
        BadInput: a setting is out of its range.

    >>> smoother = LiveSmoother()
    >>> smoother.update(Frame(0, 0.0, [])).people
    []
    """

    def __init__(
        self,
        min_cutoff_hz: float = 1.2,
        rise: float = 2.5,
        speed_cutoff_hz: float = 1.0,
        *,
        max_gap_s: float = 0.5,
    ) -> None:
        check_positive(min_cutoff_hz=min_cutoff_hz, speed_cutoff_hz=speed_cutoff_hz)
        check_not_negative(rise=rise, max_gap_s=max_gap_s)
        self.min_cutoff_hz = min_cutoff_hz
        self.rise = rise
        self.speed_cutoff_hz = speed_cutoff_hz
        self.max_gap_s = max_gap_s
        self._people: dict[int, _LivePerson] = {}
        self._time_s: float | None = None

    def update(self, frame: Frame) -> Frame:
        """Return the frame with smoothed people, those it came with as `raw`.

        Raises:
            BadInput: the frame's time is not finite or before that of the last one.
        """
        check_time(frame, self._time_s)
        self._time_s = frame.time_s
        self._people = {
            identity: person
            for identity, person in self._people.items()
            if frame.time_s - person.time_s <= self.max_gap_s
        }
        people: list[tuple[Pose3D, Pose3D | None]] = []
        for pose in frame.people:
            identity = identity_of(pose)
            if identity is None:
                people.append((pose, pose))
                continue
            if identity not in self._people:
                self._people[identity] = _LivePerson(self, pose, frame.time_s)
            people.append((self._people[identity].update(pose, frame.time_s), pose))
        return with_people(frame, people)


class _LivePerson:
    """Filter one person: the signals, and the bones' squared lengths at the joints' pace."""

    def __init__(self, settings: LiveSmoother, pose: Pose3D, time_s: float) -> None:
        J = pose.skeleton.n_joints
        rise = np.full(J + EXTRA, settings.rise / 1000.0)
        rise[[J + DEPTH, J + SCALE]] *= DEPTH_RISE
        self._filter = OneEuro(settings.min_cutoff_hz, rise, settings.speed_cutoff_hz)
        self._recent: deque[tuple[float, Array]] = deque(maxlen=3)
        self._squared = np.full(J, np.nan)
        self._noise = np.zeros(J)
        self.time_s = time_s

    def update(self, pose: Pose3D, time_s: float) -> Pose3D:
        skeleton, J = pose.skeleton, pose.skeleton.n_joints
        values, weights = to_signals(pose)
        dt = time_s - self.time_s
        self.time_s = time_s
        smooth, moved = self._filter.update(values, weights, dt)
        squared = squared_lengths(pose.joints_mm, skeleton)
        known, found = np.isfinite(self._squared), np.isfinite(squared)
        mean = np.where(known, self._squared + moved[:J] * (squared - self._squared), squared)
        self._squared = np.where(found, mean, self._squared)
        self._recent.append((time_s, pose.joints_mm))
        if len(self._recent) == 3:
            times, joints = zip(*self._recent, strict=True)
            noise = squared_noise(np.array(times), np.stack(joints), skeleton)[1]
            self._noise += smoothing_share(NOISE_HZ, dt) * (noise - self._noise)
        smooth[:J] = restore_lengths(smooth[:J], self._squared - self._noise, skeleton)
        return from_signals(pose, smooth, weights)
