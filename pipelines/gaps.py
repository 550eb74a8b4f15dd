"""Fill what is missing between two samples, up to a limit in seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

GAP_TRUST = 0.3  # a filled sample has this part of its neighbours' confidence


def fill_gaps(time_s: Array, values: Array, weights: Array, limit_s: float) -> tuple[Array, Array]:
    """Return the samples with short gaps filled on the straight line between the neighbours.

    Args:
        time_s: (T,) rising times.
        values: (T, S, C) samples of S signals; those of weight 0 are missing.
        weights: (T, S) from 0 to 1.
        limit_s: the most from the last sample before a gap to the first one after it.

    Returns:
        Values (T, S, C) and weights (T, S). A filled sample weighs `GAP_TRUST` times what the line
        between its neighbours' weights gives; in longer gaps and at the ends the weight stays 0.

    >>> values = np.array([0, np.nan, 6]).reshape(3, 1, 1)
    >>> time_s, weights = np.array([0, 0.1, 0.3]), np.array([[1.0], [0], [1]])
    >>> filled, weights = fill_gaps(time_s, values, weights, 0.5)
    >>> filled[:, 0, 0].round(6), weights[:, 0]
    (array([0., 2., 6.]), array([1. , 0.3, 1. ]))
    """
    found = (weights > 0) & np.isfinite(values).all(-1)
    if found.all():
        return values, weights
    before, after, part = neighbours(time_s, found, limit_s)
    signal = np.arange(weights.shape[1])
    line = (1 - part)[..., None] * values[before, signal] + part[..., None] * values[after, signal]
    trust = GAP_TRUST * ((1 - part) * weights[before, signal] + part * weights[after, signal])
    fill = ~found & np.isfinite(part)
    filled = np.where(fill[..., None], line, values)
    return filled, np.where(found, weights, np.where(fill, trust, 0.0))


def neighbours(
    time_s: Array, found: NDArray[np.bool_], limit_s: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Return for each time (T, S) the rows of the samples before and after it, and its part.

    The part is 0 at the one before and 1 at the one after, NaN where one of them does not exist or
    they are further apart than `limit_s`. A sample that was found is its own neighbour, part 0.
    """
    T = len(time_s)
    row = np.arange(T)[:, None]
    before = np.maximum.accumulate(np.where(found, row, -1), axis=0)
    after = np.minimum.accumulate(np.where(found, row, T)[::-1], axis=0)[::-1]
    inside = (before >= 0) & (after < T)
    before, after = np.maximum(before, 0), np.minimum(after, T - 1)
    span = time_s[after] - time_s[before]
    part = (time_s[:, None] - time_s[before]) / np.where(span > 0, span, 1.0)
    return before, after, np.where(inside & (span <= limit_s * (1 + 1e-9)), part, np.nan)
