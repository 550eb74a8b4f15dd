"""The poses that synthetic people take: motion capture of a split, varied or as it is."""

from dataclasses import dataclass

import numpy as np

from ...poses.errors import BadInput
from ..mocap import TRAIN, MocapPack
from ..pose_variety import PoseVariety
from .posing import mean_directions

MORE = 3  # other poses drawn with each one, for upper bodies to cross with


@dataclass(frozen=True, eq=False)
class PoseSource:
    """Poses of some subjects by the grade of their capture.

    Attributes:
        pack: motion capture.
        rows: grade -> rows of the pack.
        neutral: grade -> (17, 3) `mean_directions` of these rows.
        variety: what is changed; None for poses as they were captured.
    """

    pack: MocapPack
    rows: dict[int, np.ndarray]
    neutral: dict[int, np.ndarray]
    variety: PoseVariety | None

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
        """Return a pose (17, 3), y up, its source's neutral directions, and what it is from."""
        sizes = np.array([len(rows) for rows in self.rows.values()])
        grade = list(self.rows)[rng.choice(len(sizes), p=sizes / sizes.sum())]
        rows = self.rows[grade][rng.integers(len(self.rows[grade]), size=1 + MORE)]
        poses = self.pack.poses_mm[rows].astype(np.float64)
        pose = self.variety.apply(poses, rng)[0] if self.variety else poses[0] - poses[0, :1]
        clip = int(self.pack.clip[rows[0]])
        frame = int(rows[0] - np.flatnonzero(self.pack.clip == clip)[0])
        name = f"{self.pack.clip_names[clip]} frame {frame}"
        return np.asarray(pose, np.float64), self.neutral[grade], name


def pose_source(
    pack: MocapPack,
    split: int = TRAIN,
    grades: tuple[int, ...] = (0, 1, 2),
    variety: PoseVariety | None = None,
) -> PoseSource:
    """Return the poses of a split: 0 of the training subjects, 1 of the validation subjects.

    Raises:
        BadInput: the pack has no poses of this split and these grades.
    """
    found = {grade: pack.rows(split=split, grades=(grade,)) for grade in grades}
    found = {grade: rows for grade, rows in found.items() if len(rows)}
    if not found:
        raise BadInput(
            f"the motion capture has no poses of split {split} and grades {grades}; "
            "split 0 is for training, 1 validates"
        )
    neutral = {}
    for grade, rows in found.items():
        try:
            neutral[grade] = mean_directions(pack.poses_mm[rows])
        except BadInput:  # nobody upright in this part: the whole pack may have somebody
            neutral[grade] = mean_directions(pack.poses_mm)
    return PoseSource(pack, found, neutral, variety)
