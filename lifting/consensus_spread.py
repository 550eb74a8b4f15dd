"""How far the groups' hypotheses lie apart: the consensus's own uncertainty."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def hypothesis_spread_mm(
    hypotheses_mm: Tensor,
    membership: ArrayLike,
    translations_mm: Tensor,
    weights: Tensor | None = None,
) -> Tensor:
    """Return each joint's standard deviation over the groups, once they are aligned.

    The weighted root mean square distance of the groups' positions of a joint, moved by the
    consensus's translations, from their weighted mean.

    Args:
        hypotheses_mm: (N, G, J, 3) as given to `solve_consensus`.
        membership: (G, J) bool, the joints of each group.
        translations_mm: (N, G, 3) as `solve_consensus` returns them.
        weights: (N, G, J), or None for ones.

    Returns:
        (N, J) mm; NaN where fewer than two groups see the joint.

    >>> apart = torch.tensor([0.0, 6.0])[None, :, None, None].expand(1, 2, 2, 3)
    >>> hypothesis_spread_mm(apart, np.ones((2, 2)), torch.zeros(1, 2, 3)).tolist()
    [[5.196152210235596, 5.196152210235596]]
    """
    member = torch.as_tensor(np.asarray(membership, dtype=bool), device=hypotheses_mm.device)
    at = hypotheses_mm + translations_mm[:, :, None]
    seen = at.isfinite().all(dim=3) & member
    w = seen.to(at.dtype) if weights is None else weights.to(at.dtype) * seen
    at = torch.where(seen[..., None], at, 0.0)
    share = (w / w.sum(dim=1, keepdim=True))[..., None]
    mean = (share * at).sum(dim=1, keepdim=True)
    spread = (share * (at - mean).square()).sum(dim=(1, 3)).sqrt()
    return torch.where((w > 0).sum(dim=1) > 1, spread, torch.nan)
