"""How sure a lifter is of joints that it placed without having seen them."""

import numpy as np
from numpy.typing import NDArray

from ..poses import Skeleton

Array = NDArray[np.floating]

INFERRED = 0.5  # a joint that only the model places has this part of its neighbours' confidence


def fill_confidence(confidence: Array, skeleton: Skeleton) -> Array:
    """Return confidences in which a joint that was not seen has a part of its neighbours'.

    A joint with confidence 0 gets half the mean confidence of the joints that a bone ties it to;
    one without any seen neighbour gets half of what those have then, and so on.

    Args:
        confidence: (N, L) from 0 to 1.
        skeleton: the skeleton of the L joints.
    """
    tied = np.zeros((skeleton.n_joints, skeleton.n_joints))
    for parent, child in skeleton.bones:
        tied[parent, child] = tied[child, parent] = 1.0
    share = INFERRED * tied / tied.sum(axis=1)
    filled = np.asarray(confidence, dtype=np.float64)
    for _ in range(skeleton.n_joints):
        filled = np.where(filled > 0, filled, filled @ share)
        if (filled > 0).all(axis=1).sum() == (filled > 0).any(axis=1).sum():
            break
    return filled
