"""The group lifter of Cha et al., "Deep Pose Consensus Networks" (2018)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..models.device import choose_device
from ..models.residual_mlp import FusedMLP
from ..models.tensor_file import read_tensors, write_tensors
from ..models.weights_file import built_from
from ..poses import Pose2D, Pose3D, Skeleton, get_skeleton
from ..poses.errors import BadInput, NotFitted, WeightsMissing
from .body_joints import body_arrays, body_poses
from .consensus import NORMS, solve_consensus
from .consensus_spread import hypothesis_spread_mm
from .group_hypotheses import GroupHypotheses
from .joint_groups import Groups, given_groups
from .joint_inputs import joint_inputs
from .posed import posed

BATCH = 4096  # poses lifted together


class ConsensusLifter:
    """Lift 2D poses by many small networks that each see a few joints, and their consensus.

    Each joint group has a network that lifts its joints (section 4.2); the l2,1 consensus
    (section 5) brings the partial hypotheses together, so that one that is wrong has little say.
    Joints without confidence do not count: groups that lack fewer joints lead.

    The networks are trained by `lift3d train consensus`, or loaded.

    Args:
        norm: of the consensus, "l21" (eq. 8) or "l1" (eq. 7).
        device: "cpu", "cuda", "cuda:1", "mps" or "auto".

    Raises:
        BadInput: there is no such norm.

    Attributes:
        hypotheses_: the groups' networks, a `GroupHypotheses`.
        sigma_: a and b of sigma^2 = a^2 + (b spread)^2 in mm^2, a joint's expected variance, the
            mean over directions.

    >>> ConsensusLifter().lift_arrays(np.zeros((1, 17, 2)), skeleton="h36m17")
    Traceback (most recent call last):
    lift3d.poses.errors.NotFitted: this ConsensusLifter has no networks yet; ...
    """

    needs: frozenset[str] = frozenset()
    hypotheses_: GroupHypotheses
    sigma_: tuple[float, float]

    def __init__(self, *, norm: str = "l21", device: str = "cpu") -> None:
        if norm not in NORMS:
            raise BadInput(f"norm must be one of {NORMS}, got {norm!r}")
        self.norm = norm
        self.device = device

    @property
    def skeleton(self) -> Skeleton:
        """Return the skeleton of the 3D poses, h36m17."""
        return get_skeleton("h36m17")

    def lift(self, poses: Sequence[Pose2D]) -> list[Pose3D]:
        """Return a 3D pose for each 2D pose, in the same order, of any mix of skeletons.

        `sigma_mm` comes from the spread of the groups' hypotheses, see `lift_with_sigma`. A joint
        that the 2D pose lacks has half the mean confidence of its neighbours in the skeleton. A
        pose of which too little is seen comes back as NaN with confidence 0 and no camera.

        Raises:
            NotFitted: there are no networks yet.
        """
        self._networks()
        joints, weights = body_poses(poses)
        joints_mm, sigma_mm = self._lifted(joints, weights)
        return posed(poses, joints_mm, joints, weights, self.skeleton, sigma_mm)

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
            NotFitted: there are no networks yet.
            BadInput: shapes that do not fit the skeleton, or an unknown one.
        """
        return self.lift_with_sigma(joints_px, confidence, skeleton=skeleton)[0]

    def lift_with_sigma(
        self,
        joints_px: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        skeleton: str | Skeleton,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the 3D joints of many 2D poses and how far off they may be.

        Args and errors: as `lift_arrays`.

        Returns:
            (N, 17, 3) as `lift_arrays`, and (N, 17) float32 standard deviations in millimetres,
            relative to the root (whose own is 0), a mean over directions.
        """
        self._networks()
        joints, weights = body_arrays(joints_px, confidence, skeleton)
        return self._lifted(joints, weights)

    def save(self, path: str | Path) -> None:
        """Write the networks, as float16, and the groups to a safetensors file.

        Raises:
            NotFitted: there are no networks yet.
        """
        hypotheses = self._networks()
        networks = hypotheses.networks
        layers = zip(networks.matrices, networks.shifts, strict=True)
        tensors = {}
        for number, (matrix, shift) in enumerate(layers):
            tensors[f"matrix{number}"] = matrix.half()
            tensors[f"shift{number}"] = shift[:, 0].half()
        metadata = {
            "kind": "consensus",
            "skeleton": self.skeleton.name,
            "groups": hypotheses.groups,
            "sigma": self.sigma_,
            "config": {"norm": self.norm},
        }
        write_tensors(Path(path), tensors, metadata)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> "ConsensusLifter":
        """Return the lifter that `save` wrote.

        Raises:
            WeightsMissing: no such file, none of a consensus lifter, or one that does not fit
                itself.
        """
        tensors, metadata = read_tensors(Path(path))
        if metadata.get("kind") != "consensus":
            raise WeightsMissing(
                f"{path} holds weights of kind {metadata.get('kind')!r}, expected 'consensus'; "
                "give a file that ConsensusLifter.save or `lift3d train consensus` wrote"
            )
        count = len(tensors) // 2
        choose_device(device)  # a wrong one is not the file's fault
        with built_from(path):
            networks = FusedMLP(
                [tensors[f"matrix{k}"] for k in range(count)],
                [tensors[f"shift{k}"] for k in range(count)],
            )
            groups = tuple(tuple(group) for group in metadata["groups"])
            sigma = (float(metadata["sigma"][0]), float(metadata["sigma"][1]))
            return cls.of(networks, groups, sigma=sigma, **metadata["config"], device=device)

    @classmethod
    def of(
        cls,
        networks: FusedMLP,
        groups: Groups,
        *,
        sigma: tuple[float, float] = (0.0, 1.0),
        **settings: Any,
    ) -> "ConsensusLifter":
        """Return a lifter with trained networks.

        Args:
            networks: one for each group.
            groups: the joints that each sees.
            sigma: what `sigma_` becomes.
            settings: as for the constructor.

        Raises:
            BadInput: the groups are not usable or not the networks'.
        """
        lifter = cls(**settings)
        lifter.sigma_ = sigma
        n_joints = lifter.skeleton.n_joints
        given_groups(groups, n_joints)  # raises where they are not usable
        networks.check(len(groups), 3 * len(groups[0]))
        hypotheses = GroupHypotheses(networks, groups, n_joints)
        lifter.hypotheses_ = hypotheses.eval().to(choose_device(lifter.device))
        return lifter

    def _networks(self) -> GroupHypotheses:
        """Return the networks; raise NotFitted where there are none."""
        if not hasattr(self, "hypotheses_"):
            raise NotFitted(
                "this ConsensusLifter has no networks yet; "
                "use ConsensusLifter.load(path) or `lift3d train consensus`"
            )
        return self.hypotheses_

    def _lifted(
        self, joints_px: np.ndarray, confidence: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, 17, 3) poses and (N, 17) standard deviations, NaN where not usable."""
        joints = torch.from_numpy(joints_px).double()
        weights = torch.from_numpy(confidence).double()
        poses_mm = np.empty((*joints.shape[:2], 3), dtype=np.float32)
        sigma_mm = np.empty(joints.shape[:2], dtype=np.float32)
        for begin in range(0, len(joints), BATCH):
            chunk = slice(begin, begin + BATCH)
            pose, sigma = self._lift_chunk(joints[chunk], weights[chunk])
            poses_mm[chunk], sigma_mm[chunk] = pose.cpu().numpy(), sigma.cpu().numpy()
        return poses_mm, sigma_mm

    @torch.inference_mode()
    def _lift_chunk(self, joints_px: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        # prepared in float64, which not every device knows
        inputs = joint_inputs(joints_px, confidence).float().to(self.hypotheses_.index.device)
        hypotheses_mm, weights = self.hypotheses_(inputs)
        membership = self.hypotheses_.membership
        found = solve_consensus(hypotheses_mm, membership, weights, norm=self.norm)
        spread = hypothesis_spread_mm(hypotheses_mm, membership, found.translations_mm, weights)
        floor, slope = self.sigma_
        # a joint that one group alone sees has no spread
        sigma = (floor**2 + (slope * spread.nan_to_num(0.0)) ** 2).sqrt()
        sigma[:, self.skeleton.root] = 0.0
        lost = ~inputs.usable
        pose = found.pose_mm.masked_fill(lost[:, None, None], torch.nan)
        return pose, sigma.masked_fill(lost[:, None], torch.nan)
