"""Draw examples/person.jpg: a person made of a CC0 body, motion capture and our own renderer.

    python examples/make_person.py body_makehuman.npz mocap_cmu17.npz

The body pack descends from MakeHuman's CC0 assets; the pose is a frame of the CMU Graphics Lab
Motion Capture Database. No photo is involved.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import ConvexHull

from lift3d.datasets.mocap import MocapPack, read_mocap
from lift3d.datasets.synthetic import (
    Body,
    FreeAngles,
    Seen,
    Surface,
    bone_rotations,
    face_to_vertex,
    illuminate,
    look,
    mean_directions,
    open_border,
    read_body,
    skin,
    sky_light,
    smooth,
    soft_light,
    vertex_normals,
)
from lift3d.poses import PinholeCamera

SIZE, OVER = (480, 640), 2
SHAPE = {"gender": 0.9, "male_athletic": 0.35, "male_thin": 0.25, "proportions_ideal": 0.4}
SKIN, HAIR, EYE = (0.50, 0.27, 0.18), (0.035, 0.022, 0.014), (0.55, 0.52, 0.50)
SHIRT, JEANS = (0.30, 0.045, 0.045), (0.05, 0.075, 0.125)
SHOE, SOLE = (0.05, 0.05, 0.055), (0.62, 0.60, 0.56)
WALL, PLANK = (0.55, 0.55, 0.52), (0.30, 0.18, 0.09)
FLOOR_MM, WALL_MM = 0.0, -2000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("body", type=Path, help="body pack, body_makehuman.npz")
    parser.add_argument("mocap", type=Path, help="motion-capture pack, mocap_cmu17.npz")
    parser.add_argument("--clip", default="07_01")
    parser.add_argument("--frame", type=int, default=40)
    parser.add_argument("--yaw", type=float, default=-40.0, help="degrees away from the camera")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("person.jpg"))
    args = parser.parse_args()
    body, mocap = read_body(args.body).shaped(SHAPE), read_mocap(args.mocap)
    surfaces = dressed(body, pose_of(body, mocap, args.clip, args.frame, args.yaw))
    picture = photograph(surfaces)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 88]
    args.out.write_bytes(cv2.imencode(".jpg", picture[..., ::-1], quality)[1].tobytes())


def pose_of(body: Body, mocap: MocapPack, clip: str, frame: int, yaw_deg: float) -> np.ndarray:
    """Return the maps (B, 3, 4) of the bones: a frame of a clip, turned to a side of the camera."""
    rows = np.flatnonzero(mocap.clip == mocap.clip_names.tolist().index(clip))
    pose = mocap.poses_mm[rows[frame]].astype(float)
    left = pose[4] - pose[1]
    turn = np.radians(yaw_deg) - np.arctan2(-left[2], left[0])
    c, s = np.cos(turn), np.sin(turn)
    pose = pose @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    free = FreeAngles(head_turn=0.3, forearm_twist=(0.25, -0.25))
    maps = body.transforms(bone_rotations(body, pose, mean_directions(mocap.poses_mm), free))
    maps[:, 1, 3] -= body.pose_vertices(maps)[:, 1].min() - FLOOR_MM - 14  # 14 mm of sole
    return maps


def dressed(body: Body, maps: np.ndarray) -> list[Surface]:
    """Return the person's skin, hair and clothes as surfaces in the world."""
    clothes = [wear(body, maps) for wear in (bare_skin, hair, shirt, jeans)]
    return clothes + shoes(body, maps)


def bare_skin(body: Body, maps: np.ndarray) -> Surface:
    """Return what the clothes leave bare, with lips, brows and eyes."""
    along = body.face_along
    shown = body.is_part("head", "hair", "neck", "forearm", "hand", "eye", "lips", "brow")
    centre = body.vertices_mm[body.faces].mean(1)
    shown |= body.is_part("torso") & (along > 0.85) & (abs(centre[:, 0]) < 80)
    shown |= body.is_part("upper_arm") & (along > 0.62)
    colour = np.tile(SKIN, (len(body.faces), 1))
    colour[body.is_part("lips")] *= (0.85, 0.62, 0.62)
    colour[body.is_part("brow")] = HAIR
    colour[body.is_part("eye")] = EYE
    colour = face_to_vertex(colour, body.faces, len(body.vertices_mm))
    eyes = np.unique(body.faces[body.is_part("eye")])
    for side in (1, -1):
        eye = eyes[body.vertices_mm[eyes, 0] * side > 0]
        from_centre = body.vertices_mm[eye] - body.vertices_mm[eye].mean(0)
        iris = (np.linalg.norm(from_centre[:, :2], axis=1) < 7.5) & (from_centre[:, 2] > 0)
        colour[eye[iris]] = 0.04, 0.028, 0.02
    return Surface(body.pose_vertices(maps), body.faces[shown], colour, 0.03)


def cloth(
    body: Body, chosen: np.ndarray, loose_mm: np.ndarray, steps: int, folds_mm: float
) -> np.ndarray:
    """Return vertices (V, 3) at rest of a garment that lies over some faces of the body.

    Args:
        body: at rest.
        chosen: (F,) the faces that it covers.
        loose_mm: (V,) distance from the skin.
        steps: of smoothing, which take the muscles out of it.
        folds_mm: height of its folds.
    """
    faces = body.faces[chosen]
    normals = vertex_normals(body.vertices_mm, body.faces)
    out = body.vertices_mm + loose_mm[:, None] * normals
    hold = np.zeros(len(out))
    hold[open_border(faces)] = 0.9
    out = smooth(out, faces, steps, hold)
    gap = ((out - body.vertices_mm) * normals).sum(1)
    out = out + np.maximum(0, 0.5 * loose_mm - gap)[:, None] * normals
    out = smooth(out, faces, 4, hold)
    return out + (folds_mm * waves(body.vertices_mm))[:, None] * normals


def waves(points_mm: np.ndarray) -> np.ndarray:
    """Return smooth irregular folds (V,), mostly within -1..1, at points (V, 3)."""
    rng = np.random.default_rng(4)
    total = np.zeros(len(points_mm))
    for _ in range(14):
        direction = rng.normal(size=3) * (0.8, 1.3, 0.8)
        total += np.sin(points_mm @ direction * (2 * np.pi / 220) + rng.uniform(0, 7))
    return total / 6


def worn(
    body: Body,
    maps: np.ndarray,
    rest_mm: np.ndarray,
    faces: np.ndarray,
    colour: np.ndarray,
    keep: np.ndarray | None = None,
    shine: float = 0.0,
) -> Surface:
    """Return a garment with vertices (V, 3) at rest, moved as the skin below it."""
    if keep is not None:
        keep = smooth(keep[:, None], body.faces, 5, np.zeros(len(keep)))[:, 0]  # even hems
    posed = skin(rest_mm, body.skin_bone, body.skin_weight, maps)
    return Surface(posed, faces, colour, shine, keep)


def along_limb(body: Body, *parts: str) -> np.ndarray:
    """Return the place along the limb (V,), from the faces of these parts."""
    chosen = body.is_part(*parts)
    values, faces = body.face_along[chosen, None], body.faces[chosen]
    return face_to_vertex(values, faces, len(body.vertices_mm))[:, 0]


def shirt(body: Body, maps: np.ndarray) -> Surface:
    """Return a T-shirt, cut at the neck, the sleeves and the hem."""
    arm, (x, y, z) = along_limb(body, "upper_arm", "forearm", "hand"), body.vertices_mm.T
    chosen = body.is_part("neck", "torso", "hips")
    chosen |= body.is_part("upper_arm")
    chosen |= body.is_part("upper_leg") & (body.face_along < 0.3)
    neck, hem = body.joints_mm[8], hem_mm(body)
    loose = np.interp(y, [hem, hem + 250, neck[1] - 40], [36, 26, 9]) + 14 * np.clip(arm, 0, 1)
    rest = cloth(body, chosen, loose, 30, 5.0)
    opening = np.maximum(neck[1] + 52 - 0.55 * (z - neck[2]) - y, abs(x) - 105)
    keep = np.minimum.reduce([y - hem, 300 * (0.66 - arm), opening])
    return worn(body, maps, rest, body.faces[chosen], np.tile(SHIRT, (chosen.sum(), 1)), keep)


def jeans(body: Body, maps: np.ndarray) -> Surface:
    """Return long trousers, wider towards their hem."""
    leg = along_limb(body, "upper_leg", "lower_leg", "foot")
    chosen = body.is_part("hips", "upper_leg", "lower_leg")
    loose = np.interp(leg, [0, 0.6, 1, 1.5, 2], [10, 18, 26, 36, 38])
    rest = cloth(body, chosen, loose, 25, 5.0)
    rest[:, 1] -= np.interp(leg, [1.0, 1.9], [0, 60])
    colour = np.tile(JEANS, (chosen.sum(), 1))
    below_shirt = hem_mm(body) + 50 - body.vertices_mm[:, 1]
    keep = np.minimum(300 * (1.9 - leg), below_shirt)
    return worn(body, maps, rest, body.faces[chosen], colour, keep)


def hem_mm(body: Body) -> float:
    """Return the height at rest where the shirt ends."""
    return float(body.joints_mm[0, 1]) - 25


def shoes(body: Body, maps: np.ndarray) -> list[Surface]:
    """Return shoes: the feet with their toes in convex caps, on light soles."""
    chosen = body.is_part("foot") | (body.is_part("lower_leg") & (body.face_along > 1.85))
    faces = body.faces[chosen]
    still = np.zeros(len(body.vertices_mm))
    upper = smooth(body.vertices_mm, faces, 6, still)
    upper = upper + 9 * vertex_normals(body.vertices_mm, body.faces)
    parts = [worn(body, maps, upper, faces, np.tile(SHOE, (len(faces), 1)), shine=0.06)]
    foot = np.unique(body.faces[body.is_part("foot")])
    toes = along_limb(body, "foot") > 2.35
    for side in (1, -1):
        own = foot[body.vertices_mm[foot, 0] * side > 0]
        low = own[body.vertices_mm[own, 1] < 40]
        for rows, thick, colour in ((own[toes[own]], 9, SHOE), (low, 12, SOLE)):
            hull = outer_hull(body.vertices_mm, rows)
            rest = body.vertices_mm + thick * vertex_normals(body.vertices_mm, hull)
            if rows is low:
                rest[:, 1] = np.clip(rest[:, 1], -14, 14)
            parts.append(worn(body, maps, rest, hull, np.tile(colour, (len(hull), 1)), shine=0.06))
    return parts


def outer_hull(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the faces (F, 3) of the convex hull of some points, counter-clockwise outside."""
    hull = ConvexHull(points[rows])
    corners = hull.points[hull.simplices]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = (normals * hull.equations[:, :3]).sum(1) < 0
    return rows[np.where(inward[:, None], hull.simplices[:, ::-1], hull.simplices)]


def hair(body: Body, maps: np.ndarray) -> Surface:
    """Return short hair: thicker the farther from the hairline, with strands."""
    scalp = body.is_part("hair")[:, None].astype(float)
    V = len(body.vertices_mm)
    inside = smooth(face_to_vertex(scalp, body.faces, V), body.faces, 3, np.zeros(V))
    deep = smooth(inside, body.faces, 25, np.zeros(V))[:, 0]
    faces = body.faces[(inside[body.faces, 0] > 0.2).any(1)]
    rng = np.random.default_rng(2)
    thick = 4 + 22 * np.clip(2 * deep - 0.8, 0, 1) + rng.normal(0, 1.3, V) * deep
    rest = body.vertices_mm + thick[:, None] * vertex_normals(body.vertices_mm, body.faces)
    colour = np.array(HAIR) * rng.uniform(0.6, 1.5, (len(faces), 1))
    return worn(body, maps, rest, faces, colour, inside[:, 0] - 0.5, 0.05)


def photograph(surfaces: list[Surface]) -> np.ndarray:
    """Return the picture, RGB uint8, of the surfaces in a room with a window to the left."""
    size = (SIZE[0] * OVER, SIZE[1] * OVER)
    focal = 1.75 * size[1]
    K = np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])
    pitch = np.radians(6.0)
    c, s = np.cos(pitch), np.sin(pitch)
    R = np.array([[1, 0, 0], [0, -c, s], [0, -s, -c]])  # looks along -z, a little down
    eye = np.array([0.0, 1330.0, 3900.0])
    camera = PinholeCamera(K, R, -R @ eye)
    seen = look(surfaces, camera, size).over(room(camera, size))
    rng = np.random.default_rng(7)
    lights = soft_light([-0.75, 0.85, 0.75], [1.5, 1.38, 1.2], 0.16, 24, rng)
    lights += sky_light([0.36, 0.39, 0.44], 72)
    light = illuminate(seen, surfaces, lights, np.array([0.22, 0.17, 0.13]), eye)
    small = cv2.resize(light.astype(np.float32), SIZE, interpolation=cv2.INTER_AREA)
    small = small + rng.normal(0, 0.004, small.shape)
    return to_srgb(small)


def room(camera: PinholeCamera, size: tuple[int, int]) -> Seen:
    """Return an empty room with a plank floor and a painted wall with a skirting board."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    eye = camera.to_world(np.zeros(3))
    rays = camera.unproject(np.stack([x, y], -1), np.ones(x.shape)) - eye
    with np.errstate(divide="ignore"):
        to_floor = np.where(rays[..., 1] < 0, (FLOOR_MM - eye[1]) / rays[..., 1], np.inf)
        to_wall = np.where(rays[..., 2] < 0, (WALL_MM - eye[2]) / rays[..., 2], np.inf)
    on_floor = to_floor < to_wall
    points = eye + rays * np.minimum(to_floor, to_wall)[..., None]
    colour = np.where(on_floor[..., None], planks(points), wall(points))
    normals = np.where(on_floor[..., None], (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    return Seen(points, normals, colour, np.where(on_floor, 0.05, 0.0))


def planks(points_mm: np.ndarray) -> np.ndarray:
    """Return the colour (H, W, 3) of floor boards that run along x."""
    rng = np.random.default_rng(5)
    row = np.floor(points_mm[..., 2] / 140).astype(int)
    column = np.floor((points_mm[..., 0] + 517 * row) / 1400).astype(int)
    tone = rng.uniform(0.75, 1.2, (64, 64))[row % 64, column % 64]
    grain = np.sin(points_mm[..., 2] * 0.35 + 3 * np.sin(points_mm[..., 0] * 0.004 + row))
    seam = (points_mm[..., 2] % 140 < 4) | ((points_mm[..., 0] + 517 * row) % 1400 < 4)
    tone = tone * (1 + 0.05 * grain) * np.where(seam, 0.45, 1.0)
    return tone[..., None] * PLANK


def wall(points_mm: np.ndarray) -> np.ndarray:
    """Return the colour (H, W, 3) of a wall with a light skirting board."""
    y = points_mm[..., 1]
    board = (y < 110)[..., None]
    tone = 1 - 0.3 * np.clip((points_mm[..., 0] + 1400) / 2800, 0, 1)
    line = np.where((y > 104) & (y < 110), 0.7, 1.0)
    return np.where(board, 0.7 * line[..., None], tone[..., None] * WALL)


def to_srgb(linear: np.ndarray) -> np.ndarray:
    """Return linear light as sRGB uint8, with a soft shoulder for what is too bright."""
    linear = np.clip(linear, 0, None)
    linear = np.where(linear > 0.7, 0.7 + 0.3 * np.tanh((linear - 0.7) / 0.3), linear)
    encoded = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * np.clip(encoded, 0, 1)).astype(np.uint8)


if __name__ == "__main__":
    main()
