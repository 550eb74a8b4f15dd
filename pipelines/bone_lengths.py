"""Constant bone lengths: measure each person's bones over time, then pose with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..poses.errors import BadInput
from ..poses.pose import Pose3D
from ..poses.skeleton import Skeleton
from .frame import Frame

Array = NDArray[np.floating]

SHORTEST_MM, LONGEST_MM, BINS = 1.0, 10_000.0, 4096  # of the histograms; a bin is 0.2 % wide
GONE_S = 10.0  # a person unseen for so long does not come back; only the result is kept


class BoneLengths:
    """Measure the bones of every identity as the frames come, and pose people with them.

    A bone's length is the median over all frames, weighted by confidence; left and right are
    measured as one. It is found from a histogram, so that memory does not grow with the video and
    the order of the frames does not matter. For lengths that are the same in every frame, `add` all
    frames first and `apply` in a second pass; `update` does both at once, live: its lengths settle
    within the first seconds.

    >>> from lift3d import Pose2D, Pose3D, get_skeleton
    >>> h36m17, joints_mm = get_skeleton("h36m17"), np.zeros((17, 3))
    >>> joints_mm[[1, 2, 3], 0] = -100.0                       # a right hip, the left one missing
    >>> joints_mm[[4, 5, 6]] = np.nan
    >>> pose2d = Pose2D(np.zeros((17, 2)), np.ones(17), h36m17, person_id=7)
    >>> bones = BoneLengths()
    >>> bones.add(Frame(0, 0.0, [Pose3D(joints_mm, np.ones(17), h36m17, pose2d=pose2d)]))
    >>> bones.lengths_mm(7)[[1, 4]].round()
    array([100., 100.])
    """

    def __init__(self) -> None:
        self._people: dict[int, _Bones] = {}
        self._known: dict[int, Array] = {}  # of people who are gone

    def add(self, frame: Frame) -> None:
        """Measure the people of a frame; poses that a gap was filled with do not count."""
        raws = frame.raw if frame.raw is not None else frame.people
        for pose, raw in zip(frame.people, raws, strict=True):
            identity = _identity(pose)
            if raw is None or identity is None or identity in self._known:
                continue
            if identity not in self._people:
                self._people[identity] = _Bones(pose.skeleton)
            self._people[identity].add(pose, frame.time_s)
        for identity, bones in list(self._people.items()):
            if frame.time_s - bones.seen_s > GONE_S:
                self._known[identity] = bones.medians()
                del self._people[identity]

    def lengths_mm(self, person_id: int) -> Array:
        """Return the lengths (J,) of the bones from each joint's parent; NaN where never seen.

        Raises:
            BadInput: there is no such person.
        """
        if person_id in self._people:
            return self._people[person_id].medians()
        if person_id not in self._known:
            raise BadInput(f"no person {person_id} was measured; add their frames first")
        return self._known[person_id]

    def apply(self, frame: Frame) -> Frame:
        """Return the frame with its people's bones at their lengths; directions stay.

        Who was not measured stays as they are.
        """
        measured = {*self._people, *self._known}
        lengths = {k: self.lengths_mm(k) for k in map(_identity, frame.people) if k in measured}
        people = [
            pose if (k := _identity(pose)) not in lengths else _reposed(pose, lengths[k])
            for pose in frame.people
        ]
        return replace(frame, people=people)

    def update(self, frame: Frame) -> Frame:
        """Measure the people of a frame and return it with their bones as known so far."""
        self.add(frame)
        return self.apply(frame)


class _Bones:
    """Count one person's bone lengths in bins of equal ratio."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._edges = np.geomspace(SHORTEST_MM, LONGEST_MM, BINS + 1)
        self._counts = np.zeros((skeleton.n_joints, BINS), np.float32)
        self.seen_s = -np.inf

    def add(self, pose: Pose3D, time_s: float) -> None:
        self.seen_s = time_s
        parents = [p if p >= 0 else j for j, p in enumerate(self._skeleton.parents)]
        weight = np.minimum(pose.confidence, pose.confidence[parents])
        lengths = bone_lengths_mm(pose.joints_mm, self._skeleton)
        counts = (weight > 0) & (lengths > SHORTEST_MM) & (lengths < LONGEST_MM)
        rows = np.flatnonzero(counts)
        bins = np.searchsorted(self._edges, lengths[rows], side="right") - 1
        np.add.at(self._counts, (rows, bins), weight[rows])

    def medians(self) -> Array:
        """Return the weighted medians (J,), mm; left and right counted together."""
        counts = self._counts + self._counts[self._skeleton.flip_index]
        middle = [
            joint for joint in range(len(counts)) if self._skeleton.flip_index[joint] == joint
        ]
        counts[middle] = self._counts[middle]
        below = np.cumsum(counts, axis=1, dtype=float)
        half = below[:, -1:] / 2
        at = np.argmax(below >= half, axis=1)
        rows = np.arange(len(counts))
        inside = (half[:, 0] - below[rows, at] + counts[rows, at]) / np.maximum(
            counts[rows, at], 1e-9
        )
        ratio = self._edges[1] / self._edges[0]
        return np.where(half[:, 0] > 0, self._edges[at] * ratio**inside, np.nan)


def _reposed(pose: Pose3D, lengths_mm: Array) -> Pose3D:
    return replace(pose, joints_mm=with_lengths(pose.joints_mm, lengths_mm, pose.skeleton))


def _identity(pose: Pose3D) -> int | None:
    return None if pose.pose2d is None else pose.pose2d.person_id


def bone_lengths_mm(joints_mm: Array, skeleton: Skeleton) -> Array:
    """Return the distance (..., J) of each joint from its parent; 0 for the root.

    Args:
        joints_mm: (..., J, 3).
        skeleton: of the joints.
    """
    parents = np.array([p if p >= 0 else j for j, p in enumerate(skeleton.parents)])
    return np.linalg.norm(joints_mm - joints_mm[..., parents, :], axis=-1)


def with_lengths(joints_mm: Array, lengths_mm: Array, skeleton: Skeleton) -> Array:
    """Return poses (..., J, 3) whose bones keep their directions and have other lengths.

    A bone without a direction (both ends at one point) stays without length; where a length is NaN
    the bone keeps its own; a joint whose parent is NaN stays. The root stays in place.

    Args:
        joints_mm: (..., J, 3).
        lengths_mm: (..., J) of the bone from each joint's parent; the root's does not count.
        skeleton: of the joints.
    """
    result = joints_mm.copy()
    own = bone_lengths_mm(joints_mm, skeleton)
    wanted = np.where(np.isfinite(lengths_mm), lengths_mm, own)
    factor = np.where(own > 0, wanted / np.where(own > 0, own, 1.0), 1.0)
    for joint in from_root(skeleton):
        parent = skeleton.parents[joint]
        bone = joints_mm[..., joint, :] - joints_mm[..., parent, :]
        moved = result[..., parent, :] + factor[..., joint, None] * bone
        result[..., joint, :] = np.where(np.isfinite(moved), moved, joints_mm[..., joint, :])
    return result


def from_root(skeleton: Skeleton) -> list[int]:
    """Return the joints without the root, parents before children."""
    done = [skeleton.root]
    while len(done) < skeleton.n_joints:
        ready = [j for j, p in enumerate(skeleton.parents) if p in done and j not in done]
        done += ready
    return done[1:]
