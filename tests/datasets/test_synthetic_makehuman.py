"""The importer of MakeHuman's assets, on a tiny checkout made here in its file formats."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lift3d.datasets.synthetic import capsule_body, read_body
from lift3d.datasets.synthetic.decimate import decimate
from lift3d.datasets.synthetic.makehuman import import_makehuman
from lift3d.poses.errors import BadInput, DecodeError

BODY = capsule_body()
# our bones -> the names of MakeHuman's that they are made of
THEIRS = {
    "pelvis": "root", "spine_low": "spine05", "spine_mid": "spine03", "chest": "spine02",
    "neck": "neck01", "head": "head", "clavicle": "clavicle", "upperarm_a": "upperarm01",
    "upperarm_b": "upperarm02", "forearm_a": "lowerarm01", "forearm_b": "lowerarm02",
    "hand": "wrist", "thigh_a": "upperleg01", "thigh_b": "upperleg02", "shin": "lowerleg01",
    "foot": "foot",
}  # fmt: skip
RAISED = 100  # a vertex that some targets move


def theirs(bone: str) -> str:
    name, _, side = bone.partition(".")
    return THEIRS[name] + (f".{side}" if side else "")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout whose base mesh is the body of capsules, with a helper at each bone."""
    root = tmp_path_factory.mktemp("makehuman")
    data = root / "makehuman" / "data"
    for folder in (
        "3dobjs",
        "rigs",
        "targets/macrodetails/height",
        "targets/macrodetails/proportions",
    ):
        (data / folder).mkdir(parents=True)
    points = np.concatenate([BODY.vertices_mm, BODY.bone_head_mm]) / 100  # decimetres
    V = len(BODY.vertices_mm)
    lines = ["# a made-up base mesh"] + [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points]
    lines += ["vt 0.5 0.5", "g body"]
    lines += ["f " + " ".join(f"{v + 1}/1" for v in face) for face in BODY.faces]
    lines += ["g joint-bones"] + [f"f {V + 1} {V + k + 1} {V + k + 1}" for k in range(26)]
    (data / "3dobjs" / "base.obj").write_text("\n".join(lines))
    bones = {
        theirs(bone): {
            "head": f"{theirs(bone)}____head",
            "parent": theirs(BODY.bone_names[parent]) if parent >= 0 else None,
        }
        for bone, parent in zip(BODY.bone_names, BODY.bone_parents, strict=True)
    }
    joints = {f"{theirs(bone)}____head": [V + k] for k, bone in enumerate(BODY.bone_names)}
    bones["finger1-1.L"] = {"head": "wrist.L____head", "parent": "wrist.L"}
    (data / "rigs" / "default.mhskel").write_text(json.dumps({"bones": bones, "joints": joints}))
    weights: dict[str, list] = {}
    for v, (rows, shares) in enumerate(zip(BODY.skin_bone, BODY.skin_weight, strict=True)):
        for row, share in zip(rows.tolist(), shares.tolist(), strict=True):
            # the left hand's weight is on a finger, which hangs from the wrist
            name = theirs(BODY.bone_names[row]).replace("wrist.L", "finger1-1.L")
            if share:
                weights.setdefault(name, []).append([v, share])
    (data / "rigs" / "default_weights.mhw").write_text(json.dumps({"weights": weights}))
    for name in target_names():
        moved = f"{RAISED} 0.5 0 0\n" if name.startswith("universal-male-young-max") else ""
        path = data / "targets" / "macrodetails" / f"{name}.target"
        path.write_text(f"# basemesh hm08\n{moved}")
    return root


def target_names() -> list[str]:
    mean = "averagemuscle-averageweight"
    names = []
    for sex in ("male", "female"):
        for age in ("young", "old", "child"):
            names += [f"{race}-{sex}-{age}" for race in ("african", "asian", "caucasian")]
            names.append(f"universal-{sex}-{age}-{mean}")
        for muscle in ("min", "max"):
            for weight in ("min", "max"):
                names.append(f"universal-{sex}-young-{muscle}muscle-{weight}weight")
        names += [f"height/{sex}-young-{mean}-{end}height" for end in ("min", "max")]
        names += [f"proportions/{sex}-young-{mean}-{k}proportions" for k in ("ideal", "uncommon")]
    return names


@pytest.fixture(scope="module")
def pack(checkout: Path) -> Path:
    path = checkout / "out" / "body.npz"
    said = import_makehuman(checkout, path)
    assert said == "1778 vertices, 3304 faces, 26 bones, 18 shapes"
    return path


def test_the_imported_body_stands_on_its_soles_with_the_rigs_bones(pack: Path) -> None:
    body = read_body(pack)
    lift = BODY.vertices_mm[:, 1].min()
    assert body.vertices_mm[:, 1].min() == pytest.approx(0, abs=1e-3)
    assert body.vertices_mm == pytest.approx(BODY.vertices_mm - [0, lift, 0], abs=0.01)
    for side, far in (("L", 4), ("R", 1)):
        hip = body.bone_head_mm[body.bone[f"thigh_a.{side}"]]
        assert hip == pytest.approx(BODY.joints_mm[far] - [0, lift, 0], abs=0.01)
        assert body.joints_mm[far] == pytest.approx(hip)
    top = body.vertices_mm[:, 1].max()
    assert body.joints_mm[10, 1] == pytest.approx(top - 10, abs=0.01)
    assert body.bone_names[body.joint_bone[13]] == "hand.L"


def test_weights_go_to_the_bone_or_to_the_nearest_one_above(pack: Path) -> None:
    body = read_body(pack)
    for v in (0, 700, 1200, 1777):
        expected = {b: w for b, w in zip(BODY.skin_bone[v], BODY.skin_weight[v], strict=True) if w}
        found = {b: w for b, w in zip(body.skin_bone[v], body.skin_weight[v], strict=True) if w}
        assert found == pytest.approx(expected, abs=1e-5)
    assert (body.skin_bone[:, 0] == body.bone["hand.L"]).any()


def test_targets_become_shapes_in_metres(pack: Path) -> None:
    body = read_body(pack)
    assert len(body.shape_names) == 18
    for name in ("male_athletic", "male_bulky"):
        moved = body.shape_vertices_mm[body.shape_names.index(name)]
        assert moved[RAISED] == pytest.approx([50, 0, 0], abs=0.1)  # half a decimetre
        assert not np.delete(moved, RAISED, 0).any()
    assert not body.shape_vertices_mm[body.shape_names.index("female_bulky")].any()


def test_parts_follow_the_bones_and_limbs_are_measured_along(pack: Path) -> None:
    body = read_body(pack)
    centre = body.vertices_mm[body.faces].mean(1)
    for part, low, high in (("upper_arm", -0.1, 1.1), ("forearm", 0.9, 2.1), ("foot", 2, 3)):
        along = body.face_along[body.is_part(part)]
        assert len(along) > 20
        assert low <= along.min() <= along.max() <= high
    assert centre[body.is_part("hair"), 1].min() > centre[body.is_part("neck"), 1].mean()


def test_lighter_meshes_use_the_same_vertices(pack: Path) -> None:
    body, light = read_body(pack), read_body(pack, "small")
    assert len(light.faces) <= 2500
    whole = {tuple(v) for v in body.vertices_mm.round(3)}
    assert all(tuple(v) in whole for v in light.vertices_mm.round(3))


def test_decimation_of_a_plane_keeps_its_outline() -> None:
    n = 6
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], -1).astype(float)
    a = (n * np.arange(n - 1)[:, None] + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n], 1), np.stack([a + 1, a + n + 1, a + n], 1)])
    light = decimate(points, faces, 20)
    corners = points[light[:, 1:]]
    turn = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert len(light) <= 20
    assert (turn > 0).all()  # nothing is folded over


def test_what_is_no_checkout_or_lacks_a_file_is_named(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        import_makehuman(tmp_path, tmp_path / "body.npz")
    assert str(error.value) == (
        f"{tmp_path} is no checkout of MakeHuman: it has no makehuman/data/3dobjs/base.obj; "
        "clone https://github.com/makehumancommunity/makehuman"
    )
    data = tmp_path / "data"
    data.mkdir()
    source = checkout / "makehuman" / "data"
    (data / "3dobjs").symlink_to(source / "3dobjs")
    missing = data / "targets" / "macrodetails" / "african-male-young.target"
    with pytest.raises(DecodeError) as error:
        import_makehuman(tmp_path, tmp_path / "body.npz")
    assert str(error.value) == (
        f"{missing} is not there; expected a whole checkout of MakeHuman with its targets as text"
    )
    missing.parent.mkdir(parents=True)
    missing.write_text("12 a b c")
    with pytest.raises(DecodeError, match="line 1 is no line of a target"):
        import_makehuman(tmp_path, tmp_path / "body.npz")


def put(line: str) -> Callable[[str], str]:
    """Return what puts a line before a text's others."""
    return lambda text: f"{line}\n{text}"


def change(*keys: str, value: object) -> Callable[[str], str]:
    """Return what replaces one value of a JSON text."""

    def changed(text: str) -> str:
        whole = at = json.loads(text)
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value
        return json.dumps(whole)

    return changed


OBJ, RIG, WEIGHTS = "3dobjs/base.obj", "rigs/default.mhskel", "rigs/default_weights.mhw"
TARGET = "targets/macrodetails/african-male-young.target"
TARGET_LINE = "{path} line 1 is no line of a target (vertex dx dy dz): "
PAIRS = (
    "the weights of bone 'head' in {path} must be pairs of a vertex, 0 to 1803, and a weight, "
    "0 or more, got "
)
PARENT = "bone 'head' in {path} must be an object whose parent is a bone or null, got "
NO_HEAD = "the rig has no bone 'head' whose head is a list of vertices, 0 to 1803"
BONE, HEAD, WEIGHT = ("bones", "head"), ("joints", "head____head"), ("weights", "head")
DAMAGES = [
    *(
        (OBJ, put(line), f"{{path}} line 1 is no line of an obj file: {line!r}")
        for line in ("v 1 2", "v nan 0 0", "v 1 2 inf", "f 1 2", "f 1 2 x")
    ),
    (OBJ, put("g joint-mouth\nf 1 2 9999"), "{path} has faces on vertices that it does not list"),
    (OBJ, lambda t: t.replace("g body", "g skin"),
     "{path} has no faces of group 'body'; expected MakeHuman's base mesh"),
    *(
        (TARGET, put(line), f"{TARGET_LINE}{line!r}; vertices are from 0 to 1803")
        for line in ("5 0.1", "5 0.1 0 0 0", "-5 0.1 0 0", "1804 0 0 0", "5 nan 0 0")
    ),
    (RIG, lambda t: "[" * 100_000, "{path} is no readable JSON; fetch it again"),
    (RIG, change("bones", value=[]), "'bones' in {path} must be an object with entries, got []"),
    (RIG, change(*BONE, value="neck01"), f"{PARENT}'neck01'"),
    (RIG, change(*BONE, value={"parent": 3}), f"{PARENT}{{{{'parent': 3}}}}"),
    (RIG, change(*BONE, value={"parent": "tail"}), f"{PARENT}{{{{'parent': 'tail'}}}}"),
    (RIG, change(*BONE, value={"parent": "head"}),
     "the parents of bone 'head' in {path} go round in a circle"),
    (RIG, change("bones", "root", "parent", value="finger1-1.L"),
     "the parents of bone 'root' in {path} go round in a circle"),
    *((RIG, change(*HEAD, value=rows), NO_HEAD) for rows in ([], 5, [-5], [1804], [[1, 2]], ["1"])),
    *(
        (WEIGHTS, change("weights", value=wrong),
         f"'weights' in {{path}} must be an object with entries, got {wrong}")
        for wrong in ([1, 2], 7, None)
    ),
    *(
        (WEIGHTS, change(*WEIGHT, value=pairs), f"{PAIRS}{came}")
        for pairs, came in (
            (7, "7"), ("no", "'no'"), ([5, 1], "[5, 1]"), ([[5]], "[[5]]"),
            ([[5, 1], [5, float("nan")]], "[5.0, nan]"), ([[5, -1]], "[5.0, -1.0]"),
            ([[-5, 1]], "[-5.0, 1.0]"), ([[1804, 1]], "[1804.0, 1.0]"), ([[5.5, 1]], "[5.5, 1.0]"),
            ([[5, None]], "[5.0, nan]"),
        )
    ),
]  # fmt: skip


def damaged(checkout: Path, folder: Path, name: str, damage: Callable[[str], str]) -> Path:
    """Copy the checkout's data into a folder and damage one file; return the file."""
    shutil.copytree(checkout / "makehuman" / "data", folder / "data")
    path = folder / "data" / name
    path.write_text(damage(path.read_text()))
    return path


@pytest.mark.parametrize(("name", "damage", "text"), DAMAGES)
def test_a_damaged_file_of_the_checkout_is_named(
    checkout: Path, tmp_path: Path, name: str, damage: Callable[[str], str], text: str
) -> None:
    path = damaged(checkout, tmp_path, name, damage)
    with pytest.raises(DecodeError) as error:
        import_makehuman(tmp_path, tmp_path / "out" / "body.npz")
    assert str(error.value) == text.format(path=path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "damage", "text"),
    [
        (TARGET, put("5 1e9 0 0"), "shape_vertices in {} must be finite numbers, got inf"),
        (OBJ, lambda text: re.sub("(?m)^v .*", "v 0 0 0", text),
         "vertices in {} must be finite places that span 0.3 to 3 m upwards, got 0 m"),
    ],
)  # fmt: skip
def test_a_pack_that_could_not_be_read_again_is_not_written(
    checkout: Path, tmp_path: Path, name: str, damage: Callable[[str], str], text: str
) -> None:
    damaged(checkout, tmp_path, name, damage)
    with pytest.raises(BadInput) as error:
        import_makehuman(tmp_path, tmp_path / "out" / "body.npz")
    assert str(error.value) == (
        f"{text.format(f'the body of {tmp_path}')}; see docs/synthetic_people.md, 'Bodies'"
    )
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_leaves_nothing_behind(
    checkout: Path, tmp_path: Path
) -> None:
    output = tmp_path / "body.npz"
    output.mkdir()
    with pytest.raises(BadInput) as error:
        import_makehuman(checkout, output)
    assert str(error.value) == (
        f"{output} cannot be written (Is a directory); choose another with -o"
    )
    assert list(tmp_path.iterdir()) == [output]
