"""What weights change in the consensus: where to start, and which joints can be placed."""

import torch
from torch import Tensor

from .consensus_layout import Layout


def weighted_start(rows: Tensor, weights: Tensor, layout: Layout) -> Tensor:
    """Return A [X; t] of the weighted least squares fit to the rows.

    With the translations eliminated the normal equations are one J x J matrix a pose. Joints
    without weight come out near the mean of the others.

    Args:
        rows: (M, 3, B) hypotheses, any number where the weight is zero.
        weights: (M, 1, B), at most 1.

    Returns:
        (M, 3, B).
    """
    W = layout.unpack(weights)  # (B, G, J, 1)
    H = layout.unpack(rows)  # (B, G, J, 3)
    share = W / W.sum(dim=2, keepdim=True).clamp_min(1e-12)
    H = H - (share * H).sum(dim=2, keepdim=True)
    W, share = W.squeeze(3), share.squeeze(3)
    K = torch.diag_embed(W.sum(dim=1)) - W.transpose(1, 2) @ share  # (B, J, J)
    scale = W.sum(dim=(1, 2)).clamp_min(1e-6)[:, None, None] / layout.J
    eye = torch.eye(layout.J, dtype=rows.dtype, device=rows.device)
    X = torch.linalg.solve(K + scale * (1e-4 * eye + 1 / layout.J), (W[..., None] * H).sum(dim=1))
    t = (share[..., None] * (H - X[:, None])).sum(dim=2)
    whole = layout.unpack(rows) - H + X[:, None] + t[:, :, None]  # (B, G, J, 3)
    return layout.pack(whole)


def placed_joints(weights: Tensor, layout: Layout, root: int) -> Tensor:
    """Return which joints hang together by groups that see them: all others cannot be placed.

    Two joints hang together where one group gives both a weight. Of several parts that do not
    hang together, the root's counts; where no other joint hangs on the root, the largest.

    Args:
        weights: (M, 1, B).
        root: index of the root joint.

    Returns:
        (B, J) bool.
    """
    seen = (layout.unpack(weights).squeeze(3) > 0).to(weights.dtype)  # (B, G, J)
    reached = torch.zeros(len(seen), layout.J, 1, dtype=seen.dtype, device=seen.device)
    reached[:, root] = 1
    for _ in range(layout.J):
        more = (seen.transpose(1, 2) @ (seen @ reached) > 0).to(seen.dtype)
        if torch.equal(more, reached):
            break
        reached = more
    placed = reached.squeeze(2) > 0
    alone = (placed.sum(dim=1) < 2).nonzero().squeeze(1)
    if len(alone):
        placed[alone] = _largest_part(seen[alone])
    return placed


def _largest_part(seen: Tensor) -> Tensor:
    """Return (B, J) the largest part of two or more joints that hang together."""
    link = (seen.transpose(1, 2) @ seen > 0).to(seen.dtype)  # (B, J, J)
    for _ in range(int(link.shape[1]).bit_length()):
        link = (link @ link > 0).to(seen.dtype)
    sizes = link.sum(dim=2)
    largest = link[torch.arange(len(link), device=link.device), sizes.argmax(dim=1)]
    return (largest > 0) & (sizes.amax(dim=1, keepdim=True) > 1)
