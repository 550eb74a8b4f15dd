"""How well a lifter turns 2D joints, from random virtual cameras, into 3D poses."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..lifting.ppca import PPCALifter
from ..poses import convert_joints
from .lifting_sets import LiftingSet
from .metrics_3d import mpjpe_mm, mpjpe_rigid_mm, mpjpe_similarity_mm

Array = NDArray[np.floating]


class ArrayLifter(Protocol):
    """What is measured: the array door of a lifter."""

    def lift_arrays(
        self, joints_px: ArrayLike, confidence: ArrayLike | None = None, *, skeleton: str
    ) -> np.ndarray:
        """Return (N, 17, 3) millimetres, camera frame, relative to the pelvis."""


class LiftingScore(NamedTuple):
    """Hold mean joint errors, millimetres, every clip with the same weight.

    `root_mm` with the roots laid upon each other (protocol 1), `rigid_mm` after the best rotation
    and shift, `similarity_mm` after the best rotation, shift and scale (protocol 2), `lifted` the
    fraction of poses without NaN; the errors are over those.
    """

    root_mm: float
    rigid_mm: float
    similarity_mm: float
    lifted: float


def score_lifter(
    lifter: ArrayLifter, test: LiftingSet, *, skeleton: str = "h36m17"
) -> LiftingScore:
    """Return the errors of a lifter over all 17 joints, also those that it did not see.

    Args:
        lifter: what is measured.
        test: the pairs.
        skeleton: the 2D joints are converted to it first; joints it cannot get are left out.
    """
    lifted_mm = _lifted(lifter, test, skeleton)
    return _score(lifted_mm, test, np.ones(len(lifted_mm), dtype=bool))


def scores_by_kind(
    lifter: ArrayLifter, test: LiftingSet, *, skeleton: str = "h36m17"
) -> dict[str, LiftingScore]:
    """Return the errors of a lifter for each kind of motion in a set; args as `score_lifter`."""
    lifted_mm = _lifted(lifter, test, skeleton)
    kinds = sorted(set(test.kind.tolist()))
    return {kind: _score(lifted_mm, test, test.kind == kind) for kind in kinds}


def mean_pose_lifter(lifter: PPCALifter) -> PPCALifter:
    """Return the baseline "the mean pose, best rotation".

    It is the lifter with the same mean pose, size, angles and refinement, but no basis: only the
    view and the scale are fitted. After similarity alignment the view no longer matters, so that
    its error there is that of the mean pose in the best of all rotations.

    Raises:
        NotFitted: the lifter has no model.
    """
    model = lifter.fitted_model().mean_pose()
    settings = lifter.settings() | {"device": lifter.device}
    return PPCALifter.from_model(model, lifter.size_mm_, **settings)


def _lifted(lifter: ArrayLifter, test: LiftingSet, skeleton: str) -> Array:
    """Return (N, 17, 3) what a lifter makes of a set's 2D joints, given in a skeleton."""
    converted = convert_joints(test.joints_px, test.confidence, "h36m17", skeleton)
    return lifter.lift_arrays(converted.joints, converted.confidence, skeleton=skeleton)


def _score(lifted_mm: Array, test: LiftingSet, rows: NDArray[np.bool_]) -> LiftingScore:
    good = np.isfinite(lifted_mm).all(axis=(1, 2)) & rows
    clips, index = np.unique(test.clip[good], return_inverse=True)
    if not len(clips):
        return LiftingScore(np.nan, np.nan, np.nan, 0.0)
    lifted, true = lifted_mm[good], test.joints_mm[good]

    def mean_over_clips(errors_mm: Array) -> float:
        return float(np.mean(np.bincount(index, errors_mm) / np.bincount(index)))

    return LiftingScore(
        root_mm=mean_over_clips(mpjpe_mm(lifted, true)),
        rigid_mm=mean_over_clips(mpjpe_rigid_mm(lifted, true)),
        similarity_mm=mean_over_clips(mpjpe_similarity_mm(lifted, true)),
        lifted=float(good.sum() / rows.sum()),
    )
