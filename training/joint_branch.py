"""What the fusion network's branch of the joints learns from beside pictures: poses in numbers."""

import logging
import time

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.mocap import MocapPack
from ..models.fusion_net import UNIT_MM, FusionNet
from ..models.joint_branch import joint_numbers
from ..poses.convert import convert_joints
from .found_joints import FoundJoints
from .fusion_loss import pose_error
from .lifting_samples import LiftingSamples, PoseDraws, training_rows
from .loop import Progress
from .schedule import learning_rate

log = logging.getLogger(__name__)

BATCH = 512
RATE = 2e-3


class BranchDraws:
    """Draw joints and poses from motion capture, and from what a detector found in pictures.

    Args:
        pack: the poses of split 0 are used, with a detector's errors drawn; None: no such poses.
        found: joints with the errors of one detector; None: none. With both, half come from each.

    Raises:
        BadInput: the pack has no poses to train on.
    """

    def __init__(self, pack: MocapPack | None, found: FoundJoints | None) -> None:
        self.found = found
        self.poses = PoseDraws(pack, training_rows(pack), LiftingSamples()) if pack else None

    def __bool__(self) -> bool:
        return self.poses is not None or self.found is not None

    def __call__(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return what the branch takes, (N, 16, 3), and the true poses (N, 17, 3) in millimetres.

        Args:
            count: N.
            rng: source of all draws.
        """
        if self.found is None:
            return self._captured(count, rng)
        if self.poses is None:
            return self.found.draw(count, rng)
        parts = self._captured(count - count // 2, rng), self.found.draw(count // 2, rng)
        numbers, truth = (torch.cat(part) for part in zip(*parts, strict=True))
        return numbers, truth

    def _captured(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        assert self.poses is not None
        joints_px, confidence, joints_mm = self.poses(count, rng)
        placed = convert_joints(joints_px, confidence, "h36m17", "mpii16")
        height = np.where(np.isfinite(placed.joints).all(-1), placed.confidence, 0.0)
        px, high, truth = (
            torch.from_numpy(array).float()
            for array in (np.nan_to_num(placed.joints), height, joints_mm)
        )
        return joint_numbers(px, high), truth


def teach_joint_branch(
    net: FusionNet,
    draws: BranchDraws,
    samples: int,
    seed: int,
    device: torch.device,
    progress: Progress = lambda _: None,
) -> None:
    """Train the branch of the joints, if the network has one, to lift poses by itself.

    There are many more poses in numbers than pictures can be made of in the same time; what depth
    follows from joints alone is learned here, in a minute or two.

    Args:
        net: its `joints` are trained in place.
        draws: of joints and poses; empty: nothing is taught.
        samples: drawn from them; fewer than a batch of 512: none.
        seed: of the draws.
        device: of the network.
        progress: called after each step with seen, total, loss and samples_per_s.
    """
    if net.joints is None or not draws or samples < BATCH:
        return
    net.joints.train()
    optimizer = torch.optim.AdamW(net.joints.parameters(), RATE, weight_decay=1e-2)
    rng = np.random.default_rng(seed)
    for seen in range(0, samples - BATCH + 1, BATCH):
        started = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(seen, samples, RATE, 20 * BATCH)
        loss = branch_error(net, *draws(BATCH, rng), device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.joints.parameters(), 5.0)
        optimizer.step()
        speed = BATCH / (time.perf_counter() - started)
        state = {"seen": seen + BATCH, "total": samples, "loss": float(loss.detach())}
        progress({**state, "samples_per_s": speed})
    log.info("the branch of the joints: %.1f mm", UNIT_MM * float(loss.detach()))


def branch_error(net: FusionNet, numbers: Tensor, truth: Tensor, device: torch.device) -> Tensor:
    """Return the mean error of the branch's own poses against (N, 17, 3) mm, in its unit."""
    assert net.joints is not None
    _, lifted = net.joints(numbers.to(device))
    return pose_error(lifted.view(-1, *truth.shape[1:]), truth.to(device) / UNIT_MM)
