"""How well a lifter turns true 2D joints, from random virtual cameras, into 3D poses."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..datasets.mocap import VALIDATION, MocapPack
from ..datasets.virtual_cameras import CameraRanges, photograph
from ..lifting.ppca import PPCALifter
from ..poses import convert_joints, get_skeleton
from ..poses.errors import BadInput
from .metrics_3d import mpjpe_mm, mpjpe_similarity_mm

Array = NDArray[np.floating]

LEGS = ("right_knee", "right_ankle", "left_knee", "left_ankle")


class ArrayLifter(Protocol):
    """What is measured: the array door of a lifter."""

    def lift_arrays(
        self, joints_px: ArrayLike, confidence: ArrayLike | None = None, *, skeleton: str
    ) -> np.ndarray:
        """Return (N, 17, 3) millimetres, camera frame, relative to the pelvis."""


class LiftingScore(NamedTuple):
    """Hold mean joint errors, millimetres, every clip with the same weight.

    `root_mm` with the roots laid upon each other, `similarity_mm` after the best rotation, shift
    and scale, `lifted` the fraction of poses without NaN; the errors are over those.
    """

    root_mm: float
    similarity_mm: float
    lifted: float


@dataclass(frozen=True)
class LiftingTest:
    """N pairs of true 2D and 3D poses in h36m17.

    Attributes:
        joints_px: (N, 17, 2) pixels.
        joints_mm: (N, 17, 3) camera frame, relative to the pelvis.
        clip: (N,) which clip each pose is from.
        mm_per_px: (N,) size of a pixel at the depth of the pelvis.
    """

    joints_px: Array
    joints_mm: Array
    clip: NDArray[np.integer]
    mm_per_px: Array


def lifting_test(
    pack: MocapPack, *, seed: int = 0, ranges: CameraRanges | None = None
) -> LiftingTest:
    """Return the validation poses of grade 0, each as one random camera sees it.

    Raises:
        BadInput: the pack has no such poses.
    """
    rows = pack.rows(split=VALIDATION, grades=(0,))
    if not len(rows):
        raise BadInput("the pack has no poses of split 1 and grade 0; nothing to measure on")
    views = photograph(pack.poses_mm[rows], seed=seed, ranges=ranges)
    mm_per_px = views.root_mm[:, 2] / views.focal_px
    return LiftingTest(views.joints_px, views.joints_mm, pack.clip[rows], mm_per_px)


def score_lifter(
    lifter: ArrayLifter,
    test: LiftingTest,
    *,
    skeleton: str = "h36m17",
    hidden: int = 0,
    without: tuple[str, ...] = (),
    noise_mm: float = 0.0,
    seed: int = 0,
) -> LiftingScore:
    """Return the errors of a lifter over all 17 joints, also those that it did not see.

    Args:
        lifter: what is measured.
        test: true pairs.
        skeleton: the 2D joints are converted to it first; joints it cannot get are left out.
        hidden: how many joints of h36m17, drawn anew for each pose, are hidden.
        without: names of joints of h36m17 that are always hidden.
        noise_mm: standard deviation of Gaussian noise on each 2D coordinate, at the body's depth.
        seed: of the hidden joints and of the noise.
    """
    rng = np.random.default_rng(seed)
    joints_px = test.joints_px.copy()
    noise_px = noise_mm / test.mm_per_px
    joints_px += noise_px[:, None, None] * rng.normal(size=joints_px.shape)
    order = rng.random(joints_px.shape[:2]).argsort(axis=1).argsort(axis=1)
    joints_px[order < hidden] = np.nan
    body = get_skeleton("h36m17")
    joints_px[:, [body.index(name) for name in without]] = np.nan
    converted = convert_joints(joints_px, None, body, skeleton)
    lifted_mm = lifter.lift_arrays(converted.joints, converted.confidence, skeleton=skeleton)
    return _score(lifted_mm, test)


def mean_pose_lifter(lifter: PPCALifter) -> PPCALifter:
    """Return the baseline "the mean pose, best rotation".

    It is the lifter with the same mean pose, size, angles and refinement, but no basis: only the
    view and the scale are fitted. After similarity alignment the view no longer matters, so that
    its error there is that of the mean pose in the best of all rotations.

    Raises:
        NotFitted: the lifter has no model.
    """
    model = lifter.fitted_model()
    settings = lifter.settings() | {"device": lifter.device}
    return PPCALifter.from_model(model.leading(0), lifter.size_mm_, **settings)


def _score(lifted_mm: Array, test: LiftingTest) -> LiftingScore:
    good = np.isfinite(lifted_mm).all(axis=(1, 2))
    clips, index = np.unique(test.clip[good], return_inverse=True)
    if not len(clips):
        return LiftingScore(np.nan, np.nan, 0.0)
    means = [
        np.mean(np.bincount(index, errors) / np.bincount(index))
        for errors in (
            mpjpe_mm(lifted_mm[good], test.joints_mm[good]),
            mpjpe_similarity_mm(lifted_mm[good], test.joints_mm[good]),
        )
    ]
    return LiftingScore(float(means[0]), float(means[1]), float(good.mean()))
