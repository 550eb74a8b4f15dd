"""What a video becomes: one record a frame."""

from dataclasses import dataclass

from ..poses.pose import Pose3D


@dataclass(frozen=True, eq=False)
class Frame:
    """Hold the people of one video frame.

    Attributes:
        index: number of the frame in its source, from 0, counted before any stride.
        time_s: its presentation time in seconds, from the source's first frame.
        people: their poses, smoothed where smoothing is on; the identity is
            `pose.pose2d.person_id`.
        raw: the same people before smoothing, in the same order; None in the place of a pose that
            a gap was filled with. None as a whole where nothing was smoothed.
    """

    index: int
    time_s: float
    people: list[Pose3D]
    raw: list[Pose3D | None] | None = None
