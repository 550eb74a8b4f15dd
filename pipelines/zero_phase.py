"""Zero-phase low-pass filters of weighted, unevenly timed samples: outputs neither lag nor lead."""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

_FREE = 1e-9  # precision of what no sample determines


def butterworth(
    time_s: Array, values: Array, weights: Array, *, cutoff_hz: float, order: int = 3
) -> Array:
    """Return samples filtered as by a Butterworth filter run forward and backward.

    The amplitude of frequency f is multiplied by 1 / (1 + (f / cutoff)^(2 order)), that of
    Butterworth (1930) squared, without a shift of phase. This is also the response of the smoothing
    spline, which minimises, with the cutoff c in radians a second,

        sum_i w_i dt_i (x(t_i) - y_i)^2 + c^(-2 order) integral (d^order x / dt^order)^2 dt

    (Wahba, "Spline models for observational data", 1990, chapter 1), and it is computed as such:
    the spline needs no even time steps and lets each sample count by its weight.

    Args:
        time_s: (T,) rising times.
        values: (T, S, C) samples of S signals with C channels; what has weight 0 may be NaN.
        weights: (T, S) from 0 to 1. The cutoff holds for weight 1; lower weights are smoothed more.
        cutoff_hz: frequency that is halved.
        order: 2 or 3.

    Returns:
        (T, S, C) filtered; NaN for a signal without any weight.
    """
    from scipy.linalg import solveh_banded

    T, S, C = values.shape
    u = 2 * np.pi * cutoff_hz * np.asarray(time_s, float)
    prior = _prior_bands(np.diff(u), order)
    weights = np.where(np.isfinite(values).all(-1), weights, 0.0) * steps(u)[:, None]
    data = np.where(weights[..., None] > 0, values, 0.0) * weights[..., None]
    result = np.full((T, S, C), np.nan)
    for s in range(S):
        if not weights[:, s].any():
            continue
        bands, right = prior.copy(), np.zeros((T * order, C))
        bands[-1, ::order] += weights[:, s]
        right[::order] = data[:, s]
        result[:, s] = solveh_banded(bands, right, check_finite=False)[::order]
    return result


def steps(time: Array) -> Array:
    """Return the stretch of time (T,) that each sample stands for."""
    if len(time) == 1:
        return np.ones(1)
    gaps = np.diff(time)
    return np.concatenate([gaps[:1], (gaps[1:] + gaps[:-1]) / 2, gaps[-1:]])


def _prior_bands(du: Array, order: int) -> Array:
    """Return the spline's precision in upper banded form (2 order, T order).

    Unknown are the value and its first order - 1 derivatives at each time; over a step the highest
    is a Wiener process, so that the state moves by x' = F x + noise of covariance Q.
    """
    m, T = order, len(du) + 1
    F, inverse = _steps(du, m)
    blocks = np.zeros((T, m, m))
    blocks[:] = np.diag([0.0] + [_FREE] * (m - 1))
    cross = -np.swapaxes(F, 1, 2) @ inverse  # (T - 1, m, m), rows i, columns i + 1
    blocks[:-1] -= cross @ F
    blocks[1:] += inverse
    bands = np.zeros((2 * m, T * m))
    for a in range(m):
        for b in range(m):
            if b >= a:
                bands[2 * m - 1 - (b - a), b::m] = blocks[:, a, b]
            bands[m - 1 - (b - a), m + b :: m] = cross[:, a, b]
    return bands


def _steps(du: Array, m: int) -> tuple[Array, Array]:
    """Return F and the inverse of Q (T - 1, m, m) for steps of length du."""
    du = np.maximum(du, 1e-6)
    F, Q = np.zeros((len(du), m, m)), np.zeros((len(du), m, m))
    for a in range(m):
        for b in range(m):
            if b >= a:
                F[:, a, b] = du ** (b - a) / factorial(b - a)
            power = 2 * m - 1 - a - b
            Q[:, a, b] = du**power / (power * factorial(m - 1 - a) * factorial(m - 1 - b))
    return F, np.linalg.inv(Q)


def savitzky_golay(
    time_s: Array, values: Array, weights: Array, *, window_s: float, degree: int = 3
) -> Array:
    """Return samples replaced by the polynomial fitted to the samples around each.

    Savitzky and Golay (1964), by weighted least squares, so that uneven times and weights count.
    At the ends the window stays as long and is no longer centred.

    Args:
        time_s: (T,) rising times.
        values: (T, S, C) samples of S signals with C channels; what has weight 0 may be NaN.
        weights: (T, S) from 0 to 1.
        window_s: from the first to the last sample of a window.
        degree: of the polynomial.

    Returns:
        (T, S, C) filtered; NaN for a signal without any weight.
    """
    time_s = np.asarray(time_s, float)
    weights = np.where(np.isfinite(values).all(-1), weights, 0.0)
    data = np.where(weights[..., None] > 0, values, 0.0)
    half = window_s / 2
    last = max(time_s[0] + half, time_s[-1] - half)
    centre = np.clip(time_s, min(time_s[0] + half, last), last)
    near = abs(time_s - centre[:, None]) <= half * (1 + 1e-9)  # (T outputs, T samples)
    powers = ((time_s - time_s[:, None]) / half)[..., None] ** np.arange(degree + 1)
    powers = np.where(near[..., None], powers, 0.0)
    gram = np.einsum("tna,ns,tnb->tsab", powers, weights, powers)
    right = np.einsum("tna,ns,nsc->tsac", powers, weights, data)
    gram += _FREE * np.eye(degree + 1)
    result = np.linalg.solve(gram, right)[:, :, 0]
    empty = np.einsum("tn,ns->ts", near, weights) <= 0
    result[empty] = np.nan
    return result
