"""The single-Gaussian PPCA lifter of Tome et al., "Lifting from the Deep" (2017)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from ..models.device import choose_device
from ..models.tensor_file import read_tensors, write_tensors
from ..poses import Pose2D, Pose3D, Skeleton, WeakPerspective, convert_joints, get_skeleton
from ..poses.errors import BadInput, NotFitted, WeightsMissing
from .ppca_align import unit_poses
from .ppca_checks import checked_poses
from .ppca_fit import fit_ppca
from .ppca_model import PPCAModel
from .ppca_place import Placed, fill_confidence, place
from .ppca_refine import PoseRefiner
from .ppca_search import ViewSearch
from .ppca_view import roll_back, to_unit


class PPCALifter:
    """Lift 2D poses by the most probable pose and view of a Gaussian pose model.

    The model (section 4.1) is learned from motion capture alone; lifting (section 5.3) searches
    the viewing angles, solves for scale and pose at each by weighted least squares, keeps the
    best and refines it. Joints without confidence do not count: the model fills them in.

    Args:
        components: size J of the basis.
        n_rotations: azimuths searched (the paper: 80), for each tilt.
        tilts_deg: camera pitches searched, positive where the camera looks down. The paper knows
            the pitch; here it is unknown.
        rolls_deg: how far the body may be rolled in the picture, clockwise, besides a little.
        search_components: how many of the components the search uses; the refinement uses all.
        noise: standard deviation of the 2D joints as a part of the body's size (the root of the
            summed squared limb lengths, about 1.1 m): perspective and the detector's errors.
        refine_steps: Gauss-Newton steps after the search; 0 for the search alone.
        device: "cpu", "cuda", "cuda:1", "mps" or "auto".

    Attributes:
        model_: the `PPCAModel`.
        size_mm_: mean body size of the training poses; gives the output its millimetres.
        log_likelihoods_: mean log likelihood after each round of `fit`; never falls. Not saved.

    >>> rng = np.random.default_rng(0)
    >>> poses_mm = rng.normal(0, 300, (1, 17, 3)) + rng.normal(0, 20, (50, 17, 3))
    >>> lifter = PPCALifter(components=4, n_rotations=20).fit(poses_mm)
    >>> lifter.lift_arrays(100 + 0.1 * poses_mm[:3, :, :2], skeleton="h36m17").shape
    (3, 17, 3)
    """

    needs: frozenset[str] = frozenset()

    def __init__(
        self,
        *,
        components: int = 32,
        n_rotations: int = 80,
        tilts_deg: Sequence[float] = (-15.0, 0.0, 15.0, 30.0, 45.0),
        rolls_deg: Sequence[float] = (0.0, 90.0, 180.0, 270.0),
        search_components: int = 12,
        noise: float = 0.03,
        refine_steps: int = 4,
        device: str = "cpu",
    ) -> None:
        self.components = components
        self.n_rotations = n_rotations
        self.tilts_deg = tilts_deg
        self.rolls_deg = rolls_deg
        self.search_components = search_components
        self.noise = noise
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
            BadInput: wrong shape, too few poses, or poses with NaN (their count is named).
        """
        poses = checked_poses(poses_mm, self.skeleton, self.components)
        units, size_mm = unit_poses(poses, self.skeleton.parents)
        model, bounds = fit_ppca(units, self.skeleton.pairs, components=self.components)
        self.log_likelihoods_ = bounds
        self._learn(model, float(size_mm.mean()))
        return self

    def lift(self, poses: Sequence[Pose2D]) -> list[Pose3D]:
        """Return a 3D pose for each 2D pose, in the same order, of any mix of skeletons.

        The camera of each puts its joints onto the 2D joints as fitted. A joint that the 2D pose
        lacks has half the mean confidence of its neighbours in the skeleton. A pose of which too
        little is seen comes back as NaN with confidence 0 and no camera.

        Raises:
            NotFitted: before `fit` or `load`.
        """
        self.fitted_model()
        lifted: dict[int, Pose3D] = {}
        for skeleton in dict.fromkeys(pose.skeleton for pose in poses):
            rows = [i for i, pose in enumerate(poses) if pose.skeleton == skeleton]
            joints_px = np.stack([poses[i].joints_px for i in rows])
            confidence = np.stack([poses[i].confidence for i in rows])
            joints, weights = self._converted(joints_px, confidence, skeleton)
            placed = self._placed(joints, weights)
            filled = fill_confidence(weights, self.skeleton)
            for k, i in enumerate(rows):
                lifted[i] = self._pose(poses[i], placed, filled, k)
        return [lifted[i] for i in range(len(poses))]

    def lift_arrays(
        self,
        joints_px: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        skeleton: str | Skeleton,
    ) -> np.ndarray:
        """Return the 3D joints of many 2D poses.

        Args:
            joints_px: (N, J, 2) pixels, x right, y down; NaN for a joint not found.
            confidence: (N, J) from 0 (joint does not count) to 1; None for 1 everywhere.
            skeleton: which skeleton the J joints are.

        Returns:
            (N, 17, 3) float32 millimetres, camera frame, relative to the pelvis; NaN for a pose
            with fewer than four joints or with all joints at one point.

        Raises:
            NotFitted: before `fit` or `load`.
            BadInput: shapes that do not fit the skeleton, or an unknown one.
        """
        self.fitted_model()
        joints, weights = self._converted(joints_px, confidence, get_skeleton(skeleton))
        return self._placed(joints, weights).joints_mm

    def save(self, path: str | Path) -> None:
        """Write the fitted model and the settings to a safetensors file.

        Raises:
            NotFitted: before `fit` or `load`.
        """
        model = self.fitted_model()
        tensors = {
            "mean": torch.tensor(model.mean, dtype=torch.float32),
            "basis": torch.tensor(model.basis, dtype=torch.float32),
            "variances": torch.tensor(model.variances, dtype=torch.float32),
            "noise": torch.tensor(model.noise, dtype=torch.float32),
            "size_mm": torch.tensor(self.size_mm_, dtype=torch.float32),
        }
        metadata = {"kind": "ppca", "skeleton": self.skeleton.name, "config": self.settings()}
        write_tensors(Path(path), tensors, metadata)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> "PPCALifter":
        """Return the lifter that `save` wrote.

        Raises:
            WeightsMissing: no such file, or none of a PPCA lifter.
        """
        tensors, metadata = read_tensors(Path(path))
        if metadata.get("kind") != "ppca":
            raise WeightsMissing(
                f"{path} holds weights of kind {metadata.get('kind')!r}, expected 'ppca'; "
                "give a file that PPCALifter.save or `lift3d train ppca` wrote"
            )
        arrays = {name: tensor.double().numpy() for name, tensor in tensors.items()}
        model = PPCAModel(
            arrays["mean"], arrays["basis"], arrays["variances"], float(arrays["noise"])
        )
        size_mm = float(arrays["size_mm"])
        return cls.from_model(model, size_mm, **metadata["config"], device=device)

    @classmethod
    def from_model(cls, model: PPCAModel, size_mm: float, **settings: Any) -> "PPCALifter":
        """Return a fitted lifter for a model from elsewhere.

        Args:
            model: the Gaussian, also one without components: the mean pose alone.
            size_mm: what `size_mm_` becomes.
            settings: as for the constructor.
        """
        lifter = cls(**settings)
        lifter._learn(model, size_mm)
        return lifter

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, but for the device, as plain values."""
        return {
            "components": self.components,
            "n_rotations": self.n_rotations,
            "tilts_deg": list(self.tilts_deg),
            "rolls_deg": list(self.rolls_deg),
            "search_components": self.search_components,
            "noise": self.noise,
            "refine_steps": self.refine_steps,
        }

    def _learn(self, model: PPCAModel, size_mm: float) -> None:
        """Store a model and what the search needs of it."""
        self.model_ = model
        self.size_mm_ = size_mm
        device = choose_device(self.device)
        self._search = ViewSearch(
            model.leading(self.search_components),
            azimuths=self.n_rotations,
            tilts_deg=self.tilts_deg,
            rolls_deg=self.rolls_deg,
            noise=self.noise**2,
            device=device,
        )
        self._refiner = PoseRefiner(model, noise=self.noise**2, device=device)

    def fitted_model(self) -> PPCAModel:
        """Return the model; raise NotFitted before `fit` or `load`."""
        if not hasattr(self, "model_"):
            raise NotFitted(
                "this PPCALifter has no model yet; call fit(poses_mm) or PPCALifter.load(path)"
            )
        return self.model_

    def _converted(
        self, joints_px: ArrayLike, confidence: ArrayLike | None, skeleton: Skeleton
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, 17, 2) joints and (N, 17) weights in h36m17."""
        shape = np.shape(joints_px)
        if len(shape) != 3 or shape[1:] != (skeleton.n_joints, 2):
            raise BadInput(
                f"joints_px must have shape (N, {skeleton.n_joints}, 2) for skeleton "
                f"{skeleton.name!r}, got {shape}; pass the skeleton that the joints are in"
            )
        converted = convert_joints(joints_px, confidence, skeleton, self.skeleton)
        return converted.joints.astype(np.float64), np.clip(converted.confidence, 0.0, 1.0)

    def _placed(self, joints_px: np.ndarray, confidence: np.ndarray) -> Placed:
        """Search, refine and place the poses in front of the camera."""
        unit = to_unit(joints_px, confidence, self.model_.mean)
        rows = np.flatnonzero(unit.usable)
        device = self._refiner.mean.device
        joints = torch.from_numpy(unit.joints[rows]).float().to(device)
        weights = torch.from_numpy(unit.weights[rows]).float().to(device)
        angles = torch.zeros(0, 3, device=device)
        x = torch.zeros(0, len(self.model_.basis) + 3, device=device)
        if len(rows):
            angles, roll, found = self._search.search(joints, weights)
            x = torch.zeros(len(rows), x.shape[1], device=device)
            x[:, : found.shape[1] - 1], x[:, -1] = found[:, :-1], found[:, -1]
            upright = roll_back(joints, roll)
            angles, x = self._refiner.refine(upright, weights, angles, x, steps=self.refine_steps)
            angles[:, 2] += roll
            x[:, :2] = roll_back(x[:, None, :2], -roll)[:, 0]
            good = torch.isfinite(x).all(dim=1) & (x[:, -1] > 0)
            rows, angles, x = rows[good.cpu().numpy()], angles[good], x[good]
        return place(unit, rows, angles, x, model=self.model_, size_mm=self.size_mm_)

    def _pose(self, pose: Pose2D, placed: Placed, confidence: np.ndarray, row: int) -> Pose3D:
        """Return row `row` of a batch as a Pose3D."""
        camera = None
        if np.isfinite(placed.scale_px_per_mm[row]):
            camera = WeakPerspective(float(placed.scale_px_per_mm[row]), placed.offset_px[row])
        return Pose3D(
            joints_mm=placed.joints_mm[row],
            confidence=confidence[row],
            skeleton=self.skeleton,
            camera=camera,
            pose2d=pose,
        )
