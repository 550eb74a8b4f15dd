"""Detector and group lifter as one differentiable graph (Cha et al. 2018, section 6)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..detectors.crop_inference import raw_confidence, to_maps
from ..detectors.heatmap import cells_to_px, decode_expectation, px_to_cells
from ..lifting.group_hypotheses import UNIT_MM
from ..lifting.joint_groups import Groups
from ..lifting.joint_inputs import joint_inputs
from ..models.heatmap_net import HeatmapNet
from ..models.hourglass import StackedHourglass
from ..models.residual_mlp import ResidualMLP
from ..poses import Skeleton, convert_joints, get_skeleton
from ..poses.errors import BadInput
from .group_loss import GroupLoss
from .losses import cross_entropy, squared_error


@dataclass(frozen=True)
class EndToEndOutput:
    """What the graph gives for N crops.

    Attributes:
        scores: of each stack, (N, J, H, W): what L_2d is taken of.
        joints_px: (N, J, 2) by the domain conversion layer, pixels of the network's input.
        lifted: (N, G, n_g, 3) hypotheses in units of `UNIT_MM`.
    """

    scores: list[Tensor]
    joints_px: Tensor
    lifted: Tensor


class EndToEnd(nn.Module):
    """Heatmaps, domain conversion (eq. 13), the groups' lifters.

    Args:
        detector: an hourglass with one map for each joint of `skeleton`.
        lifters: the groups' networks.
        groups: the joints of h36m17 that each network lifts.
        skeleton: of the maps.
        frozen: stem and first stacks of the hourglass that do not learn (the paper: 5 of 8); 0
            lets everything learn.

    Raises:
        BadInput: `frozen` stacks that the hourglass does not have.
    """

    def __init__(
        self,
        detector: HeatmapNet,
        lifters: ResidualMLP,
        groups: Groups,
        skeleton: str | Skeleton,
        frozen: int = 0,
    ) -> None:
        super().__init__()
        if frozen and not isinstance(detector, StackedHourglass):
            raise BadInput("only a stacked hourglass without an encoder can be frozen in part")
        if not 0 <= frozen <= len(detector.stacks):
            raise BadInput(
                f"frozen must be from 0 to the hourglass's {len(detector.stacks)} stacks, "
                f"got {frozen}"
            )
        self.detector, self.lifters, self.frozen = detector, lifters, frozen
        source = get_skeleton(skeleton)
        # converting the unit vectors gives the matrix of the conversion, NaN where it lacks a joint
        matrix = convert_joints(np.eye(source.n_joints), None, source, "h36m17").joints
        self.conversion: Tensor
        self.index: Tensor
        self.register_buffer("conversion", torch.tensor(matrix, dtype=torch.float32))
        self.register_buffer("index", torch.tensor(groups))
        for module in self._still():
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> "EndToEnd":
        """Switch to training; what is frozen keeps its batch statistics."""
        super().train(mode)
        for module in self._still():
            module.eval()
        return self

    def forward(self, images: Tensor) -> EndToEndOutput:
        """Return maps, 2D joints and hypotheses for crops (N, 3, S, S)."""
        scores = self.detector(images)
        kind = self.detector.config.output
        maps = to_maps(scores[-1], kind)
        cells = decode_expectation(maps)
        joints_px = cells_to_px(cells, self.detector.stride)
        found = raw_confidence(maps, cells, kind).detach()
        known = torch.isfinite(self.conversion).all(dim=1)
        matrix = self.conversion.nan_to_num(0.0)
        body_px = torch.einsum("kj,njd->nkd", matrix, joints_px)
        # as `convert_joints`: a midpoint has the smaller confidence of its two joints
        believed = torch.where(matrix > 0, found[:, None], torch.inf).amin(dim=2)
        confidence = torch.where(known, believed, 0.0)
        features = joint_inputs(body_px, confidence).features[:, self.index].flatten(2)
        lifted = self.lifters(features).view(len(images), *self.index.shape, 3)
        return EndToEndOutput(scores, joints_px, lifted)

    def _still(self) -> list[nn.Module]:
        """Return the parts that do not learn."""
        if not self.frozen:
            return []
        net = self.detector
        stem = [net.conv, net.norm, net.stem1, net.stem2, net.stem3]
        return [*stem, *net.stacks[: self.frozen]]


@dataclass(frozen=True)
class EndToEndLoss:
    """L_e2e = alpha L_2d + L_lifting + L_aggre (eq. 14).

    Attributes:
        groups: L_lifting + L_aggre.
        output: of the hourglass, which decides L_2d.
        stride: of its maps.
        alpha: weight of L_2d (the paper: 100).
        variance: of the target Gaussians, squared cells (the paper: 3).
    """

    groups: GroupLoss
    output: str
    stride: int
    alpha: float = 100.0
    variance: float = 3.0

    def __call__(self, found: EndToEndOutput, joints_px: Tensor, joints_mm: Tensor) -> Tensor:
        """Return the loss for true joints (N, J, 2) of the input's pixels and (N, 17, 3) mm."""
        loss_of = cross_entropy if self.output == "softmax" else squared_error
        cells = px_to_cells(joints_px, self.stride)
        flat = torch.stack([loss_of(score, cells, self.variance) for score in found.scores]).mean()
        return self.alpha * flat + self.groups(found.lifted, joints_mm / UNIT_MM)
