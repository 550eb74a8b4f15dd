"""From 2D poses to solutions of eq. 5: search, then refinement of the best views."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .body_joints import MIN_JOINTS
from .ppca_camera import CameraKnowledge
from .ppca_forms import view_forms
from .ppca_mixture import PPCAMixture, with_noise_levels
from .ppca_refine import PoseRefiner, Scene, make_scene
from .ppca_search import Found, ViewSearch
from .ppca_view import UnitJoints, roll_back

COUNTS = 0.25  # of a pose's highest weight: from there on a joint counts in the search
TILT_STEP = np.radians(0.5)  # known tilts are searched at multiples of it
KEPT_TILTS = 16  # forms of so many known tilts are kept


@dataclass(frozen=True)
class Solved:
    """M solutions of each of N 2D poses, the most probable view of the search first.

    Attributes:
        pose: (N, M, L, 3) s (mu + a e) in camera axes, unit size.
        shift: (N, M, 2) where its origin is seen, from the centre of the joints.
        energy: (N, M) the negative log probability but for a constant; inf where there is none.
        details: what the posterior is computed from; None without refinement.
    """

    pose: Tensor
    shift: Tensor
    energy: Tensor
    details: "Details | None" = None

    def chosen(self, index: NDArray[np.integer]) -> "Solved":
        """Return the solutions (N, C) of which `index` (N, C) says which they are."""
        N, M = self.energy.shape
        wanted = torch.from_numpy(index).to(self.energy.device)
        flat = (torch.arange(N, device=wanted.device)[:, None] * M + wanted).flatten()
        pose, shift, energy = (
            part.flatten(0, 1)[flat].view(*index.shape, *part.shape[2:])
            for part in (self.pose, self.shift, self.energy)
        )
        details = None if self.details is None else self.details.rows(flat)
        return Solved(pose, shift, energy, details)


@dataclass(frozen=True)
class Details:
    """The refined solutions, one row for each of N * M, before rolls are put back.

    Attributes:
        scene: what was refined.
        angles: (N * M, 3) azimuth, tilt, roll.
        x: (N * M, J + 3) translation, b, s.
        roll: (N * M,) what is still to be rolled, radians.
    """

    scene: Scene
    angles: Tensor
    x: Tensor
    roll: Tensor

    def rows(self, chosen: Tensor | slice) -> "Details":
        """Return some of the rows."""
        x, angles, roll = self.x[chosen], self.angles[chosen], self.roll[chosen]
        return Details(self.scene.rows(chosen), angles, x, roll)


class PoseSolver:
    """Search and refine with one mixture and one set of settings.

    Threads may share it: the search, which keeps what it has made for poses before, is one thread's
    at a time.

    Args:
        mixture: the model.
        azimuths: turns about the vertical that are searched.
        tilts_deg: camera pitches that are searched where the camera is not known.
        rolls_deg: likewise how far the body is rolled in the picture.
        noise: standard deviations of the 2D joints in units of the unit pose that are tried.
        device: where to.
    """

    def __init__(
        self,
        mixture: PPCAMixture,
        *,
        azimuths: int,
        tilts_deg: Sequence[float],
        rolls_deg: Sequence[float],
        noise: float | Sequence[float],
        device: torch.device,
    ) -> None:
        self.device = device
        self._mixture, self._noise = with_noise_levels(mixture, noise)
        self.refiner = PoseRefiner(self._mixture, noise=self._noise, device=device)
        self._azimuths = azimuths
        rolls = torch.deg2rad(torch.tensor(list(rolls_deg), dtype=torch.float32))
        tilts = np.radians(np.asarray(tilts_deg, dtype=np.float64))
        self._search = self._made(tilts, rolls, tilt_prior=len(tilts) > 1)
        self._known: OrderedDict[int, ViewSearch] = OrderedDict()
        self._searching = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: all but the lock."""
        return {name: part for name, part in self.__dict__.items() if name != "_searching"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was pickled."""
        self.__dict__.update(state)
        self._searching = threading.Lock()

    def solve(
        self, unit: UnitJoints, camera: CameraKnowledge, *, steps: int, candidates: int
    ) -> Solved:
        """Return M solutions of each pose.

        Args:
            unit: the poses; what stands in those that are not usable does not matter.
            camera: what is known of the camera.
            steps: Gauss-Newton steps; with 0 the solutions at the searched views are returned.
            candidates: M, how many views are refined.
        """
        joints, weights = self._tensor(unit.joints), self._tensor(unit.weights)
        if camera.roll is not None:
            joints = roll_back(joints, self._tensor(camera.roll))
        counted = _counted(unit.weights)
        visible = None if counted.all() else torch.from_numpy(counted).to(self.device)
        with self._searching:
            found = self._find(joints, visible, camera, candidates, placed=not steps)
        N, M = found.energy.shape
        roll = found.roll
        if camera.roll is not None:
            roll = roll + self._tensor(camera.roll)[:, None]
        if not steps:
            return _searched(found, roll)
        joints = roll_back(joints[:, None].expand(N, M, -1, 2), found.roll)
        scene = self._scene(unit, camera, joints, weights, found, roll)
        angles, x = found.angles.flatten(0, 1), found.solution.flatten(0, 1)
        # what the search has counted: joints wholly or not at all, and weak perspective
        as_searched = self._tensor(counted.astype(float))[:, None].expand(N, M, -1).flatten(0, 1)
        searched = replace(scene, weights=as_searched, bend=torch.zeros_like(scene.bend))
        before = self.refiner.cost(searched, angles, x)
        angles, x, after = self.refiner.refine(scene, angles, x, steps=steps)
        details = Details(scene, angles, x, roll.flatten())
        energy = found.energy + (after - before).view(N, M)
        pose = self.refiner.pose(scene.cluster, angles, x).view(N, M, joints.shape[2], 3)
        return _rolled(pose, x[:, :2].view(N, M, 2), energy, roll, details)

    def _find(
        self,
        joints: Tensor,
        visible: Tensor | None,
        camera: CameraKnowledge,
        candidates: int,
        *,
        placed: bool,
    ) -> Found:
        """Search, with known tilts at the multiple of TILT_STEP that is next to each."""
        if visible is not None:
            joints = torch.where(visible[..., None], joints, 0.0)
        if camera.tilt is None or not len(joints):
            return self._search.search(joints, visible, modes=candidates, placed=placed)
        steps = np.round(camera.tilt / TILT_STEP).astype(int)
        parts, order = [], []
        for step in np.unique(steps):
            rows = torch.from_numpy(np.flatnonzero(steps == step)).to(joints.device)
            search = self._known_search(int(step))
            seen = None if visible is None else visible[rows]
            parts.append(search.search(joints[rows], seen, modes=candidates, placed=placed))
            order.append(rows)
        back = torch.cat(order).argsort()
        names = Found.__dataclass_fields__
        return Found(*(torch.cat([getattr(p, name) for p in parts])[back] for name in names))

    def _known_search(self, step: int) -> ViewSearch:
        if step not in self._known:
            while len(self._known) >= KEPT_TILTS:
                self._known.popitem(last=False)
            self._known[step] = self._made(
                np.array([step * TILT_STEP]), torch.zeros(1), tilt_prior=False
            )
        self._known.move_to_end(step)
        return self._known[step]

    def _made(self, tilts: NDArray[np.floating], rolls: Tensor, *, tilt_prior: bool) -> ViewSearch:
        forms = view_forms(
            self._mixture,
            azimuths=self._azimuths,
            tilts=tilts.tolist(),
            noise=self._noise,
            tilt_prior=tilt_prior,
            device=self.device,
        )
        return ViewSearch(forms, rolls, azimuths=self._azimuths, tilts=len(tilts))

    def _scene(
        self,
        unit: UnitJoints,
        camera: CameraKnowledge,
        joints: Tensor,
        weights: Tensor,
        found: Found,
        roll: Tensor,
    ) -> Scene:
        """Return the scenes of all candidates, one row each."""
        N, M = roll.shape
        bend = centre = tilt = None
        if camera.focal_px is not None and camera.centre_px is not None:
            each = self._tensor(unit.unit_px / camera.focal_px)
            off = self._tensor((unit.centre_px - camera.centre_px) / unit.unit_px[:, None])
            bend = each[:, None].expand(N, M).flatten()
            # (N, 2) -> (N, M, 1, 2), turned as the joints are
            centre = roll_back(off[:, None, None].expand(N, M, 1, 2), roll).flatten(0, 2)
        if camera.tilt is not None:
            tilt = self._tensor(camera.tilt)[:, None].expand(N, M).flatten()
        return make_scene(
            joints.flatten(0, 1),
            weights[:, None].expand(N, M, -1).flatten(0, 1),
            found.cluster.flatten(),
            bend=bend,
            centre=centre,
            known_tilt=tilt,
        )

    def _tensor(self, array: NDArray[np.floating]) -> Tensor:
        return torch.from_numpy(np.asarray(array, dtype=np.float32)).to(self.device)


def _counted(weights: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return (N, L) which joints count in the search: those with a fair part of the weight."""
    counted = weights >= COUNTS * weights.max(axis=1, keepdims=True, initial=1e-12)
    few = counted.sum(axis=1) < MIN_JOINTS
    counted[few] = weights[few] > 0
    return counted


def _searched(found: Found, roll: Tensor) -> Solved:
    """Return the solutions as the search found them."""
    L = (found.solution.shape[2] - 3) // 3
    pose, shift = found.solution[..., :-3].unflatten(2, (L, 3)), found.solution[..., -3:-1]
    return _rolled(pose, shift, found.energy, roll, None)


def _rolled(
    pose: Tensor, shift: Tensor, energy: Tensor, roll: Tensor, details: Details | None
) -> Solved:
    """Return solutions with the rolls put back that were taken out before the search."""
    if not bool((roll != 0).any()):
        return Solved(pose, shift, energy, details)
    flat = roll_back(pose[..., :2], -roll)
    shift = roll_back(shift[..., None, :], -roll)[..., 0, :]
    return Solved(torch.cat([flat, pose[..., 2:]], dim=-1), shift, energy, details)
