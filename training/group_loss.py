"""The losses of the group lifter (Cha et al. 2018, eq. 4 and 12), and one on the consensus."""

import torch
from torch import Tensor

from ..lifting.consensus_layout import layout_of
from ..lifting.joint_groups import Groups, group_membership
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton

BODY = get_skeleton("h36m17")


class GroupLoss:
    """L_lifting + `aggregation` L_aggre + `together` L_consensus of the groups' hypotheses.

    L_lifting (eq. 4) is each group's error, L_aggre (eq. 12) how far the groups are from what they
    agree on. L_consensus, not in the paper, is the error of that common pose, relative to the
    root: it trains the groups together for what is made of them.

    All are mean distances, where the paper squares: the error that counts is a mean distance, and
    squares would answer what 2D joints leave open with poses in between. The common pose is
    that of least squares, which is linear in the hypotheses, for eq. 8 would take its time.

    Args:
        groups: G tuples of n_g joints of h36m17 in rising order.
        aggregation: weight of L_aggre; 0 leaves it out.
        together: weight of L_consensus; 0 leaves it out.
        device: of the tensors.

    Raises:
        BadInput: a group's joints are in another order.
    """

    def __init__(
        self, groups: Groups, *, aggregation: float, together: float, device: torch.device
    ) -> None:
        for group in groups:
            if tuple(sorted(group)) != tuple(group):
                raise BadInput(
                    f"a group's joints must be in rising order, got {tuple(group)}; "
                    "`given_groups` sorts them"
                )
        self.index = torch.tensor(groups, device=device)  # (G, n_g)
        several = len(groups) > 1
        self.aggregation = aggregation if several else 0.0
        self.together = together if several else 0.0
        self.layout = layout_of(group_membership(groups, BODY.n_joints), torch.float32, device)

    def __call__(self, lifted: Tensor, truth: Tensor) -> Tensor:
        """Return the loss of hypotheses (N, G, n_g, 3) for true poses (N, 17, 3), same unit.

        Each group is compared with its mean at the origin: where it stands is left open.
        """
        lifted = lifted - lifted.mean(dim=2, keepdim=True)
        wanted = truth[:, self.index]
        loss = _distance(lifted - (wanted - wanted.mean(dim=2, keepdim=True)))
        if not (self.aggregation or self.together):
            return loss
        members = lifted.flatten(1, 2).permute(1, 2, 0)  # (N, G, n_g, 3) -> (M, 3, N)
        if self.aggregation:
            apart = members - self.layout.project(members)
            loss = loss + self.aggregation * _distance(apart.permute(2, 0, 1))
        if self.together:
            pose = self.layout.solve(members)[0]  # (N, 17, 3)
            pose, truth = (p - p[:, BODY.root : BODY.root + 1] for p in (pose, truth))
            loss = loss + self.together * _distance(pose - truth)
        return loss


def _distance(difference: Tensor) -> Tensor:
    """Return the mean length of (..., 3) vectors; a root of exactly 0 has no gradient."""
    return (difference.square().sum(dim=-1) + 1e-8).sqrt().mean()
