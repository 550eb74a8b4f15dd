"""Build a body pack from MakeHuman's CC0 assets."""

import io
from pathlib import Path

import numpy as np

from ...poses import get_skeleton
from ...poses.errors import BadInput, DecodeError
from ...poses.whole_files import whole_file
from .body_checks import check_pack
from .capsules import PARTS, bone_tree
from .decimate import decimate
from .makehuman_files import (
    BaseMesh,
    data_folder,
    read_base,
    read_rig,
    read_target,
    read_weights,
)
from .makehuman_parts import label_faces

LIGHT = (("lod_", 7000), ("lod2_", 2500))
SEXES, RACES = ("male", "female"), ("african", "asian", "caucasian")
CORNERS = {
    "thin": "minmuscle-minweight", "fat": "minmuscle-maxweight",
    "athletic": "maxmuscle-minweight", "bulky": "maxmuscle-maxweight",
}  # fmt: skip
MEAN = "averagemuscle-averageweight"
# MakeHuman's bone -> ours (sides are added); what hangs from a bone of neither list goes with it
_TRUNK = {
    "root": "pelvis", "pelvis": "pelvis", "spine05": "spine_low", "spine04": "spine_low",
    "spine03": "spine_mid", "spine02": "chest", "spine01": "chest", "neck01": "neck",
    "head": "head",
}  # fmt: skip
_SIDED = {
    "pelvis": "pelvis", "breast": "chest", "clavicle": "clavicle", "shoulder01": "clavicle",
    "upperarm01": "upperarm_a", "upperarm02": "upperarm_b", "lowerarm01": "forearm_a",
    "lowerarm02": "forearm_b", "wrist": "hand", "upperleg01": "thigh_a", "upperleg02": "thigh_b",
    "lowerleg01": "shin", "foot": "foot",
}  # fmt: skip
# our bone -> MakeHuman's whose head it turns about
_HEADS = {
    "spine_low": "spine05", "spine_mid": "spine03", "chest": "spine02", "neck": "neck01",
    "head": "head", "clavicle": "clavicle", "upperarm_a": "upperarm01", "upperarm_b": "upperarm01",
    "forearm_a": "lowerarm01", "forearm_b": "lowerarm01", "hand": "wrist", "thigh_a": "upperleg01",
    "thigh_b": "upperleg01", "shin": "lowerleg01", "foot": "foot",
}  # fmt: skip
_JOINT_BONES = {
    "hip": "thigh_a", "knee": "shin", "ankle": "foot", "shoulder": "upperarm_a",
    "elbow": "forearm_a", "wrist": "hand",
}  # fmt: skip


def import_makehuman(checkout: str | Path, output: str | Path) -> str:
    """Write a body pack; return in words how large it is.

    Metres, y up, soles of the mean body at y = 0. The mean is the average of the average young man
    and woman of the three descents; what each shape coefficient adds is said in
    docs/synthetic_people.md.

    Raises:
        BadInput: `checkout` is no checkout of MakeHuman, its body is none, or `output` cannot be
            written.
        DecodeError: a file of it is missing or damaged.
    """
    with np.errstate(all="ignore"):  # what is not finite is refused below
        pack = _whole_mesh(data_folder(Path(checkout)))
    check_pack(f"the body of {checkout}", pack, "")
    _add_lighter_meshes(pack)
    _write(Path(output), pack)
    V, F, B, S = (len(pack[key]) for key in ("vertices", "faces", "bone_names", "shape_names"))
    return f"{V} vertices, {F} faces, {B} bones, {S} shapes"


def _whole_mesh(data: Path) -> dict[str, np.ndarray]:
    base = read_base(data / "3dobjs" / "base.obj")
    mean, shapes = _shapes(data / "targets" / "macrodetails", base)
    rig = read_rig(data / "rigs" / "default.mhskel", len(mean))
    weights = read_weights(data / "rigs" / "default_weights.mhw", len(mean))
    bones, parents = bone_tree()
    used = np.unique(base.faces)
    everything = [0.1 * v for v in (mean, *shapes.values())]  # decimetres -> metres
    everything[0] = everything[0] - [0, everything[0][used, 1].min(), 0]
    places = [_places(v, rig.heads, bones) for v in everything]
    top = used[np.argmax(everything[0][used, 1])]
    joints = [_joints(v, p, bones, top) for v, p in zip(everything, places, strict=True)]
    joints[0][10, 1] -= 0.01  # head_top lies 1 cm below the top of the skull
    skin, share = _skin(weights, rig.parents, bones, used, len(mean))
    new = np.full(len(mean), -1)
    new[used] = np.arange(len(used))
    faces = new[base.faces]
    vertices = everything[0][used]
    dominant = skin[np.arange(len(used)), share.argmax(1)]
    part, along = label_faces(vertices, faces, base, dominant, bones, joints[0], everything[0])
    return {
        "vertices": vertices.astype(np.float32),
        "faces": faces.astype(np.int32),
        "part": part.astype(np.uint8),
        "s": along.astype(np.float32),
        "part_names": np.array(PARTS),
        "bone_names": np.array(bones),
        "bone_parents": np.array(parents, np.int32),
        "bone_head": places[0].astype(np.float32),
        "skin_index": skin.astype(np.int32),
        "skin_weight": share.astype(np.float32),
        "joint_names": np.array(get_skeleton("h36m17").joints),
        "joints": joints[0].astype(np.float32),
        "joint_bone": np.array(_joint_bones(bones), np.int32),
        "shape_names": np.array(list(shapes)),
        "shape_vertices": np.stack([v[used] for v in everything[1:]]).astype(np.float16),
        "shape_bone_head": np.stack(places[1:]).astype(np.float16),
        "shape_joints": np.stack(joints[1:]).astype(np.float16),
        "note": np.array("Derived from MakeHuman's assets, CC0 1.0 Universal."),
    }


def _add_lighter_meshes(pack: dict[str, np.ndarray]) -> None:
    for prefix, wanted in LIGHT:
        light = decimate(pack["vertices"].astype(np.float64), pack["faces"], wanted)
        kept, corners = np.unique(light[:, 1:], return_inverse=True)
        pack[prefix + "vertices"] = kept.astype(np.int32)
        pack[prefix + "faces"] = corners.reshape(-1, 3).astype(np.int32)
        pack[prefix + "part"] = pack["part"][light[:, 0]]
        pack[prefix + "s"] = pack["s"][light[:, 0]]


def _write(path: Path, pack: dict[str, np.ndarray]) -> None:
    data = io.BytesIO()
    np.savez_compressed(data, **pack)  # type: ignore[arg-type]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(data.getbuffer())
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written ({error.strerror}); choose another with -o"
        ) from None


def _shapes(folder: Path, base: BaseMesh) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the mean's vertices (V, 3) and what each shape adds, decimetres."""

    def target(name: str) -> np.ndarray:
        return read_target(folder / f"{name}.target", len(base.vertices))

    def person(sex: str, age: str, build: str = MEAN) -> np.ndarray:
        descent = np.mean([target(f"{race}-{sex}-{age}") for race in RACES], axis=0)
        return descent + target(f"universal-{sex}-{age}-{build}")

    def both(name: str) -> np.ndarray:
        return np.mean([target(name.format(sex=sex)) for sex in SEXES], axis=0)

    young = {sex: person(sex, "young") for sex in SEXES}
    shapes = {"gender": (young["male"] - young["female"]) / 2}
    for sex in SEXES:
        shapes[f"{sex}_old"] = person(sex, "old") - young[sex]
        plain = target(f"universal-{sex}-young-{MEAN}")
        for name, build in CORNERS.items():
            shapes[f"{sex}_{name}"] = target(f"universal-{sex}-young-{build}") - plain
    mean = (young["male"] + young["female"]) / 2
    shapes["child"] = (person("male", "child") + person("female", "child")) / 2 - mean
    for end in ("max", "min"):
        shapes[f"height_{end}"] = both(f"height/{{sex}}-young-{MEAN}-{end}height")
    for kind in ("ideal", "uncommon"):
        name = f"proportions/{{sex}}-young-{MEAN}-{kind}proportions"
        shapes[f"proportions_{kind}"] = both(name)
    descents = {race: both(f"{race}-{{sex}}-young") for race in RACES}
    middle = np.mean(list(descents.values()), axis=0)
    for race in ("african", "asian"):
        shapes[race] = descents[race] - middle
    return base.vertices + mean, shapes


def _places(vertices: np.ndarray, heads: dict[str, np.ndarray], bones: list[str]) -> np.ndarray:
    """Return where the bones' heads are (B, 3): means of the vertices that the rig names."""
    found = np.zeros((len(bones), 3))
    for row, bone in enumerate(bones[1:], 1):
        name, _, side = bone.partition(".")
        theirs = _HEADS[name] + (f".{side}" if side else "")
        if theirs not in heads:
            raise DecodeError(
                f"the rig has no bone {theirs!r} whose head is a list of vertices, "
                f"0 to {len(vertices) - 1}"
            )
        found[row] = vertices[heads[theirs]].mean(0)
    hips = [bones.index(f"thigh_a.{side}") for side in "LR"]
    found[0] = found[hips].mean(0)
    return found


def _joints(vertices: np.ndarray, places: np.ndarray, bones: list[str], top: int) -> np.ndarray:
    """Return the joints (17, 3) of h36m17; all are linear in the vertices."""
    at = dict(zip(bones, places, strict=True))
    shoulders = (at["upperarm_a.L"] + at["upperarm_a.R"]) / 2
    trunk = {
        "pelvis": at["pelvis"],
        "spine": at["chest"],
        "thorax": (at["neck"] + shoulders) / 2,
        "neck_nose": at["head"],
        "head_top": vertices[top],
    }
    found = []
    for joint in get_skeleton("h36m17").joints:
        side, _, name = joint.partition("_")
        end = {"left": ".L", "right": ".R"}.get(side)
        found.append(at[_JOINT_BONES[name] + end] if end else trunk[joint])
    return np.array(found)


def _joint_bones(bones: list[str]) -> list[int]:
    trunk = {"pelvis": "pelvis", "spine": "chest", "thorax": "chest"}
    found = []
    for joint in get_skeleton("h36m17").joints:
        side, _, name = joint.partition("_")
        end = {"left": ".L", "right": ".R"}.get(side)
        found.append(bones.index(_JOINT_BONES[name] + end if end else trunk.get(joint, "head")))
    return found


def _skin(
    weights: dict[str, np.ndarray],
    parents: dict[str, str | None],
    bones: list[str],
    used: np.ndarray,
    V: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the four bones that move each used vertex and their shares, both (V', 4)."""
    whole = np.zeros((V, len(bones)))
    for bone, pairs in weights.items():
        ours = bones.index(_our_bone(bone, parents))
        np.add.at(whole[:, ours], pairs[:, 0].astype(int), pairs[:, 1])
    whole = whole[used]
    whole[whole.sum(1) == 0, bones.index("head")] = 1.0  # eyes without weights
    order = np.argsort(-whole, axis=1, kind="stable")[:, :4]
    share = np.take_along_axis(whole, order, 1)
    return order, share / share.sum(1, keepdims=True)


def _our_bone(name: str, parents: dict[str, str | None]) -> str:
    """Return our bone of a bone of MakeHuman's: its own or that of the nearest ancestor."""
    at: str | None = name
    while at:
        stem, _, side = at.partition(".")
        if side in ("L", "R") and stem in _SIDED:
            ours = _SIDED[stem]
            return ours if ours in ("pelvis", "chest") else f"{ours}.{side}"
        if not side and stem in _TRUNK:
            return _TRUNK[stem]
        at = parents.get(at)
    return "pelvis"
