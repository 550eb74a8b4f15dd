"""Read MakeHuman's assets: base mesh (obj), rig and weights (JSON), targets (text)."""

import json
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
                vertices.append([float(value) for value in rest[:3]])
            elif word == "g":
                group = rest[0] if rest else ""
            elif word == "f":
                corners = [int(text.split("/")[0]) - 1 for text in rest]
                members.setdefault(group, set()).update(corners)
                if group == "body" or group in EYES:
                    for k in range(1, len(corners) - 1):
                        faces.append([corners[0], corners[k], corners[k + 1]])
                        eye.append(group in EYES)
        except ValueError:
            raise DecodeError(f"{path} line {number} is no line of an obj file: {line!r}") from None
    if "body" not in members:
        raise DecodeError(f"{path} has no faces of group 'body'; expected MakeHuman's base mesh")
    triangles = np.array(faces)
    if triangles.max() >= len(vertices) or triangles.min() < 0:
        raise DecodeError(f"{path} has faces on vertices that it does not list")
    groups = {name: np.array(sorted(rows)) for name, rows in members.items()}
    return BaseMesh(np.array(vertices), triangles, np.array(eye), groups)


def read_json(path: Path, keys: tuple[str, ...]) -> dict:
    """Read a rig (`.mhskel`) or weights (`.mhw`) with these keys.

    Raises:
        DecodeError: the file is missing, no JSON, or lacks a key.
    """
    try:
        found = json.loads("\n".join(_lines(path)))
    except ValueError:
        raise DecodeError(f"{path} is no readable JSON; fetch it again") from None
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if missing:
        raise DecodeError(f"{path} has no {missing[0]!r}; expected {', '.join(keys)}")
    return found


def read_target(path: Path, V: int) -> np.ndarray:
    """Read a target: what it adds to the vertices (V, 3), decimetres.

    Raises:
        DecodeError: the file is missing or a line is not "vertex dx dy dz".
    """
    moved = np.zeros((V, 3))
    for number, line in enumerate(_lines(path), 1):
        if line.strip() and not line.startswith(("#", '"')):
            try:
                index, *delta = line.split()
                moved[int(index)] = [float(value) for value in delta]
            except (ValueError, IndexError):
                raise DecodeError(
                    f"{path} line {number} is no line of a target (vertex dx dy dz): {line!r}"
                ) from None
    return moved


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise DecodeError(
            f"{path} is not there; expected a whole checkout of MakeHuman with its targets as text"
        ) from None
