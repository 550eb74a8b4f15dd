"""Search all views and Gaussians for 2D poses (Tome et al. 2017, section 5.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .ppca_forms import ViewForms, pose_products
from .ppca_hidden import HiddenJoints
from .ppca_view import ROLL_COST, roll_back

BUDGET = 4_000_000  # energies held at once
MOST = 1024  # poses at once: their products stay in the processor's cache


@dataclass(frozen=True)
class Found:
    """The best views of N poses, M of each, the best first.

    Attributes:
        energy: (N, M) the negative log probability but for a constant; inf where there is none.
        form: (N, M) index into the forms searched.
        angles: (N, M, 3) azimuth, tilt and 0.
        cluster: (N, M) which Gaussian.
        roll: (N, M) radians that the body is rolled by.
        solution: (N, M, J + 3) translation, b, s for the 2D pose rolled back; or, where it was
            asked for, (N, M, L*3 + 3) s (mu + a e) in camera axes, translation, s.
    """

    energy: Tensor
    form: Tensor
    angles: Tensor
    cluster: Tensor
    roll: Tensor
    solution: Tensor


class ViewSearch:
    """Score 2D poses at all views and keep the best.

    The energy of a view is half the form of the 2D pose plus the form's offset: a matrix product
    of the products of coordinates with all forms. A rolled body is no view of its own, the 2D
    joints are rolled back. Hidden joints are minimised over, see `HiddenJoints`.

    Args:
        forms: what `view_forms` made.
        rolls: radians, how far the body may be rolled in the picture.
        azimuths: how many each tilt of each Gaussian has.
        tilts: how many each Gaussian has.
    """

    def __init__(self, forms: ViewForms, rolls: Tensor, *, azimuths: int, tilts: int) -> None:
        self.forms = forms
        self.rolls = rolls.to(forms.packed)
        self._ring = (-1, tilts, azimuths)
        self._roll_prior = 0.5 * ROLL_COST * (self.rolls != 0)
        self._hidden = HiddenJoints(forms)

    def search(
        self, joints: Tensor, visible: Tensor | None, *, modes: int = 1, placed: bool = False
    ) -> Found:
        """Return the best views of each pose.

        Args:
            joints: (N, L, 2) float32, centred, about the model's size; 0 where not visible.
            visible: (N, L) bool, the joints that count; None where all do.
            modes: how many; those after the first are the next minima over azimuth and tilt.
            placed: return poses rather than coefficients.
        """
        step = max(1, min(MOST, BUDGET // (len(self.rolls) * len(self.forms.offset))))
        solve = self.forms.place if placed else self.forms.solve
        parts = []
        for start in range(0, max(len(joints), 1), step):
            some = joints[start : start + step]
            seen = None if visible is None else visible[start : start + step]
            parts.append(self._search_block(some, seen, modes, solve))
        if len(parts) == 1:
            return Found(*parts[0])
        return Found(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _search_block(
        self, joints: Tensor, visible: Tensor | None, modes: int, solve: Tensor
    ) -> tuple[Tensor, ...]:
        N, R, F = len(joints), len(self.rolls), len(self.forms.offset)
        flat = joints.flatten(1)
        if R > 1:
            flat = roll_back(joints[:, None], self.rolls).flatten(2).flatten(0, 1)  # (N*R, L*2)
        products = pose_products(flat, self.forms.reduction)
        energy = torch.addmm(self.forms.offset, products, self.forms.packed, alpha=0.5)
        scale = flat @ self.forms.scale
        if visible is not None:
            self._hidden.correct(energy, scale, flat, visible, R)
        energy = energy.masked_fill_(scale <= 0, torch.inf).view(N, R, F)
        if R > 1:
            energy = energy + self._roll_prior[:, None]
        if modes == 1:
            lowest, index = energy.flatten(1).min(dim=1, keepdim=True)
        else:
            lowest, index = self._local_minima(energy, modes)
        if R > 1:
            roll, form = index // F, index % F
            chosen = flat[torch.arange(N, device=flat.device)[:, None] * R + roll]
            roll = self.rolls[roll]
        else:
            form, roll = index, self.rolls.expand_as(index)
            chosen = flat[:, None].expand(-1, index.shape[1], -1)
        if visible is not None:
            chosen = self._hidden.filled(chosen, form, visible)
        forms = self.forms
        solution = (solve[form] @ chosen[..., None])[..., 0]
        return lowest, form, forms.angles[form], forms.cluster[form], roll, solution

    def _local_minima(self, energy: Tensor, modes: int) -> tuple[Tensor, Tensor]:
        """Return (N, M) the lowest of the energies (N, R, F) that are minima of their Gaussian."""
        best, tilt = energy.unflatten(2, self._ring).min(dim=3)  # (N, R, K, A)
        low = (best <= best.roll(1, dims=-1)) & (best <= best.roll(-1, dims=-1))
        best = torch.where(low, best, torch.inf).flatten(1)
        lowest, index = best.topk(min(modes, best.shape[1]), dim=1, largest=False)
        A, T = self._ring[2], self._ring[1]
        outer = index // A  # roll and Gaussian
        return lowest, (outer * T + tilt.flatten(1).gather(1, index)) * A + index % A
