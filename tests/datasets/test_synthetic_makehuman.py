"""The importer of MakeHuman's assets, on a tiny checkout made here in its file formats."""

import json
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
