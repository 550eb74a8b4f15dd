"""Recipe: motion capture to the weights of the PPCA lifter."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..datasets.mocap import TRAIN, MocapPack, read_mocap
from ..datasets.virtual_cameras import CameraRanges, photograph
from ..evaluation.lifting import LiftingScore, mean_pose_lifter, score_lifter
from ..evaluation.lifting_sets import LiftingSet, clean_set
from ..lifting.ppca import PPCALifter
from ..lifting.ppca_align import unit_poses
from ..poses.errors import BadInput
from .loop import make_output_folder

log = logging.getLogger(__name__)

SELECT_FOLDS = 3  # one in so many of the sorted training subjects is held out to select sizes
CLUSTERS = (1, 3, 5, 7, 10, 14)  # tried by `select_sizes`
COMPONENTS = (16, 24, 32, 40)
SELECT_NOISE = 0.03  # 2D noise at which held-out poses are judged
WITHIN = 0.9  # part of the joints that lie within the calibrated 90 % ellipsoid
CHI2_90 = 6.251  # what a chi-squared variable of three degrees exceeds in 10 % of the cases
PITCH_DEG = (-10.0, 40.0)


class Tried(NamedTuple):
    """Hold one pair of sizes that was tried: asked for, made, and how likely the held-out are."""

    clusters: int
    components: int
    made: int
    log_likelihood: float


def train_ppca(
    pack: str | Path,
    output: str | Path,
    *,
    clusters: int = 10,
    components: int = 40,
    rotations: int = 20,
    tilts_deg: Sequence[float] = (-10.0, 15.0, 40.0),
    per_clip: int = 30,
    grades: Sequence[int] = (0, 1, 2),
    select: bool = False,
    seed: int = 0,
    device: str = "cpu",
) -> LiftingScore:
    """Fit the lifter to a motion-capture pack, write its weights, return its validation error.

    The uncertainties are calibrated on training subjects, with models that were learned from the
    others. The fit itself has no random part but the sample that centres are chosen from.

    Args:
        pack: path of the motion-capture pack.
        output: path of the safetensors file; written whole or not at all.
        clusters: most Gaussians.
        components: size of each basis.
        rotations: azimuths that the lifter searches before it refines.
        tilts_deg: camera pitches that it searches.
        per_clip: at most so many poses of each clip, evenly spaced, so that long clips of one
            activity do not outweigh the others.
        grades: qualities of clips to learn from.
        select: choose `clusters` and `components` with `select_sizes` instead.
        seed: of the cameras of the validation.
        device: where the validation runs.

    Raises:
        DecodeError: the pack cannot be read.
        BadInput: the pack does not fit, or has too few training poses.
    """
    mocap = read_mocap(pack)
    test = clean_set(mocap, seed=seed)
    make_output_folder(Path(output).parent)
    rows = spaced_rows(mocap, split=TRAIN, per_clip=per_clip, grades=grades)
    if select:
        learned, held = held_out_rows(mocap, rows, fold=0, folds=SELECT_FOLDS)
        tried = select_sizes(mocap.poses_mm[learned], mocap.poses_mm[held])
        best = max(tried, key=lambda one: one.log_likelihood)
        clusters, components = best.clusters, best.components
        log.info("selected %d Gaussians of %d components", clusters, components)
    lifter = PPCALifter(
        clusters=clusters,
        components=components,
        n_rotations=rotations,
        tilts_deg=tilts_deg,
        device=device,
    )
    factor = calibrated_sigma(lifter, mocap, rows, seed=seed)
    clips = len(np.unique(mocap.clip[rows]))
    log.info("fitting %d Gaussians to %d poses of %d clips", clusters, len(rows), clips)
    lifter.fit(mocap.poses_mm[rows])
    lifter.sigma_factor_ = factor
    lifter.save(output)
    return _validated(lifter, test)


def select_sizes(
    learned_mm: NDArray[np.floating],
    held_mm: NDArray[np.floating],
    *,
    noise: float = SELECT_NOISE,
    clusters: Sequence[int] = CLUSTERS,
    components: Sequence[int] = COMPONENTS,
) -> list[Tried]:
    """Return how likely held-out poses are for each number of Gaussians and size of basis.

    The densities are those that lifting works with: the expected error of the 2D joints is added
    to each Gaussian's noise, without which the small noise of a large basis decides alone.

    Args:
        learned_mm: (N, 17, 3) poses to learn from.
        held_mm: (M, 17, 3) poses of other people.
        noise: standard deviation of 2D joints as a part of the body's size.
        clusters: numbers of Gaussians to try.
        components: sizes to try.

    Raises:
        BadInput: there are no held-out poses.
    """
    if not len(held_mm):
        raise BadInput(
            "selection needs training poses of more than one subject, got those of one; "
            "give more subjects or set clusters and components"
        )
    tried = []
    for size in components:
        for count in clusters:
            lifter = PPCALifter(clusters=count, components=size, n_rotations=1, tilts_deg=(0,))
            model = lifter.fit(learned_mm).model_
            units = unit_poses(held_mm, lifter.skeleton.parents)[0]
            likely = float(model.log_likelihood(units, noise=noise**2).mean())
            tried.append(Tried(count, size, len(model.weights), likely))
            log.info("held-out log likelihood %.3f: %s", likely, tried[-1])
    return tried


def calibrated_sigma(
    lifter: PPCALifter, mocap: MocapPack, rows: NDArray[np.integer], *, seed: int = 0
) -> float:
    """Return what a lifter's standard deviations must be multiplied with.

    With it 90 % of the joints of people who were not learned from, seen by random cameras, lie
    within the 90 % ellipsoids about their solutions. Each subject is held out in turn.

    Args:
        lifter: its settings are used; it is fitted anew without each subject.
        mocap: the pack.
        rows: the poses to learn from and to calibrate on.
        seed: of the cameras.
    """
    distances = []
    folds = len(np.unique(mocap.clip_subject[mocap.clip[rows]]))
    for fold in range(folds):
        learned, held = held_out_rows(mocap, rows, fold=fold, folds=folds)
        if len(held):
            lifter.fit(mocap.poses_mm[learned])
            ranges = CameraRanges(pitch_deg=PITCH_DEG)
            views = photograph(mocap.poses_mm[held], seed=seed + 1 + fold, ranges=ranges)
            distances.append(squared_distances(lifter, views.joints_px, views.joints_mm).ravel())
    if not distances:
        log.info("one subject only: the uncertainties are not calibrated")
        return 1.0
    quantile = float(np.nanquantile(np.concatenate(distances), WITHIN))
    factor = float(np.sqrt(quantile / CHI2_90))
    log.info("sigma factor %.3f", factor)
    return factor


def squared_distances(
    lifter: PPCALifter, joints_px: NDArray[np.floating], joints_mm: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return (N, 16) squared Mahalanobis distances of true joints, the root left out.

    Args:
        lifter: a fitted one.
        joints_px: (N, 17, 2) 2D joints of h36m17.
        joints_mm: (N, 17, 3) the true poses in camera axes, relative to the pelvis.
    """
    lifted = lifter.lift_modes(joints_px, skeleton="h36m17", modes=1)
    error = (joints_mm - lifted.joints_mm[:, 0])[:, 1:]
    if lifted.covariance_mm2 is None:
        raise BadInput("a lifter without refinement has no covariances; set refine_steps above 0")
    covariance = lifted.covariance_mm2[:, 0, 1:]
    good = np.asarray(np.isfinite(covariance).all(axis=(-1, -2)))
    regular = np.where(good[..., None, None], covariance, np.eye(3))
    solved = np.linalg.solve(regular, error[..., None])
    return np.where(good, np.einsum("nlc,nlc->nl", error, solved[..., 0]), np.nan)


def held_out_rows(
    mocap: MocapPack, rows: NDArray[np.integer], *, fold: int, folds: int
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return the rows to learn from and those of held-out subjects, one subject in `folds`.

    Of the held-out ones only clips of grade 0; none where there is one subject only. `fold` says
    from which subject on they are counted.
    """
    subject = mocap.clip_subject[mocap.clip[rows]]
    people = np.unique(subject)
    held = np.isin(subject, people[fold::folds] if len(people) > 1 else [])
    good = mocap.clip_grade[mocap.clip[rows]] == 0
    return rows[~held], rows[held & good]


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


def _validated(lifter: PPCALifter, test: LiftingSet) -> LiftingScore:
    """Return the error on the validation subjects, and log it beside the mean pose's."""
    score, baseline = score_lifter(lifter, test), score_lifter(mean_pose_lifter(lifter), test)
    log.info("validation: %s", score)
    log.info("the mean pose alone: %s", baseline)
    log.info(
        "after similarity alignment %.1f %% below the mean pose",
        100 * (1 - score.similarity_mm / baseline.similarity_mm),
    )
    return score
