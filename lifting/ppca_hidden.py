"""Joints that were not seen, minimised over at every view at once."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .ppca_forms import ViewForms

REMEMBERED = 80_000_000  # floats kept for all sets of hidden joints met before, 320 MB
BUDGET = 4_000_000  # floats of work space
CACHE = 500_000  # floats that are inverted together: they stay in the processor's cache
SMALLEST = 1e-6  # of a pivot; what lies below is rounding


class HiddenJoints:
    """Correct the energies of poses for the joints that were not seen.

    A joint without weight may lie anywhere, so the form of the seen joints is the whole form at
    its minimum over the hidden ones (a Schur complement): with the hidden coordinates at 0 and
    g = P y, y' P y - g_h' (P_hh)^-1 g_h, and the log determinant grows by that of P_hh. The
    inverses of P_hh at all views depend on the set of hidden joints alone; they are made at its
    first sight and kept.
    """

    def __init__(self, forms: ViewForms) -> None:
        self._forms = forms
        F, width = forms.dense.shape[:2]
        self._columns = forms.dense.permute(2, 0, 1).reshape(width, F * width).contiguous()
        self._sets: dict[int, InverseStore] = {}

    def correct(
        self, energy: Tensor, scale: Tensor, flat: Tensor, visible: Tensor, rolls: int
    ) -> None:
        """Change energies and scales, in place, to those of the visible joints alone.

        Args:
            energy: (N * R, F) of poses whose hidden joints were taken to be at 0.
            scale: (N * R, F) likewise.
            flat: (N * R, L*2) the poses, 0 where hidden.
            visible: (N, L) which joints count.
            rolls: R, neighbouring rows that are one pose.
        """
        F, width = self._forms.dense.shape[:2]
        roll = torch.arange(rolls, device=flat.device)
        for rows, hidden in self._groups(visible):
            store = self._store(hidden.shape[1])
            for start in range(0, len(rows), step := self._step(hidden.shape[1], rolls)):
                some = hidden[start : start + step]
                slots = store.slots(some).repeat_interleave(rolls)
                which = (rows[start : start + step, None] * rolls + roll).flatten()
                gradient = (flat[which] @ self._columns).view(len(which), F, width)
                index = some.repeat_interleave(rolls, dim=0)[:, None].expand(-1, F, -1)
                part = gradient.gather(2, index)
                best = (store.inverse[slots] @ part[..., None])[..., 0]  # (n, F, H)
                energy[which] += 0.5 * (store.log_det[slots] - (part * best).sum(dim=2))
                row = some.repeat_interleave(rolls, dim=0)
                scale[which] -= torch.einsum("nhf,nfh->nf", self._forms.scale[row], best)

    def filled(self, flat: Tensor, form: Tensor, visible: Tensor) -> Tensor:
        """Return the poses (N, M, L*2) with hidden joints where their forms (N, M) predict them."""
        filled = flat.clone()
        for rows, hidden in self._groups(visible):
            store = self._store(hidden.shape[1])
            for start in range(0, len(rows), step := self._step(hidden.shape[1], 1)):
                some, which = hidden[start : start + step], rows[start : start + step]
                views = form[which]  # (n, M)
                slots = store.slots(some)
                inverse = store.inverse[slots[:, None], views]  # (n, M, H, H)
                index = some[:, None].expand(-1, views.shape[1], -1)
                wide = self._forms.dense[views[..., None], index]  # (n, M, H, L*2)
                gradient = (wide @ flat[which][..., None])[..., 0]
                best = (inverse @ gradient[..., None])[..., 0]
                filled[which] = filled[which].scatter(2, index, -best)
        return filled

    def _groups(self, visible: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows with equally many hidden joints, and their hidden coordinates (n, H)."""
        counts = (~visible).sum(dim=1)
        for count in torch.unique(counts).tolist():
            if count:
                rows = torch.nonzero(counts == count)[:, 0]
                joints = torch.nonzero(~visible[rows])[:, 1].view(len(rows), count)
                yield rows, torch.stack([2 * joints, 2 * joints + 1], dim=2).flatten(1)

    def _step(self, hidden: int, rolls: int) -> int:
        F, width = self._forms.dense.shape[:2]
        return max(1, BUDGET // (rolls * F * (width + hidden * (hidden + 2))))

    def _store(self, hidden: int) -> "InverseStore":
        if hidden not in self._sets:
            self._sets[hidden] = InverseStore(self._forms, hidden, self._make_room)
        return self._sets[hidden]

    def _make_room(self, store: "InverseStore", floats: int) -> None:
        """Forget all other stores if one of that many numbers has no room beside them."""
        others = sum(other.floats for other in self._sets.values() if other is not store)
        if floats + others > REMEMBERED:
            self._sets = {key: kept for key, kept in self._sets.items() if kept is store}


class InverseStore:
    """Remember the inverses of P_hh at all views for sets of equally many hidden joints.

    Args:
        forms: at all views.
        hidden: H, hidden coordinates of each set.
        make_room: called before it grows, with itself and how many numbers it will keep.

    Attributes:
        inverse: (S, F, H, H) the inverses.
        log_det: (S, F) log determinants of P_hh.
    """

    def __init__(
        self, forms: ViewForms, hidden: int, make_room: Callable[["InverseStore", int], None]
    ) -> None:
        self._forms, self._make_room = forms, make_room
        F = len(forms.offset)
        self._most = max(1, REMEMBERED // (F * (hidden * hidden + 1)))
        self._slot: dict[int, int] = {}
        self.inverse = forms.dense.new_empty(0, F, hidden, hidden)
        self.log_det = forms.dense.new_empty(0, F)

    @property
    def floats(self) -> int:
        """How many numbers it keeps."""
        return self.inverse.numel() + self.log_det.numel()

    def slots(self, hidden: Tensor) -> Tensor:
        """Return (n,) where the inverses for hidden coordinates (n, H) stand, made where new."""
        keys = (2 ** (hidden[:, ::2] // 2)).sum(dim=1).tolist()
        new = {key: row for row, key in enumerate(keys) if key not in self._slot}
        if new and len(self._slot) + len(new) > self._most:
            self._slot = {}  # the room stays, what is in it is made anew
            new = {key: row for row, key in enumerate(keys)}
        if new:
            first = len(self._slot)
            self._grow(first + len(new))
            self._add(hidden[list(new.values())], first)
            self._slot |= {key: first + i for i, key in enumerate(new)}
        return torch.tensor([self._slot[key] for key in keys], device=hidden.device)

    def _add(self, hidden: Tensor, first: int) -> None:
        """Put the inverses for the sets (S, H) into the slots from `first` on."""
        F, H = len(self._forms.offset), hidden.shape[1]
        step = max(1, CACHE // (F * H * H))
        for start in range(0, len(hidden), step):
            sets = hidden[start : start + step]
            # (F, S, H, H) -> (H, H, S, F)
            blocks = self._forms.dense[:, sets[:, :, None], sets[:, None]].permute(2, 3, 1, 0)
            inverse, log_det = swept(blocks.contiguous())
            some = slice(first + start, first + start + len(sets))
            self.inverse[some], self.log_det[some] = inverse.permute(2, 3, 0, 1), log_det

    def _grow(self, count: int) -> None:
        """Let there be room for that many sets, for twice as many as before where that helps."""
        room = len(self.inverse)
        if count <= room:
            return
        count = max(count, min(2 * room, self._most))
        F, H = self.inverse.shape[1:3]
        self._make_room(self, count * F * (H * H + 1))
        for name in ("inverse", "log_det"):
            old = getattr(self, name)
            new = old.new_empty(count, *old.shape[1:])
            new[:room] = old
            setattr(self, name, new)


def swept(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return the inverses of many small positive definite matrices, and their log determinants.

    Gauss and Jordan, all matrices at once: far quicker than one LAPACK call for each.

    Args:
        matrices: (H, H, ...); overwritten.

    Returns:
        (H, H, ...) and (...).
    """
    log_det = torch.zeros_like(matrices[0, 0])
    for k in range(len(matrices)):
        pivot = matrices[k, k].clamp(min=SMALLEST)
        log_det += pivot.log()
        row = matrices[k].clone()  # (H, ...), the column as well
        scaled = row / pivot
        matrices -= row[:, None] * scaled
        matrices[k], matrices[:, k], matrices[k, k] = scaled, scaled, -1 / pivot
    return -matrices, log_det
