"""Read MakeHuman's assets: base mesh (obj), rig and weights (JSON), targets (text)."""

import json
import math
import reprlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...poses.errors import BadInput, DecodeError

EYES = ("helper-l-eye", "helper-r-eye")


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """The base mesh with its helpers.

    Attributes:
        vertices: (V, 3) decimetres, y up.
        faces: (F, 3) of the body and the eyes, triangles.
        eye: (F,) bool, the faces of the eyes.
        groups: name -> vertices of each group, such as "joint-mouth".
    """

    vertices: np.ndarray
    faces: np.ndarray
    eye: np.ndarray
    groups: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Rig:
    """MakeHuman's bones.

    Attributes:
        parents: bone -> its parent, None for a root; every bone hangs from a root.
        heads: bone -> vertices whose mean is its head, of the bones that have such.
    """

    parents: dict[str, str | None]
    heads: dict[str, np.ndarray]


def data_folder(checkout: Path) -> Path:
    """Return the folder `data` of a checkout.

    Raises:
        BadInput: there is none.
    """
    for folder in (checkout / "makehuman" / "data", checkout / "data", checkout):
        if (folder / "3dobjs" / "base.obj").is_file():
            return folder
    raise BadInput(
        f"{checkout} is no checkout of MakeHuman: it has no makehuman/data/3dobjs/base.obj; "
        "clone https://github.com/makehumancommunity/makehuman"
    )


def read_base(path: Path) -> BaseMesh:
    """Read `base.obj`; quads become two triangles.

    Raises:
        DecodeError: a line is no obj, or there is no group "body".
    """
    vertices, faces, eye, group = [], [], [], ""
    members: dict[str, set[int]] = {}
    for number, line in enumerate(_lines(path), 1):
        word, *rest = line.split() or ["#"]
        try:
            if word == "v":
                vertices.append(_numbers(rest[:3]))
            elif word == "g":
                group = rest[0] if rest else ""
            elif word == "f":
                corners = [int(text.split("/")[0]) - 1 for text in rest]
                if len(corners) < 3:
                    raise ValueError
                members.setdefault(group, set()).update(corners)
                if group == "body" or group in EYES:
                    for k in range(1, len(corners) - 1):
                        faces.append([corners[0], corners[k], corners[k + 1]])
                        eye.append(group in EYES)
        except ValueError:
            raise DecodeError(f"{path} line {number} is no line of an obj file: {line!r}") from None
    if "body" not in members:
        raise DecodeError(f"{path} has no faces of group 'body'; expected MakeHuman's base mesh")
    used = set().union(*members.values())
    if max(used) >= len(vertices) or min(used) < 0:
        raise DecodeError(f"{path} has faces on vertices that it does not list")
    groups = {name: np.array(sorted(rows)) for name, rows in members.items()}
    return BaseMesh(np.array(vertices), np.array(faces), np.array(eye), groups)


def read_rig(path: Path, V: int) -> Rig:
    """Read a rig (`.mhskel`) on a mesh of V vertices.

    Raises:
        DecodeError: the file is missing, no JSON, or its bones, parents or heads are damaged.
    """
    bones, joints = _objects(path, ("bones", "joints"))
    parents: dict[str, str | None] = {}
    heads = {}
    for name, bone in bones.items():
        parent, head = map(bone.get, ("parent", "head")) if isinstance(bone, dict) else (0, 0)
        if parent is not None and not (isinstance(parent, str) and parent in bones):
            raise DecodeError(
                f"bone {name!r} in {path} must be an object whose parent is a bone or null, "
                f"got {reprlib.repr(bone)}"
            )
        parents[name] = parent
        rows = joints.get(head) if isinstance(head, str) else None
        if rows and isinstance(rows, list) and all(type(v) is int and 0 <= v < V for v in rows):
            heads[name] = np.array(rows)
    for name in parents:
        at, steps = parents[name], 0
        while at is not None:
            at, steps = parents[at], steps + 1
            if steps > len(parents):
                raise DecodeError(f"the parents of bone {name!r} in {path} go round in a circle")
    return Rig(parents, heads)


def read_weights(path: Path, V: int) -> dict[str, np.ndarray]:
    """Read the weights (`.mhw`) of a mesh of V vertices: bone -> (N, 2) of vertex, weight.

    Raises:
        DecodeError: the file is missing, no JSON, or a bone's weights are no such pairs.
    """
    found = {}
    for bone, pairs in _objects(path, ("weights",))[0].items():
        try:
            values = np.array(pairs, float).reshape(len(pairs), 2)
        except (ValueError, TypeError, OverflowError):
            bad = [pairs]
        else:
            row, weight = values.T
            good = (
                (row >= 0) & (row < V) & (row == np.floor(row)) & (weight >= 0) & (weight < np.inf)
            )
            bad = values[~good].tolist()
        if bad:
            raise DecodeError(
                f"the weights of bone {bone!r} in {path} must be pairs of a vertex, 0 to {V - 1}, "
                f"and a weight, 0 or more, got {reprlib.repr(bad[0])}"
            )
        found[bone] = values
    return found


def read_target(path: Path, V: int) -> np.ndarray:
    """Read a target: what it adds to the vertices (V, 3), decimetres.

    Raises:
        DecodeError: the file is missing or a line is not "vertex dx dy dz" of finite numbers.
    """
    moved = np.zeros((V, 3))
    for number, line in enumerate(_lines(path), 1):
        if line.strip() and not line.startswith(("#", '"')):
            try:
                index, *delta = line.split()
                if not 0 <= int(index) < V:
                    raise ValueError
                moved[int(index)] = _numbers(delta)
            except ValueError:
                raise DecodeError(
                    f"{path} line {number} is no line of a target (vertex dx dy dz): {line!r}; "
                    f"vertices are from 0 to {V - 1}"
                ) from None
    return moved


def _numbers(words: list[str]) -> list[float]:
    """Return three finite numbers; ValueError where the words are others."""
    found = [float(word) for word in words]
    if len(found) != 3 or not all(map(math.isfinite, found)):
        raise ValueError
    return found


def _objects(path: Path, keys: tuple[str, ...]) -> list[dict]:
    """Return the filled objects that a JSON file has under these keys."""
    try:
        found = json.loads("\n".join(_lines(path)))
    except (ValueError, RecursionError):
        raise DecodeError(f"{path} is no readable JSON; fetch it again") from None
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if missing:
        raise DecodeError(f"{path} has no {missing[0]!r}; expected {', '.join(keys)}")
    for key in keys:
        if not found[key] or not isinstance(found[key], dict):
            raise DecodeError(
                f"{key!r} in {path} must be an object with entries, got {reprlib.repr(found[key])}"
            )
    return [found[key] for key in keys]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise DecodeError(
            f"{path} is not there; expected a whole checkout of MakeHuman with its targets as text"
        ) from None
