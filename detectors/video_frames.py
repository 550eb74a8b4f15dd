"""People in consecutive frames: look for them in some, follow their boxes between.

A person's box moves little in a sixth of a second, so that the finder need not look at every frame;
the joints are found in every frame. What is found depends on the frames given and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..poses.boxes import box_iou
from .people import FoundPeople

LOOK_EVERY_S = 0.17
SAME_PERSON_IOU = 0.3
NEAR = 0.75  # part of the smaller box's diagonal that a runner's box may move between two looks
ALIKE = 1.3  # largest ratio of the diagonals then


def frames_to_look_at(times_s: Sequence[float], every_s: float = LOOK_EVERY_S) -> list[int]:
    """Return the numbers of the frames to look for people in: the ends, and enough between.

    No two of them are further apart than `every_s`, unless they are neighbours.

    >>> frames_to_look_at([0.0, 0.1, 0.2, 0.3, 0.4], every_s=0.25)
    [0, 2, 4]
    """
    chosen = [0] if len(times_s) else []
    for k in range(1, len(times_s)):
        is_last = k == len(times_s) - 1
        if is_last or times_s[k + 1] - times_s[chosen[-1]] > every_s:
            chosen.append(k)
    return chosen


def fill_between(
    looks: Sequence[int], found: Sequence[FoundPeople], times_s: Sequence[float]
) -> list[FoundPeople]:
    """Return the people of every frame from those of some frames.

    Boxes that overlap between one look and the next are one person's, and so are boxes of like size
    nearby: box and score are interpolated over time. Who is in one look alone stays in place for
    half of the time.

    Args:
        looks: numbers of the frames looked at, ascending, the first and the last frame among them.
        found: the people in each of them.
        times_s: of all frames.
    """
    result: list[FoundPeople] = list(found[:1])
    for a, b, first, second in zip(looks, looks[1:], found, found[1:], strict=False):
        pairs = match_boxes(first.box_xyxy_px, second.box_xyxy_px)
        for k in range(a + 1, b):
            share = (times_s[k] - times_s[a]) / max(times_s[b] - times_s[a], 1e-9)
            share = min(max(share, 0.0), 1.0)  # times that go back name no place between
            result.append(_between(first, second, pairs, share))
        result.append(second)
    return result


def match_boxes(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs (row of first, row of second) of boxes (A, 4) and (B, 4), best overlap first.

    Boxes of a narrow person who runs do not overlap: what is left is paired by nearness.
    """
    overlaps = _best_pairs(box_iou(first, second), SAME_PERSON_IOU)
    rows = np.setdiff1d(np.arange(len(first)), [row for row, _ in overlaps])
    columns = np.setdiff1d(np.arange(len(second)), [column for _, column in overlaps])
    nearby = _best_pairs(_nearness(first[rows], second[columns]), 1 - NEAR)
    return overlaps + [(int(rows[i]), int(columns[k])) for i, k in nearby]


def _best_pairs(likeness: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Return pairs (row, column) of a matrix (A, B), the highest first, each in one pair only."""
    left, pairs = likeness.copy(), []
    while left.size and left.max() >= least:
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        pairs.append((int(row), int(column)))
        left[row, :] = left[:, column] = -np.inf
    return pairs


def _nearness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return 1 - distance / diagonal (A, B) of boxes' middles, -inf where sizes are not alike."""
    here, there = (boxes.reshape(-1, 2, 2) for boxes in (first, second))
    sizes = [np.linalg.norm(box[:, 1] - box[:, 0], axis=-1) for box in (here, there)]
    low, high = np.minimum.outer(*sizes), np.maximum.outer(*sizes)
    away = np.linalg.norm(here.mean(1)[:, None] - there.mean(1), axis=-1)
    return np.where(high < ALIKE * low, 1 - away / np.maximum(low, 1e-9), -np.inf)


def _between(
    first: FoundPeople, second: FoundPeople, pairs: list[tuple[int, int]], share: float
) -> FoundPeople:
    rows, columns = [r for r, _ in pairs], [c for _, c in pairs]
    boxes = [(1 - share) * first.box_xyxy_px[rows] + share * second.box_xyxy_px[columns]]
    scores = [(1 - share) * first.score[rows] + share * second.score[columns]]
    near, taken = (first, rows) if share <= 0.5 else (second, columns)
    alone = [k for k in range(len(near.score)) if k not in taken]
    box = np.concatenate([*boxes, near.box_xyxy_px[alone]])
    score = np.concatenate([*scores, near.score[alone]])
    order = np.argsort(-score, kind="stable")
    return FoundPeople(box[order], score[order])
