"""The losses of the fusion network: 3D truth (Tekin et al. 2017, eq. 4), 2D labels of photos."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.fusion_net import UNIT_MM, FusionNet
from ..poses.convert import convert_joints
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton

MPII = get_skeleton("mpii16")
MADE_UP = ("pelvis", "thorax")  # midpoints in labels, not joints that somebody has marked
ERRORS = ("distance", "squares")


@dataclass(frozen=True)
class FusionLoss:
    """Error in 3D, weighted error of the projection on photos, lambda / alpha^2.

    Attributes:
        error: "distance", the mean joint error, which is what is measured in the end; "squares",
            eq. 2's squared error, as a mean over joints.
        photos: weight of the 2D error.
        sharpness: lambda of eq. 4. The paper's 5,000 belongs to squared millimetres summed over
            17 joints: at alpha = 1 it is 6 % of an error of 70 mm a joint; 0.03 is 11 %.
    """

    error: str = "distance"
    photos: float = 1.0
    sharpness: float = 0.03

    def __post_init__(self) -> None:
        if self.error not in ERRORS:
            raise BadInput(f"error must be one of {', '.join(ERRORS)}, got {self.error!r}")
        for name in ("photos", "sharpness"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} must be 0 or more, got {getattr(self, name)}")

    def __call__(
        self, poses: Tensor, joints_mm: Tensor, labels_px: Tensor, net: FusionNet
    ) -> Tensor:
        """Return the loss of a batch whose first rows have 3D truth and whose rest is photos.

        Args:
            poses: (N, 17, 3) as the network gives them.
            joints_mm: (M, 17, 3) relative to the pelvis, M <= N.
            labels_px: (N - M, 16, 2) `mpii16`, NaN where not labelled.
            net: whose alpha is regularised.
        """
        M = len(joints_mm)
        loss = poses.sum() * 0  # a batch may lack either part
        if M:
            loss = loss + pose_error(poses[:M], joints_mm / UNIT_MM, self.error)
        if len(labels_px):
            loss = loss + self.photos * projection_error(poses[M:], labels_px)
        if net.config.fusion == "trainable" and int(net.settled_at) < 0:
            loss = loss + self.sharpness / net.alpha.square()
        return loss


def pose_error(poses: Tensor, truth: Tensor, error: str = "distance") -> Tensor:
    """Return the mean error of poses (N, 17, 3), roots together, in their unit (or its square).

    The square is the mean over poses and joints of eq. 2's.
    """
    square = (poses - truth).square().sum(-1)
    return square.mean() if error == "squares" else (square + 1e-8).sqrt().mean()


def projection_error(poses: Tensor, labels_px: Tensor) -> Tensor:
    """Return how far projected joints lie from the labels, as a part of the labels' spread.

    Each pose is put onto its labels by the weak-perspective camera of least squares, through
    which gradients flow. Photos with fewer than four labels do not count.

    Args:
        poses: (N, 17, 3) camera axes, any unit.
        labels_px: (N, 16, 2) `mpii16`, NaN where not labelled.
    """
    matrix = torch.from_numpy(_TO_MPII).to(poses)
    flat = torch.einsum("kj,njd->nkd", matrix, poses[..., :2])  # (N, 16, 2)
    counts = torch.isfinite(labels_px).all(-1) & torch.from_numpy(_MARKED).to(labels_px.device)
    counts = counts & (counts.sum(1, keepdim=True) >= 4)
    w = counts.to(flat)[..., None]
    total = w.sum(1, keepdim=True).clamp_min(1)
    labels = torch.where(counts[..., None], labels_px, 0.0).to(flat)
    labels = w * (labels - (w * labels).sum(1, keepdim=True) / total)
    flat = w * (flat - (w * flat).sum(1, keepdim=True) / total)
    spread = (labels.square().sum((1, 2)) / total[:, 0, 0]).clamp_min(1e-6).sqrt()
    own = flat.square().sum((1, 2)).clamp_min(1e-6)
    # a pose that looks the other way would be shrunk to a point: its size counts for something
    least = 0.2 * (labels.square().sum((1, 2)) / own).sqrt()
    scale = torch.maximum((flat * labels).sum((1, 2)) / own, least)
    apart = scale[:, None, None] * flat - labels
    lengths = (apart.square().sum(-1) + 1e-8 * spread[:, None] ** 2).sqrt() / spread[:, None]
    return (lengths * w[..., 0]).sum() / w.sum().clamp_min(1)


_TO_MPII = convert_joints(np.eye(17), None, "h36m17", "mpii16").joints.astype(np.float32)
_MARKED = np.array([name not in MADE_UP for name in MPII.joints])
