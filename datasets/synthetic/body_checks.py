"""Check the arrays of a body pack before they become a body."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...poses.errors import BadInput

LOW_M, HIGH_M = 0.3, 3.0  # no person is smaller or taller
_Form = tuple[str, tuple[str | int, ...]]
# array -> what it holds, a key of `_CONTENT` or the array whose rows it points to, and its axes:
# an axis named like an array is as long as that one
_BODY: dict[str, _Form] = {
    "vertices": ("places", ("vertices", 3)),
    "shape_vertices": ("numbers", ("shape_names", "vertices", 3)),
    "shape_names": ("names", ("shape_names",)),
    "skin_index": ("bone_names", ("vertices", 4)),
    "skin_weight": ("shares", ("vertices", 4)),
    "joint_bone": ("bone_names", (17,)),
    "bone_parents": ("parents", ("bone_names",)),
    "bone_names": ("names", ("bone_names",)),
    "part_names": ("names", ("part_names",)),
    "bone_head": ("places", ("bone_names", 3)),
    "joints": ("places", (17, 3)),
    "shape_bone_head": ("numbers", ("shape_names", "bone_names", 3)),
    "shape_joints": ("numbers", ("shape_names", 17, 3)),
}


def pack_forms(prefix: str) -> dict[str, _Form]:
    """Return what a pack holds for the mesh of this prefix: array -> content and axes."""
    vertices, faces = prefix + "vertices", prefix + "faces"
    return {
        **_BODY,
        vertices: _BODY.get(vertices, ("vertices", (vertices,))),
        faces: (vertices, (faces, 3)),
        prefix + "part": ("part_names", (faces,)),
        prefix + "s": ("numbers", (faces,)),
    }


def check_pack(where: str | Path, pack: dict[str, np.ndarray], prefix: str) -> None:
    """Check the arrays of `pack_forms`; `where` says in errors what they are from.

    Raises:
        BadInput: an array is not of the form that a body needs.
    """
    from .capsules import bone_tree  # here, because capsules need a Body

    named = set(pack["bone_names"].ravel().tolist())
    lacking = [bone for bone in bone_tree()[0] if bone not in named]
    if lacking:
        _refuse(where, "bone_names", "names with all 26 bones", f"none named {lacking[0]!r}")
    for name, (what, axes) in pack_forms(prefix).items():
        array, lengths = pack[name], tuple(_length(pack, axis) for axis in axes)
        rows = _length(pack, what) if what in pack else 0
        words, kinds, faults = _CONTENT.get(what, (f"rows of {what}, 0 to {rows - 1}", "iu", None))
        if array.dtype.kind not in kinds or array.shape != lengths or (rows and not array.size):
            form = ", ".join(_axis(name, *pair) for pair in zip(axes, lengths, strict=True))
            came = f"{array.dtype}, shape {array.shape}"
            _refuse(where, name, f"{words}, shape ({form})", came)
        bad = faults(array) if faults else array[(array < 0) | (array >= rows)]
        if len(bad):
            _refuse(where, name, words, str(bad[0]))


def _refuse(where: str | Path, name: str, expected: str, came: str) -> None:
    raise BadInput(
        f"{name} in {where} must be {expected}, got {came}; see docs/synthetic_people.md, 'Bodies'"
    )


def _length(pack: dict[str, np.ndarray], axis: str | int) -> int:
    return axis if isinstance(axis, int) else len(np.atleast_1d(pack[axis]))


def _axis(name: str, axis: str | int, length: int) -> str:
    if isinstance(axis, int):
        return str(axis)
    return "1 or more" if axis == name else f"{length} {axis}"


def _twice(names: np.ndarray) -> list[str]:
    found, counts = np.unique(names, return_counts=True)
    return [f"{str(name)!r} twice" for name in found[counts > 1]]


def _not_finite(numbers: np.ndarray) -> np.ndarray:
    return numbers[~np.isfinite(numbers)]


def _not_as_high(places_m: np.ndarray) -> list[str]:
    strange = [str(value) for value in _not_finite(places_m)[:1]]
    if strange:
        return strange
    height = float(np.ptp(places_m[:, 1].astype(float))) if len(places_m) else 0.0
    return [] if LOW_M <= height <= HIGH_M else [f"{height:g} m"]


def _no_shares(weights: np.ndarray) -> np.ndarray:
    sums = weights.clip(0, 2).sum(1, dtype=float)
    good = (weights >= 0).all(1) & (abs(sums - 1) < 0.01)
    return weights[~good]


def _not_earlier(parents: np.ndarray) -> np.ndarray:
    row = np.arange(len(parents))
    return parents[(parents >= row) | (parents < np.where(row, 0, -1))]


_Finder = Callable[[np.ndarray], np.ndarray | list[str]]
# content -> in words, the kinds of its type, what finds the values that are none
_CONTENT: dict[str, tuple[str, str, _Finder | None]] = {
    "names": ("names, each once", "U", _twice),
    "numbers": ("finite numbers", "fiu", _not_finite),
    "places": (f"finite places that span {LOW_M:g} to {HIGH_M:g} m upwards", "fiu", _not_as_high),
    "shares": ("shares of 0 or more that add up to 1 in each row", "fiu", _no_shares),
    "parents": ("-1 for the first bone and an earlier bone for any other", "iu", _not_earlier),
}
