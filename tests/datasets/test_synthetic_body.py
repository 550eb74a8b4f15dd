"""Synthetic people, with a tiny body of boxes made here."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lift3d.datasets.synthetic import (
    Body,
    FreeAngles,
    Lighting,
    ParallelLight,
    Surface,
    bone_rotations,
    face_to_vertex,
    illuminate,
    look,
    mean_directions,
    neighbour_mean,
    rasterise,
    read_body,
    sky_light,
    soft_light,
    vertex_normals,
)
from lift3d.datasets.synthetic.light import in_shadow
from lift3d.datasets.synthetic.rotations import about, axes_x_first, axes_y_first, part_way, swing
from lift3d.poses import PinholeCamera, get_skeleton
from lift3d.poses.errors import BadInput, DecodeError

H36M = get_skeleton("h36m17")
PARENTS = np.array(H36M.parents)
BONES = ["pelvis", "spine_low", "spine_mid", "chest", "neck", "head"]
BONE_PARENTS = [-1, 0, 1, 2, 3, 4]
for side in "LR":
    first = len(BONES)
    arm = ("clavicle", "upperarm_a", "upperarm_b", "forearm_a", "forearm_b", "hand")
    BONES += [f"{name}.{side}" for name in (*arm, "thigh_a", "thigh_b", "shin", "foot")]
    BONE_PARENTS += [3, *range(first, first + 5), 0, *range(first + 6, first + 9)]
CARRIER = {
    "pelvis": "pelvis", "spine": "spine_mid", "thorax": "chest", "neck_nose": "head",
    "head_top": "head", "left_shoulder": "clavicle.L", "left_elbow": "upperarm_b.L",
    "left_wrist": "forearm_b.L", "right_shoulder": "clavicle.R", "right_elbow": "upperarm_b.R",
    "right_wrist": "forearm_b.R", "left_hip": "pelvis", "left_knee": "thigh_b.L",
    "left_ankle": "shin.L", "right_hip": "pelvis", "right_knee": "thigh_b.R",
    "right_ankle": "shin.R",
}  # fmt: skip
REST = {
    "pelvis": (0, 1.0, 0), "spine": (0, 1.2, 0), "thorax": (0, 1.45, 0), "neck_nose": (0, 1.55, 0),
    "head_top": (0, 1.75, 0), "left_shoulder": (0.18, 1.42, 0), "left_elbow": (0.3, 1.2, -0.01),
    "left_wrist": (0.4, 1.0, 0.04), "left_hip": (0.1, 0.95, 0), "left_knee": (0.1, 0.5, 0.01),
    "left_ankle": (0.1, 0.08, 0),
}  # fmt: skip


def rest_joints_m() -> np.ndarray:
    rest = dict(REST)
    for name, (x, y, z) in REST.items():
        rest[name.replace("left_", "right_")] = (-x, y, z) if "left_" in name else (x, y, z)
    return np.array([rest[name] for name in H36M.joints], float)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a body whose vertices are its joints: one triangle for each of five joints."""
    joints = rest_joints_m()
    carrier = np.array([BONES.index(CARRIER[name]) for name in H36M.joints])
    at = {name: joints[H36M.index(name)] for name in H36M.joints}
    heads = {"pelvis": "pelvis", "spine_low": "pelvis", "spine_mid": "spine", "chest": "spine",
             "neck": "thorax", "head": "thorax"}  # fmt: skip
    for side, word in (("L", "left"), ("R", "right")):
        for bone, joint in (("clavicle", "thorax"), ("upperarm_a", f"{word}_shoulder"),
                            ("upperarm_b", f"{word}_shoulder"), ("forearm_a", f"{word}_elbow"),
                            ("forearm_b", f"{word}_elbow"), ("hand", f"{word}_wrist"),
                            ("thigh_a", f"{word}_hip"), ("thigh_b", f"{word}_hip"),
                            ("shin", f"{word}_knee"), ("foot", f"{word}_ankle")):  # fmt: skip
            heads[f"{bone}.{side}"] = joint
    bone_head = np.array([at[heads[name]] for name in BONES])
    taller = np.array([0, 0.1, 0]) * joints[:, 1:2]
    np.savez(
        tmp_path / "body.npz",
        vertices=joints.astype(np.float32),
        faces=np.array([[0, 1, 2], [0, 4, 5], [8, 11, 12], [8, 14, 15], [8, 9, 10]]),
        part=np.array([0, 0, 1, 1, 1], np.uint8),
        s=np.arange(5, dtype=np.float32),
        lod_vertices=np.array([0, 8, 9, 10]),
        lod_faces=np.array([[1, 2, 3]]),
        lod_part=np.array([1], np.uint8),
        lod_s=np.array([4.0], np.float32),
        part_names=np.array(["legs", "rest"]),
        bone_names=np.array(BONES),
        bone_parents=np.array(BONE_PARENTS),
        bone_head=bone_head.astype(np.float32),
        joints=joints.astype(np.float32),
        joint_bone=carrier,
        skin_index=np.repeat(carrier[:, None], 4, 1),
        skin_weight=np.full((17, 4), 0.25, np.float32),
        shape_names=np.array(["tall"]),
        shape_vertices=taller[None].astype(np.float16),
        shape_joints=taller[None].astype(np.float16),
        shape_bone_head=(np.array([0, 0.1, 0]) * bone_head[:, 1:2])[None].astype(np.float16),
    )
    return tmp_path / "body.npz"


@pytest.fixture
def body(pack: Path) -> Body:
    return read_body(pack)


def directions(joints: np.ndarray) -> np.ndarray:
    bones = joints[1:] - joints[PARENTS[1:]]
    return bones / np.linalg.norm(bones, axis=1, keepdims=True)


def take(body: Body, pose: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    return body.pose_joints(body.transforms(bone_rotations(body, pose, neutral)))


def test_read_body_converts_metres_and_keeps_the_mesh(body: Body) -> None:
    assert body.vertices_mm.shape == (17, 3)
    assert body.joints_mm[H36M.index("head_top")] == pytest.approx([0, 1750, 0], abs=1e-3)
    assert body.bone["head"] == 5
    assert body.is_part("legs").tolist() == [True, True, False, False, False]


def test_a_lighter_mesh_is_a_subset_of_the_vertices(pack: Path, body: Body) -> None:
    light = read_body(pack, "medium")
    assert light.vertices_mm == pytest.approx(body.vertices_mm[[0, 8, 9, 10]])
    assert light.skin_bone.shape == (4, 4)
    assert light.face_along.tolist() == [4.0]


def test_a_pack_without_an_array_and_an_unknown_mesh_are_refused(pack: Path) -> None:
    with pytest.raises(DecodeError, match="has no array 'lod2_vertices'"):
        read_body(pack, "small")
    with pytest.raises(BadInput) as error:
        read_body(pack, "tiny")  # type: ignore[arg-type]
    assert str(error.value) == "mesh must be 'full', 'medium' or 'small', got 'tiny'"


def fill(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda array: np.full_like(array, value)


def floats(array: np.ndarray) -> np.ndarray:
    return array.astype(float)


def renamed(names: np.ndarray) -> np.ndarray:
    return np.where(names == "chest", "thorax", names)


SHARES = "shares of 0 or more that add up to 1 in each row"
PLACES = "finite places that span 0.3 to 3 m upwards"
EARLIER = "-1 for the first bone and an earlier bone for any other"
FACES, CORNERS = "rows of lod_vertices, 0 to 3", "(1 or more, 3)"
KEPT, PART = "rows of vertices, 0 to 16", "rows of part_names, 0 to 1"
BONE = "rows of bone_names, 0 to 25"
SHAPES = "finite numbers, shape (1 shape_names, 17 vertices, 3)"
HEADS = f"{PLACES}, shape (26 bone_names, 3)"
BAD_ARRAYS = [
    ("vertices", fill(np.nan), f"{PLACES}, got nan"),
    ("vertices", lambda a: a[:, :2], f"{PLACES}, shape {CORNERS}, got float32, shape (17, 2)"),
    ("vertices", lambda a: 1000 * a, f"{PLACES}, got 1670 m"),
    ("vertices", lambda a: a[0, 0], f"{PLACES}, shape {CORNERS}, got float32, shape ()"),
    ("faces", lambda a: a + 6, f"{KEPT}, got 17"),
    ("lod_vertices", lambda a: a + 7, f"{KEPT}, got 17"),
    ("lod_vertices", floats, f"{KEPT}, shape (1 or more), got float64, shape (4,)"),
    ("lod_faces", floats, f"{FACES}, shape {CORNERS}, got float64, shape (1, 3)"),
    ("lod_faces", lambda a: a[:0], f"{FACES}, shape {CORNERS}, got int64, shape (0, 3)"),
    ("lod_faces", lambda a: a[:, :2], f"{FACES}, shape {CORNERS}, got int64, shape (1, 2)"),
    ("lod_faces", lambda a: a + 1, f"{FACES}, got 4"),
    ("lod_part", lambda a: a[:0], f"{PART}, shape (1 lod_faces), got uint8, shape (0,)"),
    ("lod_part", lambda a: a + 100, f"{PART}, got 101"),
    ("lod_s", fill(np.nan), "finite numbers, got nan"),
    ("skin_index", lambda a: a - 26, f"{BONE}, got -26"),
    ("skin_index", lambda a: a[:9], f"{BONE}, shape (17 vertices, 4), got int64, shape (9, 4)"),
    ("skin_weight", fill(np.nan), f"{SHARES}, got [nan nan nan nan]"),
    ("skin_weight", fill(0), f"{SHARES}, got [0. 0. 0. 0.]"),
    ("skin_weight", fill(0.5), f"{SHARES}, got [0.5 0.5 0.5 0.5]"),
    ("skin_weight", lambda a: a * [5, -1, -1, 1], f"{SHARES}, got [ 1.25 -0.25 -0.25  0.25]"),
    ("bone_names", renamed, "names with all 26 bones, got none named 'chest'"),
    ("bone_names", lambda a: a[:-1], "names with all 26 bones, got none named 'foot.R'"),
    ("bone_parents", lambda a: a + 26, f"{EARLIER}, got 25"),
    ("bone_parents", lambda a: a[::-1], f"{EARLIER}, got 24"),
    ("joint_bone", lambda a: a + 26, f"{BONE}, got 26"),
    ("joints", lambda a: a[:5], f"{PLACES}, shape (17, 3), got float32, shape (5, 3)"),
    ("shape_vertices", lambda a: a[:, :9], f"{SHAPES}, got float16, shape (1, 9, 3)"),
    ("bone_head", lambda a: a[1:], f"{HEADS}, got float32, shape (25, 3)"),
    ("bone_head", fill(0), f"{PLACES}, got 0 m"),
    ("part_names", lambda a: np.array(["legs", "legs"]), "names, each once, got 'legs' twice"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "damage", "text"), BAD_ARRAYS)
def test_an_array_that_no_body_can_have_is_named(
    pack: Path, name: str, damage: Callable[[np.ndarray], np.ndarray], text: str
) -> None:
    content = dict(np.load(pack))
    np.savez(pack, **(content | {name: damage(content[name])}))
    with pytest.raises(BadInput) as error:
        read_body(pack, "medium" if name.startswith("lod_") else "full")
    assert str(error.value) == (
        f"{name} in {pack} must be {text}; see docs/synthetic_people.md, 'Bodies'"
    )


def test_more_shapes_than_names_are_refused(pack: Path) -> None:
    content = dict(np.load(pack))
    np.savez(pack, **(content | {"shape_names": np.array([], "U1")}))
    with pytest.raises(BadInput, match=r"shape_vertices .* \(0 shape_names, 17 vertices, 3\), got"):
        read_body(pack)


def test_a_shape_moves_vertices_bones_and_joints_together(body: Body) -> None:
    tall = body.shaped({"tall": 0.5})
    assert tall.vertices_mm == pytest.approx(body.vertices_mm * [1, 1.05, 1], abs=0.1)
    assert tall.joints_mm == pytest.approx(tall.vertices_mm, abs=1e-3)
    assert tall.bone_head_mm == pytest.approx(body.bone_head_mm * [1, 1.05, 1], abs=0.1)


def test_unknown_shapes_and_parts_are_named(body: Body) -> None:
    with pytest.raises(BadInput) as error:
        body.shaped({"wide": 1.0})
    assert str(error.value) == "the body has no shape 'wide'; it has tall"
    with pytest.raises(BadInput) as error:
        body.is_part("wings")
    assert str(error.value) == "the body has no part 'wings'; it has legs, rest"


def test_no_rotation_leaves_the_body_at_rest_about_its_first_bone(body: Body) -> None:
    maps = body.transforms(np.tile(np.eye(3), (len(BONES), 1, 1)))
    assert body.pose_vertices(maps) == pytest.approx(body.vertices_mm - body.bone_head_mm[0])


def test_stretch_lengthens_one_bone_and_carries_what_hangs_from_it(body: Body) -> None:
    still = np.tile(np.eye(3), (len(BONES), 1, 1))
    down = -np.eye(3)[1]
    moved = body.pose_joints(body.transforms(still, {"shin.L": (1.5, down)}))
    move = moved - (body.joints_mm - body.bone_head_mm[0])
    ankle = H36M.index("left_ankle")
    assert move[ankle] == pytest.approx([0, -0.5 * 420, 0], abs=1e-3)
    assert np.delete(move, ankle, 0) == pytest.approx(0, abs=1e-9)


def test_the_body_takes_its_own_rest_pose_turned_any_way(body: Body) -> None:
    neutral = mean_directions(body.joints_mm[None])
    turn = about(np.array([1.0, 2, 3]), 2.0)
    posed = take(body, body.joints_mm @ turn.T, neutral)
    expected = (body.joints_mm - body.joints_mm[0]) @ turn.T
    assert posed - posed[0] == pytest.approx(expected, abs=1e-6)


def test_limbs_follow_the_directions_of_a_pose(body: Body) -> None:
    neutral = mean_directions(body.joints_mm[None])
    pose = body.joints_mm.copy()
    pose[H36M.index("left_wrist")] = pose[H36M.index("left_elbow")] + [50, 100, 200]
    pose[H36M.index("right_knee")] = pose[H36M.index("right_hip")] + [-30, -250, 330]
    pose[H36M.index("right_ankle")] = pose[H36M.index("right_knee")] + [0, -300, -200]
    posed = take(body, pose, neutral)
    assert directions(posed) == pytest.approx(directions(pose), abs=1e-6)
    lengths = np.linalg.norm(posed[1:] - posed[PARENTS[1:]], axis=1)
    rest = np.linalg.norm(body.joints_mm[1:] - body.joints_mm[PARENTS[1:]], axis=1)
    assert lengths == pytest.approx(rest)


def test_free_angles_turn_the_head_and_move_no_limb(body: Body) -> None:
    neutral = mean_directions(body.joints_mm[None])
    turned = bone_rotations(body, body.joints_mm, neutral, FreeAngles(head_turn=0.5))
    still = bone_rotations(body, body.joints_mm, neutral)
    head, neck = body.bone["head"], body.bone["neck"]
    assert turned[head] == pytest.approx(about(np.array([0.0, 1, 0]), 0.5) @ still[head])
    others = np.delete(np.arange(len(BONES)), [head, neck])
    assert np.array_equal(turned[others], still[others])


def test_mean_directions_need_someone_upright() -> None:
    lying = rest_joints_m()[None][..., [1, 0, 2]]
    with pytest.raises(BadInput) as error:
        mean_directions(lying)
    assert str(error.value) == (
        "poses must hold people who stand upright, got none among 1; y must be up"
    )


@pytest.mark.parametrize("end", [(0, 1, 0), (1, 0, 0), (-1, 0, 0), (0.3, -0.4, 0.9)])
def test_swing_takes_one_direction_to_another(end: tuple[float, float, float]) -> None:
    turn = swing(np.array([2.0, 0, 0]), np.array(end))
    assert turn @ [1, 0, 0] == pytest.approx(np.array(end) / np.linalg.norm(end))
    assert np.linalg.det(turn) == pytest.approx(1)


def test_axes_keep_their_first_direction_and_part_way_goes_half() -> None:
    x, y = np.array([1.0, 0, 0]), np.array([1.0, 1, 0])
    assert axes_x_first(x, y) == pytest.approx(np.eye(3))
    assert axes_y_first(np.array([0.0, 3, 0]), y) == pytest.approx(np.eye(3))
    quarter, eighth = (
        about(np.array([0, 0, 1.0]), np.pi / 2),
        about(np.array([0, 0, 1.0]), np.pi / 4),
    )
    assert part_way(np.eye(3), quarter, 0.5) == pytest.approx(eighth)


SQUARE = np.array([[0.0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]])
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def test_mesh_values_worked_by_hand() -> None:
    assert vertex_normals(SQUARE, TWO) == pytest.approx(np.tile([0, 0, 1], (4, 1)))
    assert face_to_vertex(np.array([[1.0], [3.0]]), TWO, 4).ravel().tolist() == [2, 1, 2, 3]


def test_neighbour_mean_takes_the_mean_of_the_neighbours_and_leaves_lone_vertices() -> None:
    values = np.array([[0.0], [9.0], [3.0], [6.0], [7.0]])
    # vertex 1 lies between 0 and 2, vertex 0 has 1, 2 and 3 round it; vertex 4 is in no face
    assert (neighbour_mean(TWO, 5) @ values).ravel().tolist() == pytest.approx([6, 1.5, 5, 1.5, 7])


def test_rasterise_fills_the_pixels_whose_centres_lie_inside() -> None:
    points = np.array([[0.0, 0], [3, 0], [0, 3]])
    face, weights, depth = rasterise(points, np.array([1.0, 4, 7]), np.array([[0, 1, 2]]), (5, 4))
    assert (face + 1).tolist() == [
        [1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
    ]
    assert depth[0, 2] == pytest.approx(3)
    assert depth[2, 1] == pytest.approx(1 / 3 * 4 + 2 / 3 * 7)
    assert weights[1, 1] == pytest.approx([1 / 3] * 3)
    assert np.isinf(depth[3, 4])


def test_the_nearest_triangle_wins_and_cut_ones_let_through() -> None:
    points = np.array([[0.0, 0], [8, 0], [0, 8]] * 2)
    faces = np.array([[0, 1, 2], [3, 5, 4]])  # the second is wound the other way
    depth = np.array([5.0, 5, 5, 3, 3, 3])
    assert rasterise(points, depth, faces, (3, 3))[0].tolist() == [[1] * 3] * 3
    keep = np.array([1.0, 1, 1, -1, 7, -1])  # keeps x >= 1
    assert rasterise(points, depth, faces, (3, 3), keep)[0].tolist() == [[0, 1, 1]] * 3


def test_faces_outside_or_not_finite_are_left_out() -> None:
    points = np.array([[-9.0, -9], [-5, -9], [-9, -5], [np.nan, 0], [9, 0], [0, 9]])
    face, _, depth = rasterise(points, np.ones(6), np.array([[0, 1, 2], [3, 4, 5]]), (4, 4))
    assert (face == -1).all()
    assert np.isinf(depth).all()


@pytest.fixture
def camera() -> PinholeCamera:
    """Return a camera 1 m in front of the origin that looks along -z, y up."""
    K = np.array([[100.0, 0, 9.5], [0, 100, 9.5], [0, 0, 1]])
    R = np.diag([1.0, -1, -1])
    return PinholeCamera(K, R, -R @ [0, 0, 1000.0])


def plate(z_mm: float, side_mm: float, colour: tuple[float, float, float]) -> Surface:
    corners = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) * side_mm / 2
    return Surface(corners + np.array([0, 0, z_mm]), TWO, np.tile(colour, (4, 1)))


def test_look_sees_place_normal_and_colour_of_the_nearest_surface(camera: PinholeCamera) -> None:
    seen = look([plate(0, 500, (0.5, 0.5, 0.5)), plate(100, 60, (1, 0, 0))], camera, (20, 20))
    colour, points = seen.picture(seen.colour), seen.picture(seen.points_mm)
    assert colour[10, 10].tolist() == pytest.approx([1, 0, 0])
    assert colour[1, 1].tolist() == pytest.approx([0.5] * 3)
    assert points[1, 1] == pytest.approx([-85, 85, 0])
    assert seen.picture(seen.normals)[10, 10] == pytest.approx([0, 0, 1])
    assert seen.picture(seen.depth_mm)[10, 10] == pytest.approx(900)


def test_the_back_of_a_surface_turns_its_normal_to_the_camera(camera: PinholeCamera) -> None:
    front = plate(0, 500, (1, 1, 1))
    back = Surface(front.vertices_mm, front.faces[:, ::-1], front.colour)
    seen = look([back], camera, (20, 20))
    assert seen.picture(seen.normals)[5, 5] == pytest.approx([0, 0, 1])


def test_a_closed_surface_is_not_seen_from_inside(camera: PinholeCamera) -> None:
    front = plate(0, 500, (1, 1, 1))
    back = Surface(front.vertices_mm, front.faces[:, ::-1], front.colour, closed=True)
    assert len(look([back], camera, (20, 20)).pixels) == 0
    assert len(look([replace(front, closed=True)], camera, (20, 20)).pixels) == 400


def test_a_paint_is_looked_up_at_the_places_at_rest(camera: PinholeCamera) -> None:
    still = plate(0, 500, (1, 1, 1))
    moved = replace(still, colour=lambda p: p / 1000, rest_mm=still.vertices_mm + 7)
    seen = look([moved], camera, (20, 20))
    assert seen.colour == pytest.approx((seen.points_mm + 7) / 1000)


def test_gaps_show_what_lies_behind(camera: PinholeCamera) -> None:
    near = look([plate(100, 60, (1, 0, 0))], camera, (20, 20))
    assert 0 not in near.pixels
    both = near.over(look([plate(0, 500, (0, 0, 1))], camera, (20, 20)))
    colour = both.picture(both.colour)
    assert colour[10, 10].tolist() == pytest.approx([1, 0, 0])
    assert colour[0, 0].tolist() == pytest.approx([0, 0, 1])


def test_a_lit_plate_sends_back_lamberts_share(camera: PinholeCamera) -> None:
    white = plate(0, 500, (0.5, 0.5, 0.5))
    seen = look([white], camera, (20, 20))
    slanted = ParallelLight(np.array([0, np.sqrt(0.75), 0.5]), np.array([1.0, 2, 0]))
    eye = np.array([0, 0, 1000.0])
    lighting = Lighting([slanted], floor=np.zeros(3), sky=np.zeros(3))
    light = illuminate(seen, [white], lighting, eye)
    assert seen.picture(light)[7, 7] == pytest.approx([0.25, 0.5, 0])
    level = Lighting([], floor=np.full(3, 0.2), sky=np.full(3, 0.6))  # half of each
    assert illuminate(seen, [white], level, eye)[0] == pytest.approx([0.2] * 3)


def test_a_plate_casts_its_shadow_along_the_light() -> None:
    light = ParallelLight(np.array([0, 0, 1.0]), np.ones(3))
    points = np.array([[0.0, 0, 0], [200, 0, 0], [0, 0, 150]])
    hidden = in_shadow(points, light, [plate(100, 60, (1, 1, 1))])
    assert hidden.tolist() == [True, False, False]


def test_lights_add_up_to_their_strength() -> None:
    up = np.array([0, 1.0, 0])
    sky = sky_light(np.array([1.0, 2, 3]), 200)
    total = sum(light.strength * max(0.0, light.towards @ up) for light in sky)
    assert total == pytest.approx([1, 2, 3])
    lamp = soft_light(up, np.ones(3), 0.1, 8, np.random.default_rng(0))
    assert sum(light.strength for light in lamp) == pytest.approx(np.ones(3))
    assert min(light.towards @ up for light in lamp) > 0.95
