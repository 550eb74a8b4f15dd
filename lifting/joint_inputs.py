"""2D joints as a network takes them: free of the image's size and of where the person stands."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .body_joints import MIN_JOINTS

SMALLEST_PX = 1e-3  # bodies smaller than this are one point


@dataclass(frozen=True)
class JointInputs:
    """N poses, their joints moved to their middle and divided by their mean distance from it.

    pixels = features[..., :2] * unit_px + centre_px.

    Attributes:
        features: (N, J, 3) x right, y down, confidence; all 0 for a joint that does not count.
        centre_px: (N, 2).
        unit_px: (N,).
        usable: (N,) whether enough joints count and they are not all at one point.
    """

    features: Tensor
    centre_px: Tensor
    unit_px: Tensor
    usable: Tensor

    def float(self) -> "JointInputs":
        """Return the same in float32."""
        return JointInputs(
            self.features.float(), self.centre_px.float(), self.unit_px.float(), self.usable
        )

    def to(self, device: torch.device) -> "JointInputs":
        """Return the same on a device."""
        return JointInputs(
            self.features.to(device),
            self.centre_px.to(device),
            self.unit_px.to(device),
            self.usable.to(device),
        )


def joint_inputs(joints_px: Tensor, confidence: Tensor) -> JointInputs:
    """Return the network's inputs for 2D joints; differentiable in `joints_px`.

    Middle and mean distance are weighted by the confidences.

    Args:
        joints_px: (N, J, 2) pixels; what is not finite does not count.
        confidence: (N, J); clipped to 0..1.
    """
    counts = torch.isfinite(joints_px).all(dim=-1)
    weights = torch.where(counts, confidence.nan_to_num(0.0).clamp(0, 1), 0.0)  # (N, J)
    joints = torch.where((weights > 0)[..., None], joints_px, 0.0)
    total = weights.sum(dim=1).clamp_min(1e-12)
    centre_px = (weights[..., None] * joints).sum(dim=1) / total[:, None]
    offset = joints - centre_px[:, None]
    # a root of exactly 0 has no gradient
    distance = (offset.square().sum(dim=-1) + 1e-12).sqrt()
    unit_px = (weights * distance).sum(dim=1) / total
    usable = ((weights > 0).sum(dim=1) >= MIN_JOINTS) & (unit_px > SMALLEST_PX)
    unit_px = torch.where(usable, unit_px, 1.0)
    found = (weights > 0)[..., None] & usable[:, None, None]
    scaled = torch.where(found, offset / unit_px[:, None, None], 0.0)
    return JointInputs(
        torch.cat([scaled, torch.where(found[..., 0], weights, 0.0)[..., None]], dim=-1),
        centre_px,
        unit_px,
        usable,
    )
