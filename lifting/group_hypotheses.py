"""The weak lifters at work: 2D joints to one 3D hypothesis of each joint group."""

import numpy as np
import torch
from torch import Tensor, nn

from ..models.residual_mlp import FusedMLP
from .joint_groups import Groups, group_membership
from .joint_inputs import JointInputs

UNIT_MM = 250.0  # of the networks' outputs
# A group counts less by exp(-MISSED) for each of its joints that the 2D pose lacks.
MISSED = 0.7


class GroupHypotheses(nn.Module):
    """All groups' lifters: eq. 3 of Cha et al. (2018) for every group at once.

    Args:
        networks: inputs (x, y, confidence) and outputs (x, y, z in `UNIT_MM`) of each joint.
        groups: G tuples of `size` joint indices.
        n_joints: of the skeleton.
    """

    def __init__(self, networks: FusedMLP, groups: Groups, n_joints: int) -> None:
        super().__init__()
        self.networks = networks
        self.groups = groups
        self.membership: np.ndarray = group_membership(groups, n_joints)
        self.n_joints = n_joints
        self.index: Tensor
        self.register_buffer("index", torch.tensor(groups), persistent=False)  # (G, size)

    def forward(self, inputs: JointInputs) -> tuple[Tensor, Tensor]:
        """Return hypotheses (N, G, J, 3) mm and weights (N, G, J).

        Each group's hypothesis has its own origin; joints outside the group are 0 with weight 0.
        """
        N, (G, size) = len(inputs.features), self.index.shape
        members = inputs.features[:, self.index]  # (N, G, size, 3)
        x = members.transpose(0, 1).reshape(G, N, size * 3)
        lifted = UNIT_MM * self.networks(x).view(G, N, size, 3).transpose(0, 1)
        hypotheses = lifted.new_zeros(N, G, self.n_joints, 3)
        hypotheses[:, torch.arange(G, device=x.device)[:, None], self.index] = lifted
        missed = (1 - members[..., 2]).sum(dim=2)  # (N, G)
        trust = torch.exp(-MISSED * (missed - missed.amin(dim=1, keepdim=True)))
        belongs = torch.as_tensor(self.membership, dtype=trust.dtype, device=x.device)
        return hypotheses, trust[..., None] * belongs
