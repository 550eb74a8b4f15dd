"""Smooth without lag: filters that look ahead, in constant memory."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..poses.errors import BadInput
from ..poses.pose import Pose3D
from ..poses.skeleton import Skeleton
from .frame import Frame
from .gaps import fill_gaps, neighbours
from .smoothing_frames import (
    check_not_negative,
    check_positive,
    check_time,
    identity_of,
    with_people,
)
from .smoothing_lengths import restore_lengths, squared_lengths, squared_noise
from .smoothing_signals import EXTRA, between, from_signals, to_signals
from .zero_phase import butterworth, savitzky_golay

Array = NDArray[np.floating]

REACH = 5.0  # frames further away than so many periods of the cutoff do not count
BLOCK_S = 1.0  # frames are filtered in blocks that begin at whole multiples of this


class OfflineSmoother:
    """Smooth poses without lag, some seconds behind the newest frame, in constant memory.

    Joints, root and camera of each identity are filtered; `zero_phase` has the filters. Low
    confidence counts less, bones do not shrink while they turn, and a person (or a joint) that
    is missed for a short time is filled in, with the confidence scaled by `GAP_TRUST`. After a
    longer time the filter starts anew. Frames are filtered in blocks of one second of the source's
    time with a fixed reach before and after, so that the result depends on the frames near by
    alone and not on where the stream began.

    People come out in the order of their identity; those without one come last, unchanged.

    Args:
        cutoff_hz: of the Butterworth filter; the amplitude is halved there.
        method: "butterworth" or "savitzky-golay".
        window_s: of the Savitzky-Golay filter (polynomials of degree 3).
        max_gap_s: longest time without a person, or a joint, that is filled.

    Raises:
        BadInput: a setting is out of its range.

    >>> smoother = OfflineSmoother()
    >>> smoother.push(Frame(0, 0.0, [])), len(smoother.finish())
    ([], 1)
    """

    def __init__(
        self,
        cutoff_hz: float = 5.0,
        *,
        method: str = "butterworth",
        window_s: float = 0.3,
        max_gap_s: float = 0.5,
    ) -> None:
        if method not in ("butterworth", "savitzky-golay"):
            raise BadInput(f"method must be 'butterworth' or 'savitzky-golay', got {method!r}")
        check_positive(cutoff_hz=cutoff_hz, window_s=window_s)
        check_not_negative(max_gap_s=max_gap_s)
        self.cutoff_hz = cutoff_hz
        self.method = method
        self.window_s = window_s
        self.max_gap_s = max_gap_s
        self._frames: deque[Frame] = deque()
        self._block: int | None = None

    @property
    def delay_s(self) -> float:
        """Return how far behind the newest frame the output is at most, seconds."""
        return BLOCK_S + self._reach_s

    @property
    def _reach_s(self) -> float:
        butterworth_s = REACH / self.cutoff_hz
        return self.max_gap_s + (butterworth_s if self.method == "butterworth" else self.window_s)

    def push(self, frame: Frame) -> list[Frame]:
        """Take the next frame; return the frames that are finished by it, often none.

        Raises:
            BadInput: the frame's time is not finite or before that of the last one.
        """
        check_time(frame, self._frames[-1].time_s if self._frames else None)
        self._frames.append(frame)
        done: list[Frame] = []
        if self._block is None:
            self._block = math.floor(frame.time_s / BLOCK_S)
        while frame.time_s > (self._block + 1) * BLOCK_S + self._reach_s:
            done += self._smooth_block()
        return done

    def finish(self) -> list[Frame]:
        """Return the frames still waiting; the smoother is then ready for another video."""
        done: list[Frame] = []
        while self._block is not None and self._block * BLOCK_S <= self._frames[-1].time_s:
            done += self._smooth_block()
        self._frames.clear()
        self._block = None
        return done

    def _smooth_block(self) -> list[Frame]:
        """Smooth the frames of the oldest block; drop those no longer in reach."""
        assert self._block is not None
        start_s, end_s = self._block * BLOCK_S, (self._block + 1) * BLOCK_S
        low_s, high_s = start_s - self._reach_s, end_s + self._reach_s
        while self._frames[0].time_s < low_s:
            self._frames.popleft()
        window = [frame for frame in self._frames if frame.time_s <= high_s]
        inside = [start_s <= frame.time_s < end_s for frame in window]
        later = next((f.time_s for f in self._frames if f.time_s >= end_s), end_s)
        self._block = max(self._block + 1, math.floor(later / BLOCK_S))
        if not any(inside):
            return []
        result: list[list[tuple[Pose3D, Pose3D | None]]] = [[] for _ in window]
        for stretch in _stretches(window, self.max_gap_s):
            if any(inside[stretch.first : stretch.last + 1]):
                for row, pose in enumerate(self._smooth(window, stretch), stretch.first):
                    result[row].append((pose, stretch.poses.get(row)))
        for people, frame in zip(result, window, strict=True):
            people += [(pose, pose) for pose in frame.people if identity_of(pose) is None]
        return [
            with_people(frame, people)
            for frame, people, wanted in zip(window, result, inside, strict=True)
            if wanted
        ]

    def _smooth(self, window: list[Frame], stretch: _Stretch) -> list[Pose3D]:
        """Return the person's poses in every frame of the stretch, missed ones filled in."""
        rows = range(stretch.first, stretch.last + 1)
        time_s = np.array([window[row].time_s for row in rows])
        poses, skeleton = _standing_in(rows, stretch.poses, time_s)
        J = skeleton.n_joints
        values: Array = np.full((len(rows), J + EXTRA, 3), np.nan)
        weights: Array = np.zeros((len(rows), J + EXTRA))
        for k, row in enumerate(rows):
            if row in stretch.poses:
                values[k], weights[k] = to_signals(poses[k])
        values, weights = fill_gaps(time_s, values, weights, self.max_gap_s)
        # NaN where the joint that a bone comes from is missed: such a bone has no say in its length
        squared = squared_lengths(values[:, :J], skeleton)
        noise = squared_noise(time_s, values[:, :J], skeleton)
        lengths = self._filtered(time_s, np.stack([squared, noise], -1), weights[:, :J])
        smooth = self._filtered(time_s, values, weights)
        smooth[weights <= 0] = np.nan
        smooth[:, :J] = restore_lengths(smooth[:, :J], lengths[..., 0] - lengths[..., 1], skeleton)
        return [
            from_signals(pose, value, confidence)
            for pose, value, confidence in zip(poses, smooth, weights, strict=True)
        ]

    def _filtered(self, time_s: Array, values: Array, weights: Array) -> Array:
        """Return signals (T, S, C) filtered, by their weights (T, S)."""
        if self.method == "butterworth":
            return butterworth(time_s, values, weights, cutoff_hz=self.cutoff_hz)
        return savitzky_golay(time_s, values, weights, window_s=self.window_s)


@dataclass(frozen=True)
class _Stretch:
    """One person without a longer gap: `poses` by the row of the frame, from `first` to `last`."""

    poses: dict[int, Pose3D]

    @property
    def first(self) -> int:
        return min(self.poses)

    @property
    def last(self) -> int:
        return max(self.poses)


def _stretches(window: list[Frame], max_gap_s: float) -> list[_Stretch]:
    """Return the stretches of every identity, lowest first; a longer gap parts two of them."""
    found: dict[int, list[dict[int, Pose3D]]] = {}
    for row, frame in enumerate(window):
        for pose in frame.people:
            identity = identity_of(pose)
            if identity is None:
                continue
            several = found.setdefault(identity, [])
            since_s = frame.time_s - window[max(several[-1])].time_s if several else math.inf
            if since_s > max_gap_s * (1 + 1e-9):
                several.append({})
            several[-1][row] = pose
    return [_Stretch(poses) for _, several in sorted(found.items()) for poses in several]


def _standing_in(
    rows: range, poses: dict[int, Pose3D], time_s: Array
) -> tuple[list[Pose3D], Skeleton]:
    """Return a pose for each row, stand-ins where the person was missed, and the skeleton."""
    found = np.array([[row in poses] for row in rows])
    before, after, part = (a[:, 0] for a in neighbours(time_s, found, math.inf))
    result = [
        poses[row]
        if row in poses
        else between(poses[rows[before[k]]], poses[rows[after[k]]], float(part[k]))
        for k, row in enumerate(rows)
    ]
    return result, result[0].skeleton
