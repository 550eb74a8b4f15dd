"""The one-euro filter: little jitter when slow, little lag when fast, no look ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

TRUST_S = 1.0  # confidence counts relative to its mean over so long


class OneEuro:
    """Filter S signals of C channels each as they come (Casiez, Roussel and Vogel, CHI 2012).

    A first-order low-pass whose cutoff rises with the signal's speed:
    cutoff = min_cutoff_hz + rise_hz * speed, the speed being the length of the filtered derivative
    over the channels, so that axes do not matter. A sample counts by its confidence relative to
    the signal's usual one: the filter moves as in a step that is so many times as long.

    Args:
        min_cutoff_hz: cutoff at rest.
        rise: Hz for each unit of speed, units a second; one for all or one a signal (S,).
        speed_cutoff_hz: cutoff of the derivative's own low-pass.
    """

    def __init__(self, min_cutoff_hz: float, rise: Array | float, speed_cutoff_hz: float) -> None:
        self.min_cutoff_hz = min_cutoff_hz
        self.rise = rise
        self.speed_cutoff_hz = speed_cutoff_hz
        self._value: Array | None = None

    def update(self, values: Array, weights: Array, dt: float) -> tuple[Array, Array]:
        """Return the filtered values (S, C) and how far each signal moved to its sample (S,), 0..1.

        Args:
            values: (S, C), NaN where there is no sample; the result is NaN there, too.
            weights: (S,) confidences.
            dt: seconds since the last call; does not count in the first.
        """
        found = np.asarray(np.isfinite(values).all(-1) & (weights > 0))
        if self._value is None:
            self._value = np.full(values.shape, np.nan)
            self._raw = self._value.copy()
            self._speed = np.zeros(values.shape)
            self._trust = np.zeros(len(values))
            self._wait = np.zeros(len(values))
        self._wait = self._wait + dt
        known = np.asarray(np.isfinite(self._value).all(-1))
        usual = np.where(known, self._trust, weights)
        share = np.clip(weights / np.maximum(usual, 1e-6), 0.0, 2.0)
        step = np.maximum(self._wait, 1e-6)
        pace = smoothing_share(self.speed_cutoff_hz, share * step)
        change = (values - self._raw) / step[:, None]
        speed = self._speed + pace[:, None] * (change - self._speed)
        speed = np.where((known & found)[:, None], speed, self._speed)
        cutoff = self.min_cutoff_hz + self.rise * np.linalg.norm(speed, axis=-1)
        moved = np.where(known, smoothing_share(cutoff, share * step), 1.0)
        start = np.where(known[:, None], self._value, values)
        result = start + moved[:, None] * (values - start)
        self._value = np.where(found[:, None], result, self._value)
        self._raw = np.where(found[:, None], values, self._raw)
        self._speed = speed
        fade = 1 - np.exp(-self._wait / TRUST_S)
        self._trust = np.where(found, usual + fade * (weights - usual), self._trust)
        self._wait = np.where(found, 0.0, self._wait)
        return np.where(found[:, None], result, np.nan), np.where(found, moved, 0.0)


def smoothing_share(cutoff_hz: Array | float, dt: Array | float) -> Array:
    """Return how far a first-order low-pass moves towards a sample in a step, 0..1.

    >>> float(smoothing_share(1.0, 1 / (2 * np.pi)))
    0.5
    """
    turn = 2 * np.pi * np.asarray(cutoff_hz) * dt
    return turn / (1 + turn)
