"""A built-in body of capsules, for tests and for a first try without a body pack."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...poses import get_skeleton
from .body import Body
from .tubes import sheet_faces

PARTS = (
    "head", "hair", "eye", "lips", "brow", "neck", "torso", "upper_arm", "forearm", "hand", "hips",
    "upper_leg", "lower_leg", "foot",
)  # fmt: skip
_ARM = ("clavicle", "upperarm_a", "upperarm_b", "forearm_a", "forearm_b", "hand")
_LEG = ("thigh_a", "thigh_b", "shin", "foot")
# metres at rest, the left side; x left, y up, z ahead
_AT = {
    "pelvis": (0, 0.92, 0), "spine": (0, 1.15, -0.01), "thorax": (0, 1.43, 0),
    "neck_nose": (0, 1.56, 0.04), "head_top": (0, 1.72, 0.03), "shoulder": (0.18, 1.39, 0.01),
    "elbow": (0.34, 1.17, 0.01), "wrist": (0.46, 0.98, 0.12), "tip": (0.53, 0.87, 0.21),
    "hip": (0.1, 0.92, 0), "knee": (0.13, 0.5, 0.02), "ankle": (0.15, 0.08, 0.0),
    "heel": (0.15, 0.045, -0.07), "toes": (0.165, 0.03, 0.2), "collar": (0.03, 1.4, 0.01),
    "low": (0, 0.95, 0), "mid": (0, 1.07, -0.01), "neck": (0, 1.48, 0.0),
}  # fmt: skip
# bone -> where its head is
_HEADS = {
    "pelvis": "pelvis", "spine_low": "low", "spine_mid": "mid", "chest": "spine", "neck": "neck",
    "head": "neck_nose", "clavicle": "collar", "upperarm_a": "shoulder", "upperarm_b": "shoulder",
    "forearm_a": "elbow", "forearm_b": "elbow", "hand": "wrist", "thigh_a": "hip",
    "thigh_b": "hip", "shin": "knee", "foot": "ankle",
}  # fmt: skip
_CARRIERS = {
    "pelvis": "pelvis", "spine": "chest", "thorax": "chest", "neck_nose": "head",
    "head_top": "head", "shoulder": "upperarm_a", "elbow": "forearm_a", "wrist": "hand",
    "hip": "thigh_a", "knee": "shin", "ankle": "foot",
}  # fmt: skip
# rings of a tube: place, half width across, half depth, s along the limb, part, bones with weights
_Ring = tuple[tuple[float, float, float], float, float, float, str, dict[str, float]]
AROUND = 14


def capsule_body() -> Body:
    """Return a body with the bones, parts and joints of a body pack, made of rounded tubes.

    >>> capsule_body().joints_mm.shape
    (17, 3)
    """
    bones, parents = bone_tree()
    tubes = [_tube(rings) for rings in (_trunk(), _neck(), _head())]
    for sign in (1, -1):
        tubes += [_tube(_sided(rings, sign)) for rings in (_arm(), _leg(), _foot())]
    starts = np.cumsum([0] + [len(t.vertices) for t in tubes])
    vertices, axis = (np.concatenate([getattr(t, f) for t in tubes]) for f in ("vertices", "axis"))
    weights = np.zeros((len(vertices), len(bones)))
    row = 0
    for tube in tubes:
        for carried in tube.weights:
            for name, share in carried.items():
                weights[row, bones.index(name)] += share
            row += 1
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    top = np.take_along_axis(weights, order, 1)
    faces = np.concatenate([t.faces + s for t, s in zip(tubes, starts, strict=False)])
    part = np.concatenate([t.part for t in tubes])
    _draw_face(vertices, faces, part)
    head_at = np.array([_place(name) for name in bones])
    joints, carrier = _joints(bones)
    shapes = _shapes(vertices, axis, head_at, joints)
    return Body(
        vertices_mm=1000 * vertices,
        faces=faces,
        face_part=part,
        face_along=np.concatenate([t.along for t in tubes]),
        bone_head_mm=1000 * head_at,
        joints_mm=1000 * joints,
        bone_parents=np.array(parents),
        joint_bone=carrier,
        skin_bone=order,
        skin_weight=top / top.sum(1, keepdims=True),
        shape_vertices_mm=1000 * np.stack([s[0] for s in shapes.values()]),
        shape_bone_head_mm=1000 * np.stack([s[1] for s in shapes.values()]),
        shape_joints_mm=1000 * np.stack([s[2] for s in shapes.values()]),
        shape_names=tuple(shapes),
        bone_names=tuple(bones),
        part_names=PARTS,
    )


@dataclass(frozen=True, eq=False)
class _Tube:
    vertices: np.ndarray
    axis: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    along: np.ndarray
    weights: list[dict[str, float]]


def _tube(rings: list[_Ring]) -> _Tube:
    """Return a closed tube; its ends are drawn together to points."""
    place = np.array([r[0] for r in rings], float)
    ahead = np.gradient(place, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    # across lies level, so that widths are the person's left and right
    side = (
        np.cross([0, 0, 1.0], ahead)
        if abs(ahead[:, 2]).max() < 0.9
        else np.tile([1.0, 0, 0], (len(rings), 1))
    )
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    depth = np.cross(ahead, side)
    angle = np.arange(AROUND) * 2 * np.pi / AROUND
    wide, deep = (np.array([r[k] for r in rings])[:, None, None] for k in (1, 2))
    out = (
        wide * np.cos(angle)[None, :, None] * side[:, None]
        + deep * np.sin(angle)[None, :, None] * depth[:, None]
    )
    vertices = (place[:, None] + out).reshape(-1, 3)
    faces = sheet_faces(len(rings), AROUND, closed=True)
    flat = np.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    axis = np.repeat(place, AROUND, 0)
    if (flat * (vertices - axis)[faces].mean(1)).sum() < 0:
        faces = faces[:, ::-1]
    ring = faces.min(1) // AROUND
    part = np.array([PARTS.index(r[4]) for r in rings])[ring]
    along = np.array([r[3] for r in rings])
    middle = (along[ring] + along[np.minimum(ring + 1, len(rings) - 1)]) / 2
    return _Tube(vertices, axis, faces, part, middle, [r[5] for r in rings for _ in range(AROUND)])


def _trunk() -> list[_Ring]:
    rows = [
        (0.79, 0.02, 0.02, 0.0, "hips", {"pelvis": 1.0}),
        (0.81, 0.12, 0.09, 0.0, "hips", {"pelvis": 1.0}),
        (0.87, 0.165, 0.115, 0.05, "hips", {"pelvis": 1.0}),
        (0.93, 0.165, 0.115, 0.12, "hips", {"pelvis": 0.8, "spine_low": 0.2}),
        (0.99, 0.15, 0.105, 0.2, "torso", {"pelvis": 0.4, "spine_low": 0.6}),
        (1.06, 0.137, 0.1, 0.3, "torso", {"spine_low": 0.6, "spine_mid": 0.4}),
        (1.14, 0.142, 0.105, 0.45, "torso", {"spine_mid": 0.6, "chest": 0.4}),
        (1.23, 0.16, 0.115, 0.6, "torso", {"chest": 1.0}),
        (1.31, 0.172, 0.12, 0.75, "torso", {"chest": 1.0}),
        (1.38, 0.17, 0.1, 0.9, "torso", {"chest": 1.0}),
        (1.42, 0.12, 0.075, 0.95, "torso", {"chest": 1.0}),
        (1.455, 0.05, 0.05, 1.0, "torso", {"chest": 0.8, "neck": 0.2}),
    ]
    return [((0.0, y, -0.005), *rest) for y, *rest in rows]  # type: ignore[misc]


def _neck() -> list[_Ring]:
    bones: list[dict[str, float]] = [
        {"chest": 0.7, "neck": 0.3},
        {"neck": 1.0},
        {"neck": 0.5, "head": 0.5},
    ]
    rows = [(1.4, 0.03), (1.42, 0.058), (1.48, 0.054), (1.54, 0.052), (1.57, 0.03)]
    return [
        ((0.0, y, 0.005 + 0.1 * (y - 1.4)), r, r, k / 4, "neck", bones[min(k // 2, 2)])
        for k, (y, r) in enumerate(rows)
    ]


def _head() -> list[_Ring]:
    down = np.linspace(np.pi, 0, 14)
    return [
        ((0.0, 1.61 + 0.12 * np.cos(t), 0.03), 0.001 + 0.076 * np.sin(t), 0.001 + 0.096 * np.sin(t),
         0.0, "head", {"head": 1.0})
        for t in down
    ]  # fmt: skip


def _limb(
    points: list[tuple[str, float, float, float]], parts: list[str], bones: list[dict]
) -> list[_Ring]:
    """Return rings along joints: (joint, radius, depth, s) with parts and bones between them."""
    rings: list[_Ring] = []
    n = 7
    for k, (a, b) in enumerate(pairwise(points)):
        for t in np.linspace(0, 1, n, endpoint=k == len(points) - 2):
            start, end = np.array(_AT[a[0]]), np.array(_AT[b[0]])
            place = tuple(float(v) for v in start + t * (end - start))
            mix: dict[str, float] = {}
            first, second = bones[k], bones[min(k + 1, len(bones) - 1)]
            share = max(0.0, (t - 0.6) / 0.8)  # half and half at the joint
            before = bones[k - 1] if k else first
            back = max(0.0, (0.4 - t) / 0.8)
            for names, part in ((first, 1 - share - back), (second, share), (before, back)):
                chosen = names["start"] if t < 0.45 else names["end"]
                mix[chosen] = mix.get(chosen, 0.0) + part
            wide, deep, s = np.array(a[1:]) + t * (np.array(b[1:]) - np.array(a[1:]))
            rings.append((place, wide, deep, s, parts[k], mix))  # type: ignore[arg-type]
    return [_cap(rings[0], rings[1]), *rings, _cap(rings[-1], rings[-2])]


def _cap(end: _Ring, before: _Ring) -> _Ring:
    """Return the point that rounds off a tube's end."""
    ahead = np.array(end[0]) - np.array(before[0])
    tip = np.array(end[0]) + 0.7 * end[2] * ahead / np.linalg.norm(ahead)
    return (tuple(float(v) for v in tip), 0.003, 0.003, *end[3:])  # type: ignore[return-value]


def _arm() -> list[_Ring]:
    points = [
        ("shoulder", 0.055, 0.055, 0.0), ("elbow", 0.042, 0.042, 1.0), ("wrist", 0.029, 0.027, 2.0),
        ("tip", 0.03, 0.014, 3.0),
    ]  # fmt: skip
    bones = [
        {"start": "upperarm_a", "end": "upperarm_b"}, {"start": "forearm_a", "end": "forearm_b"},
        {"start": "hand", "end": "hand"},
    ]  # fmt: skip
    return _limb(points, ["upper_arm", "forearm", "hand"], bones)


def _leg() -> list[_Ring]:
    points = [("hip", 0.085, 0.09, 0.0), ("knee", 0.056, 0.06, 1.0), ("ankle", 0.04, 0.043, 2.0)]
    bones = [{"start": "thigh_a", "end": "thigh_b"}, {"start": "shin", "end": "shin"}]
    return _limb(points, ["upper_leg", "lower_leg"], bones)


def _foot() -> list[_Ring]:
    points = [("heel", 0.035, 0.04, 2.05), ("toes", 0.045, 0.025, 3.0)]
    return _limb(points, ["foot"], [{"start": "foot", "end": "foot"}])


def _sided(rings: list[_Ring], sign: int) -> list[_Ring]:
    side = ".L" if sign > 0 else ".R"
    return [
        ((sign * p[0], p[1], p[2]), wide, deep, s, part, {b + side: w for b, w in mix.items()})
        for p, wide, deep, s, part, mix in rings
    ]


def bone_tree() -> tuple[list[str], list[int]]:
    """Return the names of a body's 26 bones and the rows of their parents, -1 for the first."""
    bones, parents = (
        ["pelvis", "spine_low", "spine_mid", "chest", "neck", "head"],
        [-1, 0, 1, 2, 3, 4],
    )
    for side in ("L", "R"):
        first = len(bones)
        bones += [f"{name}.{side}" for name in (*_ARM, *_LEG)]
        parents += [3, *range(first, first + 5), 0, *range(first + 6, first + 9)]
    return bones, parents


def _place(bone: str) -> np.ndarray:
    name, _, side = bone.partition(".")
    return np.array(_AT[_HEADS[name]], float) * ([-1, 1, 1] if side == "R" else [1, 1, 1])


def _joints(bones: list[str]) -> tuple[np.ndarray, np.ndarray]:
    places, carriers = [], []
    for joint in get_skeleton("h36m17").joints:
        side, _, name = (
            joint.partition("_") if joint.startswith(("left", "right")) else ("", "", joint)
        )
        places.append(np.array(_AT[name], float) * ([-1, 1, 1] if side == "right" else [1, 1, 1]))
        end = {"left": ".L", "right": ".R", "": ""}[side]
        carriers.append(bones.index(_CARRIERS[name] + end))
    return np.array(places), np.array(carriers)


def _draw_face(vertices: np.ndarray, faces: np.ndarray, part: np.ndarray) -> None:
    """Name the head's faces: hair above and behind, eyes, brows and lips in front."""
    centre = vertices[faces].mean(1)
    head = part == PARTS.index("head")
    x, y, z = centre.T
    part[head & ((y > 1.66) | (z < 0.03) & (y > 1.56))] = PARTS.index("hair")
    spots = [(0.03, 1.625, "eye"), (-0.03, 1.625, "eye"), (0.03, 1.648, "brow"),
             (-0.03, 1.648, "brow"), (0.012, 1.555, "lips"), (-0.012, 1.555, "lips")]  # fmt: skip
    for u, v, name in spots:
        away = np.where(head & (z > 0.05), np.hypot(x - u, y - v), np.inf)
        part[np.argmin(away)] = PARTS.index(name)


def _shapes(
    vertices: np.ndarray, axis: np.ndarray, heads: np.ndarray, joints: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return what each shape coefficient of 1 adds to vertices, bones and joints, metres."""
    still = np.zeros_like(heads), np.zeros_like(joints)
    outward = vertices - axis
    found = {}
    for sex in ("male", "female"):
        for name, amount in (("fat", 0.4), ("thin", -0.2), ("athletic", 0.06), ("bulky", 0.2)):
            found[f"{sex}_{name}"] = (amount * outward, *still)
    for name, amount in (("height_max", 0.4), ("height_min", -0.3), ("child", -0.25)):
        found[name] = (amount * vertices, amount * heads, amount * joints)
    return found
