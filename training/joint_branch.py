"""What the fusion network's branch of the joints begins with: lifting learned from mocap alone."""

import logging
import time

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.mocap import MocapPack
from ..models.fusion_net import UNIT_MM, FusionNet
from ..models.joint_branch import joint_numbers
from ..poses.convert import convert_joints
from .fusion_loss import pose_error
from .lifting_samples import LiftingSamples, PoseDraws, training_rows
from .loop import Progress
from .schedule import learning_rate

log = logging.getLogger(__name__)

BATCH = 512
RATE = 2e-3


def teach_joint_branch(
    net: FusionNet,
    pack: MocapPack,
    samples: int,
    seed: int,
    device: torch.device,
    progress: Progress = lambda _: None,
) -> None:
    """Train the branch of the joints, if the network has one, to lift captured poses by itself.

    Motion capture has many more poses than pictures can be made of in the same time; what depth
    follows from joints alone is learned here, in a minute or two.

    Args:
        net: its `joints` are trained in place.
        pack: the poses of split 0 are used.
        samples: drawn from them; fewer than a batch of 512: none.
        seed: of the draws.
        device: of the network.
        progress: called after each step with seen, total, loss and samples_per_s.

    Raises:
        BadInput: the pack has no poses to train on.
    """
    if net.joints is None or samples < BATCH:
        return
    draws = PoseDraws(pack, training_rows(pack), LiftingSamples())
    net.joints.train()
    optimizer = torch.optim.AdamW(net.joints.parameters(), RATE, weight_decay=1e-2)
    rng = np.random.default_rng(seed)
    for seen in range(0, samples - BATCH + 1, BATCH):
        started = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(seen, samples, RATE, 20 * BATCH)
        numbers, truth = branch_samples(draws, BATCH, rng)
        _, lifted = net.joints(numbers.to(device))
        loss = pose_error(lifted.view(-1, *truth.shape[1:]), truth.to(device) / UNIT_MM)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.joints.parameters(), 5.0)
        optimizer.step()
        speed = BATCH / (time.perf_counter() - started)
        state = {"seen": seen + BATCH, "total": samples, "loss": float(loss.detach())}
        progress({**state, "samples_per_s": speed})
    log.info("the branch of the joints: %.1f mm", UNIT_MM * float(loss.detach()))


def branch_samples(draws: PoseDraws, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return what the branch takes, (N, 16, 3), and the true poses (N, 17, 3) in millimetres."""
    joints_px, confidence, joints_mm = draws(count, rng)
    placed = convert_joints(joints_px, confidence, "h36m17", "mpii16")
    height = np.where(np.isfinite(placed.joints).all(-1), placed.confidence, 0.0)
    px, high, truth = (
        torch.from_numpy(array).float()
        for array in (np.nan_to_num(placed.joints), height, joints_mm)
    )
    return joint_numbers(px, high), truth
