"""The mixture PPCA lifter of Tome et al., "Lifting from the Deep" (2017)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..models.device import choose_device
from ..models.weights_file import built_from
from ..poses import Pose2D, Pose3D, Skeleton, get_skeleton
from ..poses.errors import BadInput, NotFitted
from .body_joints import body_arrays, body_poses
from .fill_confidence import fill_confidence
from .ppca_align import unit_poses
from .ppca_camera import CameraKnowledge, camera_knowledge
from .ppca_checks import check_settings, checked_poses
from .ppca_em import align, fit_mixture
from .ppca_file import read_lifter, write_lifter
from .ppca_fit import fit_ppca
from .ppca_lift import BodySize, as_pose, lift_joints
from .ppca_mixture import PPCAMixture, as_mixture
from .ppca_model import PPCAModel
from .ppca_modes import LiftedModes
from .ppca_solve import PoseSolver


class PPCALifter:
    """Lift 2D poses by the most probable pose and view of a mixture of Gaussian pose models.

    The model (section 4) is learned from motion capture alone; lifting (section 5.3) searches the
    views, solves for scale and pose at each by least squares, compares views and Gaussians by
    their probability and refines the best. Joints without confidence do not count: the model
    fills them in.

    Args:
        clusters: most Gaussians K; fewer where their centres would be too close.
        components: size J of each basis.
        prior_poses: how many poses the covariance of all poses counts for in each Gaussian.
        n_rotations: azimuths searched (the paper: 80), for each tilt.
        tilts_deg: camera pitches searched, positive where the camera looks down. The paper knows
            the pitch; here it is unknown.
        rolls_deg: how far the body may be rolled in the picture, clockwise, besides a little.
        noise: standard deviation of the 2D joints as a part of the body's size (the root of the
            summed squared limb lengths, about 1.1 m): perspective and the detector's errors. One,
            or several, of which each pose takes the one that explains it best.
        candidates: how many of the best views are refined.
        refine_steps: Gauss-Newton steps; 0 for the search alone, which counts a joint wholly or
            not at all.
        device: "cpu", "cuda", "cuda:1", "mps" or "auto".

    Attributes:
        model_: the `PPCAMixture`.
        size_mm_: mean body size of the training poses; gives the output its millimetres.
        size_sd_mm_: how body sizes spread about it.
        sigma_factor_: what `sigma_mm` is multiplied with; 1 until it is calibrated on poses that
            were not learned from.
        log_likelihoods_: mean log likelihood of one Gaussian after each round of the alignment;
            never falls. Not saved.
        lower_bounds_: mean log likelihood (with its prior) after each iteration of EM; never
            falls. Not saved.

    >>> rng = np.random.default_rng(0)
    >>> poses_mm = rng.normal(0, 300, (1, 17, 3)) + rng.normal(0, 20, (50, 17, 3))
    >>> lifter = PPCALifter(clusters=1, components=4, n_rotations=20).fit(poses_mm)
    >>> lifter.lift_arrays(100 + 0.1 * poses_mm[:3, :, :2], skeleton="h36m17").shape
    (3, 17, 3)
    """

    needs: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        clusters: int = 10,
        components: int = 40,
        prior_poses: float = 50.0,
        n_rotations: int = 80,
        tilts_deg: Sequence[float] = (-10.0, 15.0, 40.0),
        rolls_deg: Sequence[float] = (0.0, 90.0, 180.0, 270.0),
        noise: float | Sequence[float] = (0.02, 0.04, 0.08),
        candidates: int = 2,
        refine_steps: int = 4,
        device: str = "cpu",
    ) -> None:
        self.clusters = clusters
        self.components = components
        self.prior_poses = prior_poses
        self.n_rotations = n_rotations
        self.tilts_deg = tilts_deg
        self.rolls_deg = rolls_deg
        self.noise = noise
        self.candidates = candidates
        self.refine_steps = refine_steps
        self.device = device

    @property
    def skeleton(self) -> Skeleton:
        """Return the skeleton of the 3D poses, h36m17."""
        return get_skeleton("h36m17")

    def fit(self, poses_mm: ArrayLike) -> "PPCALifter":
        """Learn the model from 3D poses and return self.

        Args:
            poses_mm: (N, 17, 3) millimetres, y up, any place and heading, joints of h36m17.

        Raises:
            BadInput: wrong shape, too few poses, poses with NaN (their count is named), or a
                setting of the constructor with which nothing could be lifted.
        """
        self._check_settings()
        poses = checked_poses(poses_mm, self.skeleton, self.components, self.clusters)
        units, size_mm = unit_poses(poses, self.skeleton.parents)
        del poses
        single, self.log_likelihoods_ = fit_ppca(
            units, self.skeleton.pairs, components=self.components
        )
        mixture, self.lower_bounds_ = fit_mixture(
            align(units, single),
            self.skeleton.pairs,
            clusters=self.clusters,
            components=self.components,
            prior_poses=self.prior_poses,
        )
        self._learn(mixture, float(size_mm.mean()), float(size_mm.std()))
        return self

    def lift(
        self,
        poses: Sequence[Pose2D],
        *,
        camera_rotation: ArrayLike | None = None,
        focal_px: ArrayLike | None = None,
        centre_px: ArrayLike | None = None,
    ) -> list[Pose3D]:
        """Return a 3D pose for each 2D pose, in the same order, of any mix of skeletons.

        The camera of each puts its joints onto the 2D joints as fitted. A joint that the 2D pose
        lacks has half the mean confidence of its neighbours in the skeleton. A pose of which too
        little is seen comes back as NaN with confidence 0 and no camera. `sigma_mm` is the
        posterior's standard deviation of each joint relative to the root, a mean over directions.

        Args:
            poses: what to lift; what is known of the camera is as in `lift_arrays`.

        Raises:
            NotFitted: before `fit` or `load`.
            BadInput: camera, focal length or centre cannot be.
        """
        self.fitted_model()
        camera = camera_knowledge(
            len(poses), camera_rotation=camera_rotation, focal_px=focal_px, centre_px=centre_px
        )
        if not poses:
            return []
        joints, weights = body_poses(poses)
        lifted = self._lifted(joints, weights, camera, modes=1)
        filled = fill_confidence(weights, self.skeleton)
        return [as_pose(pose, lifted, filled[i], i, self.skeleton) for i, pose in enumerate(poses)]

    def lift_arrays(
        self,
        joints_px: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        skeleton: str | Skeleton,
        camera_rotation: ArrayLike | None = None,
        focal_px: ArrayLike | None = None,
        centre_px: ArrayLike | None = None,
    ) -> np.ndarray:
        """Return the 3D joints of many 2D poses.

        Args:
            joints_px: (N, J, 2) pixels, x right, y down; NaN for a joint not found.
            confidence: (N, J) from 0 (joint does not count) to 1; None for 1 everywhere.
            skeleton: which skeleton the J joints are.
            camera_rotation: (3, 3) or (N, 3, 3) from the world (y up) to camera axes where it is
                known, E of eq. 5; then neither tilts nor rolls are searched.
            focal_px: focal length where it is known, one or (N,); the refinement then works in full
                perspective.
            centre_px: (2,) or (N, 2) the principal point, with `focal_px`.

        Returns:
            (N, 17, 3) float32 millimetres, camera frame, relative to the pelvis; NaN for a pose
            with fewer than four joints or with all joints at one point.

        Raises:
            NotFitted: before `fit` or `load`.
            BadInput: shapes that do not fit the skeleton, or an unknown one.
        """
        self.fitted_model()
        joints, weights = body_arrays(joints_px, confidence, skeleton)
        camera = camera_knowledge(
            len(joints), camera_rotation=camera_rotation, focal_px=focal_px, centre_px=centre_px
        )
        return self._lifted(joints, weights, camera, modes=1, sure=False).joints_mm[:, 0]

    def lift_modes(
        self,
        joints_px: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        skeleton: str | Skeleton,
        modes: int = 2,
        camera_rotation: ArrayLike | None = None,
        focal_px: ArrayLike | None = None,
        centre_px: ArrayLike | None = None,
    ) -> LiftedModes:
        """Return the best solutions that really differ, with probabilities and covariances.

        A picture does not tell a limb that points towards the camera from one that points away:
        the runner-up is often the right one. Arguments are those of `lift_arrays`.

        Args:
            modes: M, how many; the first is what `lift_arrays` returns, or better.

        Raises:
            NotFitted: before `fit` or `load`.
            BadInput: as `lift_arrays`, or modes below 1.
        """
        self.fitted_model()
        if modes < 1:
            raise BadInput(f"modes must be 1 or more, got {modes}")
        joints, weights = body_arrays(joints_px, confidence, skeleton)
        camera = camera_knowledge(
            len(joints), camera_rotation=camera_rotation, focal_px=focal_px, centre_px=centre_px
        )
        return self._lifted(joints, weights, camera, modes=modes)

    def save(self, path: str | Path) -> None:
        """Write the fitted model and the settings to a safetensors file.

        Raises:
            NotFitted: before `fit` or `load`.
        """
        model = self.fitted_model()
        numbers = {
            "size_mm": self.size_mm_,
            "size_sd_mm": self.size_sd_mm_,
            "sigma_factor": self.sigma_factor_,
        }
        write_lifter(Path(path), model, numbers, self.skeleton, self.settings())

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> "PPCALifter":
        """Return the lifter that `save` wrote.

        Raises:
            WeightsMissing: no such file, none of a PPCA lifter, or one that does not fit itself.
        """
        choose_device(device)  # a wrong one is not the file's fault
        with built_from(path):
            model, numbers, settings = read_lifter(Path(path))
            return cls.from_model(model, **numbers, **settings, device=device)

    @classmethod
    def from_model(
        cls,
        model: PPCAModel | PPCAMixture,
        size_mm: float,
        *,
        size_sd_mm: float = 0.0,
        sigma_factor: float = 1.0,
        **settings: Any,
    ) -> "PPCALifter":
        """Return a fitted lifter for a model from elsewhere.

        Args:
            model: the mixture or one Gaussian, also without a basis: mean poses alone.
            size_mm: what `size_mm_` becomes.
            size_sd_mm: what `size_sd_mm_` becomes.
            sigma_factor: what `sigma_factor_` becomes.
            settings: as for the constructor.

        Raises:
            BadInput: nothing could be lifted with the settings.
        """
        lifter = cls(**settings)
        lifter._check_settings()
        lifter._learn(as_mixture(model), size_mm, size_sd_mm)
        lifter.sigma_factor_ = sigma_factor
        return lifter

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, but for the device, as plain values."""
        return {
            "clusters": self.clusters,
            "components": self.components,
            "prior_poses": self.prior_poses,
            "n_rotations": self.n_rotations,
            "tilts_deg": list(self.tilts_deg),
            "rolls_deg": list(self.rolls_deg),
            "noise": np.asarray(self.noise, dtype=float).tolist(),
            "candidates": self.candidates,
            "refine_steps": self.refine_steps,
        }

    def fitted_model(self) -> PPCAMixture:
        """Return the model; raise NotFitted before `fit` or `load`."""
        if not hasattr(self, "model_"):
            raise NotFitted(
                "this PPCALifter has no model yet; call fit(poses_mm) or PPCALifter.load(path)"
            )
        return self.model_

    def _check_settings(self) -> None:
        check_settings(
            self.n_rotations,
            self.tilts_deg,
            self.rolls_deg,
            self.noise,
            self.candidates,
            self.refine_steps,
        )

    def _learn(self, model: PPCAMixture, size_mm: float, size_sd_mm: float) -> None:
        """Store a model and what lifting needs of it."""
        self.model_ = model
        self.size_mm_, self.size_sd_mm_, self.sigma_factor_ = size_mm, size_sd_mm, 1.0
        self._solver = PoseSolver(
            model,
            azimuths=self.n_rotations,
            tilts_deg=self.tilts_deg,
            rolls_deg=self.rolls_deg,
            noise=self.noise,
            device=choose_device(self.device),
        )
        self._mean = model.mean

    def _lifted(
        self,
        joints_px: np.ndarray,
        weights: np.ndarray,
        camera: CameraKnowledge,
        *,
        modes: int,
        sure: bool = True,
    ) -> LiftedModes:
        """Return the solutions for joints (N, 17, 2) of h36m17, with covariances if sure."""
        return lift_joints(
            self._solver,
            BodySize(self.size_mm_, self.size_sd_mm_, self.sigma_factor_),
            joints_px,
            weights,
            camera,
            skeleton=self.skeleton,
            mean=self._mean,
            candidates=self.candidates,
            steps=self.refine_steps,
            modes=modes,
            sure=sure,
        )
