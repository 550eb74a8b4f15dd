"""The checks of array arguments that the files of this package share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .errors import BadInput


def float_array(name: str, value: ArrayLike) -> np.ndarray:
    """Return `value` as a float array: float32 and float64 as they are, all else as float64.

    Raises BadInput where `value` is no array of numbers.
    """
    try:
        array = np.asarray(value)
        return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} must be an array of numbers, got {value!r:.60}") from error


def shaped_array(name: str, value: ArrayLike, shape: tuple[int, ...], hint: str) -> np.ndarray:
    """Return `value` as a float array of exactly this shape; raise BadInput with `hint` if not."""
    array = float_array(name, value)
    if array.shape != shape:
        raise BadInput(f"{name} must have shape {shape}, got {array.shape}; {hint}")
    return array


def points_array(name: str, value: ArrayLike, D: int) -> np.ndarray:
    """Return `value` as a float array (..., D); raise BadInput where the last axis is not D."""
    array = float_array(name, value)
    if array.ndim == 0 or array.shape[-1] != D:
        raise BadInput(
            f"{name} must have shape (..., {D}), got {array.shape}; put the coordinates last"
        )
    return array
