"""A skinned human body: read its pack, shape it, move its vertices with its bones."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from ...poses.errors import BadInput
from ..packs import read_pack
from .body_checks import check_pack, pack_forms

METRES = 1000.0  # packs are in metres
PREFIX = {"full": "", "medium": "lod_", "small": "lod2_"}
_IN_METRES = (
    "vertices", "bone_head", "joints", "shape_vertices", "shape_bone_head", "shape_joints",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Body:
    """A body at rest: V vertices, F faces, B bones, S shape targets; the joints are `h36m17`.

    World frame: y up, facing +z, the person's left at +x, millimetres, the soles near y = 0.

    Attributes:
        vertices_mm: (V, 3).
        faces: (F, 3) vertices, counter-clockwise seen from outside.
        face_part: (F,) index into `part_names`.
        face_along: (F,) place along the limb: arms 0 shoulder, 1 elbow, 2 wrist, 3 fingertip;
            legs 0 hip, 1 knee, 2 ankle, 3 toes; trunk 0 hips, 1 neck.
        bone_head_mm: (B, 3), the points that the bones turn about.
        joints_mm: (17, 3).
        bone_parents: (B,) parents stand before their children, -1 for the first.
        joint_bone: (17,) the bone that carries each joint.
        skin_bone: (V, 4) the bones that move each vertex.
        skin_weight: (V, 4) how much; rows sum to 1.
        shape_vertices_mm: (S, V, 3), what a coefficient of 1 adds; `shape_bone_head_mm` (S, B, 3)
            and `shape_joints_mm` (S, 17, 3) likewise.
        shape_names: S names.
        bone_names: B names.
        part_names: names of the parts.
    """

    vertices_mm: np.ndarray
    faces: np.ndarray
    face_part: np.ndarray
    face_along: np.ndarray
    bone_head_mm: np.ndarray
    joints_mm: np.ndarray
    bone_parents: np.ndarray
    joint_bone: np.ndarray
    skin_bone: np.ndarray
    skin_weight: np.ndarray
    shape_vertices_mm: np.ndarray
    shape_bone_head_mm: np.ndarray
    shape_joints_mm: np.ndarray
    shape_names: tuple[str, ...]
    bone_names: tuple[str, ...]
    part_names: tuple[str, ...]

    @cached_property
    def bone(self) -> dict[str, int]:
        """Return the index of each bone by its name."""
        return {name: index for index, name in enumerate(self.bone_names)}

    def is_part(self, *names: str) -> np.ndarray:
        """Return the mask (F,) of the faces that belong to one of these parts."""
        unknown = [name for name in names if name not in self.part_names]
        if unknown:
            raise BadInput(
                f"the body has no part {unknown[0]!r}; it has {', '.join(self.part_names)}"
            )
        return np.isin(self.face_part, [self.part_names.index(name) for name in names])

    def shaped(self, coefficients: dict[str, float]) -> "Body":
        """Return the body with shape targets added: vertices, bones and joints move together.

        Raises:
            BadInput: the body has no target of such a name.
        """
        unknown = [name for name in coefficients if name not in self.shape_names]
        if unknown:
            raise BadInput(
                f"the body has no shape {unknown[0]!r}; it has {', '.join(self.shape_names)}"
            )
        weight = np.array([coefficients.get(name, 0.0) for name in self.shape_names])
        return replace(
            self,
            vertices_mm=self.vertices_mm + np.tensordot(weight, self.shape_vertices_mm, 1),
            bone_head_mm=self.bone_head_mm + np.tensordot(weight, self.shape_bone_head_mm, 1),
            joints_mm=self.joints_mm + np.tensordot(weight, self.shape_joints_mm, 1),
        )

    def transforms(
        self,
        rotations: np.ndarray,
        stretch: dict[str, tuple[float, np.ndarray]] | None = None,
    ) -> np.ndarray:
        """Return the affine map (B, 3, 4) of every bone, millimetres; the first bone's head is 0.

        Args:
            rotations: (B, 3, 3) world rotation of every bone against its rest.
            stretch: bone -> (factor, direction (3,) at rest): its length alone is changed.
        """
        linear = np.array(rotations, float)
        for name, (factor, axis) in (stretch or {}).items():
            linear[self.bone[name]] @= np.eye(3) + (factor - 1) * np.outer(axis, axis)
        rest, moved = self.bone_head_mm, np.zeros(self.bone_head_mm.shape)
        for bone, parent in enumerate(self.bone_parents):
            if parent >= 0:
                moved[bone] = moved[parent] + linear[parent] @ (rest[bone] - rest[parent])
        shift = moved - np.einsum("bij,bj->bi", linear, rest)
        return np.concatenate([linear, shift[..., None]], axis=-1)  # (B, 3, 3), (B, 3) -> (B, 3, 4)

    def pose_vertices(self, transforms: np.ndarray) -> np.ndarray:
        """Return the vertices (V, 3) moved by the bones' maps (B, 3, 4), linearly blended."""
        return skin(self.vertices_mm, self.skin_bone, self.skin_weight, transforms)

    def pose_joints(self, transforms: np.ndarray) -> np.ndarray:
        """Return the joints (17, 3) `h36m17`, each moved by its one bone."""
        return skin(self.joints_mm, self.joint_bone[:, None], np.ones((17, 1)), transforms)


def skin(
    points_mm: np.ndarray, bone: np.ndarray, weight: np.ndarray, transforms: np.ndarray
) -> np.ndarray:
    """Return points (P, 3) moved by linear blend skinning.

    Args:
        points_mm: (P, 3) at rest.
        bone: (P, K) the bones that move each point.
        weight: (P, K) how much.
        transforms: (B, 3, 4) affine maps of the bones.
    """
    blended = np.einsum("pk,pkij->pij", weight, transforms[bone])
    return np.einsum("pij,pj->pi", blended[..., :3], points_mm) + blended[..., 3]


def read_body(path: str | Path, mesh: Literal["full", "medium", "small"] = "full") -> Body:
    """Read a body pack (`body_makehuman.npz`): an npz file with mesh, bones and shape targets.

    Args:
        path: the pack.
        mesh: "medium" and "small" are meshes of fewer faces on a subset of the vertices.

    Raises:
        BadInput: no mesh of this name, or an array of the pack is not of the form that it needs.
        DecodeError: the file is missing, no npz, or lacks one of the arrays.
    """
    if mesh not in PREFIX:
        raise BadInput(f"mesh must be 'full', 'medium' or 'small', got {mesh!r}")
    prefix = PREFIX[mesh]
    pack = read_pack(path, tuple(pack_forms(prefix)))
    check_pack(path, pack, prefix)
    kept = pack[prefix + "vertices"] if prefix else np.arange(len(pack["vertices"]))
    in_mm = {key: METRES * pack[key].astype(np.float64) for key in _IN_METRES}
    return Body(
        vertices_mm=in_mm["vertices"][kept],
        faces=pack[prefix + "faces"],
        face_part=pack[prefix + "part"],
        face_along=pack[prefix + "s"],
        bone_head_mm=in_mm["bone_head"],
        joints_mm=in_mm["joints"],
        bone_parents=pack["bone_parents"],
        joint_bone=pack["joint_bone"],
        skin_bone=pack["skin_index"][kept],
        skin_weight=pack["skin_weight"][kept],
        shape_vertices_mm=in_mm["shape_vertices"][:, kept],
        shape_bone_head_mm=in_mm["shape_bone_head"],
        shape_joints_mm=in_mm["shape_joints"],
        shape_names=tuple(str(name) for name in pack["shape_names"]),
        bone_names=tuple(str(name) for name in pack["bone_names"]),
        part_names=tuple(str(name) for name in pack["part_names"]),
    )
