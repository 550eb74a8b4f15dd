"""What a network's raw confidences are worth: tables that stand in its weights file."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..poses.errors import BadInput


@dataclass(frozen=True, eq=False)
class Calibration:
    """Turn raw confidences into shares of joints that lie within 0.2 torso lengths of the truth.

    For each joint a rising line through K points, which `lift3d.training.calibrate` measures on
    photos that the network was not trained on.

    Attributes:
        knots: (K,) raw confidences, ascending.
        plain: (J, K) shares at the knots, for maps of the crop alone.
        flip: (J, K) the same for maps averaged with those of the mirrored crop.

    Raises:
        BadInput: the arrays are no such tables.

    >>> table = [[0.0, 0.9]]
    >>> calibration = Calibration(np.array([0.0, 1.0]), np.array(table), np.array(table))
    >>> calibration(torch.tensor([[0.5]]), flip=False)
    tensor([[0.4500]])
    """

    knots: np.ndarray
    plain: np.ndarray
    flip: np.ndarray

    def __post_init__(self) -> None:
        K = len(self.knots)
        if self.knots.shape != (K,) or K < 2 or not (np.diff(self.knots) > 0).all():
            raise BadInput(f"knots must be 2 or more ascending numbers, got {self.knots.tolist()}")
        for name in ("plain", "flip"):
            table = getattr(self, name)
            if table.ndim != 2 or table.shape[1] != K or table.shape != self.plain.shape:
                raise BadInput(f"{name} must have shape (J, {K}), got {table.shape}")
            if not ((table >= 0) & (table <= 1)).all() or (np.diff(table) < 0).any():
                raise BadInput(f"{name} must rise from knot to knot within 0..1")

    def __call__(self, raw: Tensor, flip: bool) -> Tensor:
        """Return the calibrated confidences (N, J) of raw ones (N, J)."""
        table = torch.as_tensor(self.flip if flip else self.plain, dtype=raw.dtype)
        knots = torch.as_tensor(self.knots, dtype=raw.dtype, device=raw.device)
        table = table.to(raw.device)
        raw = raw.clamp(knots[0], knots[-1])
        right = torch.bucketize(raw, knots[1:-1], right=True) + 1  # (N, J), index of the next knot
        part = (raw - knots[right - 1]) / (knots[right] - knots[right - 1])
        joint = torch.arange(len(table), device=raw.device)
        return torch.lerp(table[joint, right - 1], table[joint, right], part)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Calibration":
        """Return the calibration that `to_dict` was called on.

        Raises:
            KeyError: a table is missing.
            BadInput: one is out of form.
        """
        return cls(*(np.array(values[name], float) for name in ("knots", "plain", "flip")))

    def to_dict(self) -> dict[str, Any]:
        """Return the tables as plain lists, for a weights file's metadata."""
        names = ("knots", "plain", "flip")
        return {name: np.round(getattr(self, name), 4).tolist() for name in names}
