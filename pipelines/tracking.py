"""Identities: who in this frame is who in the frames before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..detectors.duplicates import pose_distance
from ..poses.errors import BadInput
from ..poses.pose import Pose2D
from .tracking_match import match, same_motion
from .tracking_person import TrackedPerson, box_of, size_of

SEEN_SHARE = 0.6  # a new person is one who was seen in this part of the frames since the first
SAME_PERSON = 0.12  # two poses so near each other are one person, see detectors/duplicates.py
PROMINENCE_S = 1.0  # time constant of prominence
TAKE_OVER = 1.3  # so much more prominent must a person be to be followed instead of another


class Tracker:
    """Give the people of a video their identities, frame by frame.

    Poses are matched with the predicted joints and boxes of the people known so far; see
    `tracking_match` and `tracking_person`. All limits are in seconds, so that frame rate and
    stride do not matter. Memory does not grow with the video's length.

    Args:
        max_people: follow at most so many, the most prominent ones (size times score, averaged
            over a second; the one followed is kept until another is clearly more prominent or
            it is lost). None: all.
        birth_s: someone new becomes a person once seen for so long, and in at least two frames;
            whoever is in the very first frame, at once.
        lost_s: someone who was not seen for longer is forgotten and comes back as someone new.

    Raises:
        BadInput: a setting is out of its range.

    >>> from lift3d import Pose2D, get_skeleton
    >>> pose = Pose2D(np.full((16, 2), 50.0), np.ones(16), get_skeleton("mpii16"))
    >>> tracker = Tracker()
    >>> [person.person_id for person in tracker.update([pose], 0.0)]
    [0]
    """

    def __init__(
        self, max_people: int | None = None, *, birth_s: float = 0.1, lost_s: float = 1.5
    ) -> None:
        if max_people is not None and max_people < 1:
            raise BadInput(f"max_people must be 1 or more, got {max_people}")
        for name, value in (("birth_s", birth_s), ("lost_s", lost_s)):
            if not (math.isfinite(value) and value >= 0):
                raise BadInput(f"{name} must be 0 or more seconds, got {value}")
        self.max_people = max_people
        self.birth_s = birth_s
        self.lost_s = lost_s
        self._tracked: list[TrackedPerson] = []
        self._followed: list[TrackedPerson] = []
        self._next_id = 0
        self._time_s: float | None = None

    def update(self, people: Sequence[Pose2D], time_s: float) -> list[Pose2D]:
        """Return the poses of known people with their `person_id`, lowest first.

        A pose is left out while it is not yet clear that it is a person, where it is a second pose
        of the same person, where it has neither box nor joints, and where its person is not among
        the `max_people`.

        Args:
            people: the poses found in one frame, of one skeleton; what `person_id` they have does
                not count.
            time_s: the frame's time in seconds, not before that of the last call.

        Raises:
            BadInput: the time is not finite or goes back, or the poses' skeletons differ.
        """
        self._check(people, time_s)
        first = self._time_s is None
        elapsed_s = math.inf if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        self._forget(time_s)
        for person in self._tracked:
            person.predict(time_s)
        boxed = [(pose, box) for pose in people if (box := box_of(pose)) is not None]
        poses = [pose for pose, _ in boxed]
        boxes = np.array([box for _, box in boxed]).reshape(-1, 4)
        seen: dict[int, TrackedPerson] = {}  # index of a pose -> its person
        for person, column in self._match(poses, boxes):
            seen[column] = person
            person.see(poses[column], boxes[column])
        matched = [poses[column] for column in seen]
        for column, pose in enumerate(poses):
            if column not in seen and all(pose_distance(pose, o) > SAME_PERSON for o in matched):
                seen[column] = TrackedPerson(pose, boxes[column], time_s)
                self._tracked.append(seen[column])
                matched.append(pose)
        self._confirm(at_once=first)
        self._rate({id(person): poses[column].score for column, person in seen.items()}, elapsed_s)
        self._follow()
        result = [
            replace(poses[column], person_id=person.person_id)
            for column, person in seen.items()
            if person in self._followed
        ]
        return sorted(result, key=lambda pose: pose.person_id or 0)

    def _check(self, people: Sequence[Pose2D], time_s: float) -> None:
        if not math.isfinite(time_s) or (self._time_s is not None and time_s < self._time_s):
            raise BadInput(
                f"time_s must be finite and not before the last frame's {self._time_s}, "
                f"got {time_s}; give one tracker the frames of one video in order"
            )
        lengths = {len(pose.confidence) for pose in people}
        lengths |= {len(person.trust) for person in self._tracked}
        if len(lengths) > 1:
            raise BadInput(
                f"all poses of a video must have one skeleton, got some with "
                f"{' and '.join(map(str, sorted(lengths)))} joints; convert them to one first"
            )

    def _match(self, poses: list[Pose2D], boxes_px: np.ndarray) -> list[tuple[TrackedPerson, int]]:
        """Return the pairs (person, index of pose); confirmed people choose first."""
        pairs: list[tuple[TrackedPerson, int]] = []
        for confirmed in (True, False):
            people = [p for p in self._tracked if (p.person_id is not None) == confirmed]
            taken = {column for _, column in pairs}
            free = [column for column in range(len(poses)) if column not in taken]
            found = match(people, [poses[column] for column in free], boxes_px[free])
            pairs += [(people[row], free[column]) for row, column in found]
        return pairs

    def _confirm(self, at_once: bool) -> None:
        """Number those seen for long and often enough; who was lost gets the old number."""
        gone: list[TrackedPerson] = []
        for person in self._tracked:
            lasted = person.seen_s - person.born_s >= self.birth_s and person.sightings >= 2
            often = person.sightings >= SEEN_SHARE * person.updates
            if person.person_id is None and (at_once or (lasted and often)):
                lost = [
                    p
                    for p in self._tracked
                    if p.person_id is not None and p.seen_s < person.born_s and p not in gone
                ]
                back = same_motion(person, lost)
                if back is None:
                    person.person_id = self._next_id
                    self._next_id += 1
                else:
                    person.person_id, person.prominence = back.person_id, back.prominence
                    self._followed = [person if p is back else p for p in self._followed]
                    gone.append(back)
        for back in gone:
            self._tracked.remove(back)

    def _rate(self, scores: dict[int, float], elapsed_s: float) -> None:
        """Average the prominence over time; who is hidden keeps it for as long."""
        pace = 1 - math.exp(-elapsed_s / PROMINENCE_S)
        for person in self._tracked:
            if id(person) in scores:
                now = size_of(person.box_xyxy_px) * scores[id(person)]
                person.prominence += pace * (now - person.prominence)
            elif person.time_s - person.seen_s > PROMINENCE_S:
                person.prominence *= 1 - pace

    def _forget(self, time_s: float) -> None:
        """Drop who was missed in the last frame and not seen for too long; newcomers sooner."""
        self._tracked = [
            person
            for person in self._tracked
            if person.time_s == person.seen_s
            or (person.person_id is not None and time_s - person.seen_s <= self.lost_s)
            or (person.person_id is None and person.sightings >= SEEN_SHARE * person.updates)
        ]

    def _follow(self) -> None:
        """Choose the people to follow; a newcomer must be clearly more prominent."""
        confirmed = [person for person in self._tracked if person.person_id is not None]
        if self.max_people is None:
            self._followed = confirmed
            return
        kept = [person for person in self._followed if person in confirmed]
        for person in sorted(confirmed, key=lambda p: -p.prominence):
            if person in kept:
                continue
            if len(kept) < self.max_people:
                kept.append(person)
            else:
                least = min(kept, key=lambda p: p.prominence)
                if person.prominence > TAKE_OVER * least.prominence:
                    kept[kept.index(least)] = person
        self._followed = kept
