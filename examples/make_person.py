"""Draw examples/person.jpg: a person made of a CC0 body, motion capture and our own renderer.

    python examples/make_person.py body_makehuman.npz mocap_cmu17.npz

The body pack descends from MakeHuman's CC0 assets; the pose is a frame of the CMU Graphics Lab
Motion Capture Database. No photo is involved.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from lift3d.datasets.mocap import MocapPack, read_mocap
from lift3d.datasets.synthetic import (
    Body,
    FreeAngles,
    Lighting,
    Seen,
    Surface,
    bone_rotations,
    illuminate,
    look,
    mean_directions,
    read_body,
    sky_light,
    soft_light,
)
from lift3d.datasets.synthetic.anatomy import Anatomy, Wearer
from lift3d.datasets.synthetic.bare_skin import BareSkin
from lift3d.datasets.synthetic.garments import Top, Trousers
from lift3d.datasets.synthetic.hair import Hair
from lift3d.datasets.synthetic.paints import plain_paint, to_srgb
from lift3d.datasets.synthetic.shoes import Shoes
from lift3d.datasets.synthetic.wardrobe import Outfit
from lift3d.poses import PinholeCamera

SIZE, OVER = (480, 640), 2
SHAPE = {"gender": 0.9, "male_athletic": 0.35, "male_thin": 0.25, "proportions_ideal": 0.4}
SKIN, HAIR = (0.50, 0.27, 0.18), (0.035, 0.022, 0.014)
SHIRT, JEANS = (0.30, 0.045, 0.045), (0.05, 0.075, 0.125)
SHOE, SOLE = (0.05, 0.05, 0.055), (0.62, 0.60, 0.56)
WALL, PLANK = (0.55, 0.55, 0.52), (0.30, 0.18, 0.09)
FLOOR_MM, WALL_MM = 0.0, -2000.0
OUTFIT = Outfit(
    skin=BareSkin(np.array(SKIN), np.array(HAIR)),
    hair=Hair(np.array(HAIR)),
    tops=(Top(plain_paint(np.array(SHIRT))),),
    trousers=Trousers(plain_paint(np.array(JEANS))),
    skirt=None,
    socks=None,
    shoes=Shoes(np.array(SHOE), np.array(SOLE)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("body", type=Path, help="body pack, body_makehuman.npz")
    parser.add_argument("mocap", type=Path, help="motion-capture pack, mocap_cmu17.npz")
    parser.add_argument("--clip", default="07_01")
    parser.add_argument("--frame", type=int, default=40)
    parser.add_argument("--yaw", type=float, default=-40.0, help="degrees away from the camera")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("person.jpg"))
    args = parser.parse_args()
    mean, mocap = read_body(args.body), read_mocap(args.mocap)
    body = mean.shaped(SHAPE)
    maps = pose_of(body, mocap, args.clip, args.frame, args.yaw)
    picture = photograph(OUTFIT.on(Wearer(Anatomy(mean), body, maps)))
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
    lighting = Lighting(lights, floor=np.array([0.22, 0.17, 0.13]), sky=np.zeros(3))
    light = seen.picture(illuminate(seen, surfaces, lighting, eye))
    small = cv2.resize(light.astype(np.float32), SIZE, interpolation=cv2.INTER_AREA)
    small = small + rng.normal(0, 0.004, small.shape)
    return np.round(to_srgb(small)).astype(np.uint8)


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
    count = x.size
    return Seen(
        size,
        pixels=np.arange(count),
        points_mm=points.reshape(count, 3),
        normals=normals.reshape(count, 3),
        colour=colour.reshape(count, 3),
        shine=np.where(on_floor, 0.05, 0.0).ravel(),
        depth_mm=np.minimum(to_floor, to_wall).ravel(),
        owner=np.full(count, -1),
    )


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


if __name__ == "__main__":
    main()
