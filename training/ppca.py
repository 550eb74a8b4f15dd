"""Recipe: motion capture to the weights of the PPCA lifter."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.mocap import TRAIN, MocapPack, read_mocap
from ..evaluation.lifting import LiftingScore, lifting_test, mean_pose_lifter, score_lifter
from ..lifting.ppca import PPCALifter

log = logging.getLogger(__name__)


def train_ppca(
    pack: str | Path,
    output: str | Path,
    *,
    components: int = 32,
    noise: float = 0.03,
    per_clip: int = 30,
    grades: Sequence[int] = (0, 1, 2),
    seed: int = 0,
    device: str = "cpu",
) -> LiftingScore:
    """Fit the lifter to a motion-capture pack, write its weights, return its validation error.

    The fit itself has no random part.

    Args:
        pack: path of the motion-capture pack.
        output: path of the safetensors file; written whole or not at all.
        components: size of the basis.
        noise: expected error of 2D joints, as the lifter's setting of that name.
        per_clip: at most so many poses of each clip, evenly spaced, so that long clips of one
            activity do not outweigh the others.
        grades: qualities of clips to learn from.
        seed: of the cameras of the validation.
        device: where the validation runs.

    Raises:
        DecodeError: the pack cannot be read.
        BadInput: the pack does not fit, or has too few training poses.
    """
    mocap = read_mocap(pack)
    rows = spaced_rows(mocap, split=TRAIN, per_clip=per_clip, grades=grades)
    clips = len(np.unique(mocap.clip[rows]))
    log.info("fitting %d components to %d poses of %d clips", components, len(rows), clips)
    lifter = PPCALifter(components=components, noise=noise, device=device)
    lifter.fit(mocap.poses_mm[rows])
    lifter.save(output)
    test = lifting_test(mocap, seed=seed)
    score, baseline = score_lifter(lifter, test), score_lifter(mean_pose_lifter(lifter), test)
    log.info("validation: %s", score)
    log.info("the mean pose alone: %s", baseline)
    log.info(
        "after similarity alignment %.1f %% below the mean pose",
        100 * (1 - score.similarity_mm / baseline.similarity_mm),
    )
    return score


def spaced_rows(
    mocap: MocapPack, *, split: int, per_clip: int, grades: Sequence[int] = (0, 1, 2)
) -> NDArray[np.integer]:
    """Return the indices of at most `per_clip` poses of each clip, evenly spaced in time.

    Poses of a clip stand in the pack in the order of time.
    """
    rows = mocap.rows(split=split, grades=grades)
    chosen = []
    for clip in np.unique(mocap.clip[rows]):
        own = rows[mocap.clip[rows] == clip]
        chosen.append(own[np.linspace(0, len(own) - 1, min(per_clip, len(own))).astype(int)])
    return np.concatenate(chosen) if chosen else rows
