"""From 2D joints to solutions in millimetres: the steps of the PPCA lifter in a row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..poses import Pose2D, Pose3D, Skeleton, WeakPerspective
from .ppca_camera import CameraKnowledge
from .ppca_modes import LiftedModes, different_modes
from .ppca_place import place
from .ppca_posterior import joint_covariance
from .ppca_solve import PoseSolver
from .ppca_view import to_unit

Array = NDArray[np.floating]

MORE = 8  # views refined for each further mode that is asked for


@dataclass(frozen=True)
class BodySize:
    """How large bodies are, and how sure solutions are; as the lifter's attributes."""

    size_mm: float
    size_sd_mm: float
    sigma_factor: float


def lift_joints(
    solver: PoseSolver,
    body: BodySize,
    joints_px: Array,
    weights: Array,
    camera: CameraKnowledge,
    *,
    skeleton: Skeleton,
    mean: Array,
    candidates: int,
    steps: int,
    modes: int,
    sure: bool,
) -> LiftedModes:
    """Return M solutions of each pose, with covariances if they are asked for and refined.

    Args:
        solver: holds the model.
        body: brings solutions to millimetres.
        joints_px: (N, L, 2) joints of `skeleton`, NaN where the weight is 0.
        weights: (N, L) from 0 to 1.
        camera: what is known of the cameras.
        skeleton: of the L joints.
        mean: (L, 3) mean pose of the model.
        candidates: views refined for one mode.
        steps: Gauss-Newton steps, 0 for none.
        modes: M.
        sure: whether covariances are wanted.
    """
    unit = to_unit(joints_px, weights, mean)
    tried = max(candidates, MORE * (modes - 1)) if steps else modes
    solved = solver.solve(unit, camera, steps=steps, candidates=tried)
    chosen, energy = different_modes(solved, modes)
    solved = solved.chosen(chosen)
    pose, shift = (part.cpu().double().numpy() for part in (solved.pose, solved.shift))
    placed = place(unit, pose, shift, camera, body.size_mm, good=np.isfinite(energy))
    covariance = None
    if sure and solved.details is not None:
        spread = joint_covariance(
            solver.refiner,
            solved.details,
            skeleton,
            size_mm=body.size_mm,
            size_sd_mm=body.size_sd_mm,
        ).view(*chosen.shape, skeleton.n_joints, 3, 3)
        covariance = spread.cpu().double().numpy() * body.sigma_factor**2
    found = np.isfinite(placed.scale_px_per_mm)
    return LiftedModes(
        placed.joints_mm,
        np.where(found, -energy, -np.inf),
        covariance,
        placed.scale_px_per_mm,
        placed.offset_px,
        placed.root_mm,
    )


def as_pose(
    pose: Pose2D, lifted: LiftedModes, confidence: Array, row: int, skeleton: Skeleton
) -> Pose3D:
    """Return the best solution of row `row` as a Pose3D with the pose that it was lifted from."""
    camera = root_mm = sigma_mm = None
    if np.isfinite(lifted.scale_px_per_mm[row, 0]):
        camera = WeakPerspective(float(lifted.scale_px_per_mm[row, 0]), lifted.offset_px[row, 0])
        if lifted.root_mm is not None:
            root_mm = lifted.root_mm[row, 0]
        if lifted.covariance_mm2 is not None:
            sigma_mm = np.sqrt(np.einsum("lcc->l", lifted.covariance_mm2[row, 0]) / 3)
    return Pose3D(
        joints_mm=lifted.joints_mm[row, 0],
        confidence=confidence,
        skeleton=skeleton,
        camera=camera,
        root_mm=root_mm,
        pose2d=pose,
        sigma_mm=sigma_mm,
    )
