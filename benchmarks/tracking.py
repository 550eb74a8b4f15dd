"""Identities on synthetic crossings: `python benchmarks/tracking.py --mocap FILE`.

Motion capture walks through scripted scenes before a fixed camera; a scripted detector finds its
joints with noise, misses, false people and occlusion. IDF1 (Ristani et al. 2016) and MOTA come from
py-motmetrics (`pip install motmetrics`), by box IoU of at least 0.5. "best" is what perfect
identities of the same detections would reach.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from machine import describe

from lift3d.datasets.mocap import MocapPack, read_mocap
from lift3d.pipelines.tracking import Tracker
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.boxes import box_iou
from lift3d.poses.convert import convert_joints

SCENES = ("opposite", "diagonal", "overtaking", "turning back", "round each other", "running")
SKELETON = get_skeleton("mpii16")
FOCAL_PX, WIDTH, HEIGHT = 1000.0, 1280, 720
CAMERA_MM = 1500.0  # above the ground, looking level
COVERS = 0.55  # a person is fully there while so much of the joints is seen
GLIMPSED = 0.2  # nobody is found with less


@dataclass
class Scene:
    """People in pixels.

    Attributes:
        joints_px: (T, P, 16, 2).
        depth_mm: (T, P) of the pelvis.
        shown: (T, P, 16) which joints are in the picture and hidden by nobody.
        time_s: (T,).
    """

    joints_px: np.ndarray
    depth_mm: np.ndarray
    shown: np.ndarray
    time_s: np.ndarray

    def boxes(self, t: int) -> np.ndarray:
        """Return the boxes (P, 4) round all joints."""
        low, high = self.joints_px[t].min(1), self.joints_px[t].max(1)
        margin = 0.1 * (high - low).max(1, keepdims=True)
        return np.concatenate([low - margin, high + margin], 1)

    def there(self, t: int) -> np.ndarray:
        """Return who (P,) is in the picture and not mostly hidden."""
        return self.shown[t].mean(1) >= COVERS


def make_scene(mocap: MocapPack, kind: str, people: int, rng: np.random.Generator) -> Scene:
    """Return a scene of 10 seconds at 25 frames a second in which all paths cross."""
    T, fps = 250, 25.0
    time_s = np.arange(T) / fps
    seconds = time_s - time_s.mean()
    joints, depths = [], []
    meeting = np.array([rng.uniform(-600, 600), rng.uniform(3500, 6000)])
    for person in range(people):
        path = _path(kind, person, people, seconds, rng) + meeting
        heading = np.arctan2(*np.gradient(path, axis=0).T)  # (T,) of the walk, x and depth
        body = _walking(mocap, kind == "running", time_s, rng)  # (T, 17, 3) y up, facing +z
        c, s = np.cos(heading)[:, None], np.sin(heading)[:, None]
        x = c * body[..., 0] + s * body[..., 2] + path[:, :1]
        z = -s * body[..., 0] + c * body[..., 2] + path[:, 1:]
        y = CAMERA_MM - body[..., 1]
        z = np.maximum(z, 400.0)
        joints.append(np.stack([x, y], -1) * FOCAL_PX / z[..., None])
        depths.append(z[:, 0])
    joints_px = np.stack(joints, 1) + np.array([WIDTH / 2, HEIGHT / 2])
    flat = convert_joints(joints_px, None, "h36m17", SKELETON).joints
    depth_mm = np.stack(depths, 1)
    return Scene(flat, depth_mm, _shown(flat, depth_mm), time_s)


def _path(
    kind: str, person: int, people: int, seconds: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a way (T, 2) over the ground (x, depth), mm, that passes near (0, 0) at time 0."""
    speed = rng.uniform(2500, 4000) if kind == "running" else rng.uniform(800, 1700)
    late = rng.uniform(-0.4, 0.4) * (people - 1)  # seconds after the others
    side = np.array([0.0, (person - (people - 1) / 2) * rng.uniform(350, 600)])
    toward = 1 if person % 2 == 0 else -1
    straight = np.array([toward, 0.0]) * speed
    if kind == "diagonal":
        angle = np.radians(rng.uniform(-50, 50))
        straight = toward * speed * np.array([np.cos(angle), np.sin(angle)])
    if kind == "overtaking":
        straight = np.array([900.0 + 350 * person, 0.0])
    if kind == "turning back":
        gone = np.sqrt((seconds - late) ** 2 + 0.3**2) * speed
        return np.stack([-toward * (gone - 250), 0 * gone], -1) + side
    if kind == "round each other":
        turn = 2 * np.pi * (seconds / rng.uniform(4, 6) + person / people)
        radius = rng.uniform(450, 700) * people / 2
        return np.stack([radius * np.cos(turn), radius * np.sin(turn)], -1)
    return straight * (seconds - late)[:, None] + side


def _walking(
    mocap: MocapPack, running: bool, time_s: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return a walk or run on the spot (T, 17, 3), feet at y = 0, facing +z, to and fro."""
    rows = _chosen(mocap, running, rng)
    poses = mocap.poses_mm[rows].astype(float)
    travel = poses[-1, 0] - poses[0, 0]
    turn = np.arctan2(travel[0], travel[2])
    c, s = np.cos(turn), np.sin(turn)
    poses = poses @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    poses -= poses[:, :1] * [1, 0, 1]
    poses[..., 1] -= poses[..., 1].min()
    fps = float(mocap.clip_fps[mocap.clip[rows[0]]])
    at = time_s * fps + rng.uniform(0, len(rows))
    at = np.abs((at % (2 * (len(rows) - 1))) - (len(rows) - 1))  # to and fro
    low = np.minimum(at.astype(int), len(rows) - 2)
    part = (at - low)[:, None, None]
    return poses[low] * (1 - part) + poses[low + 1] * part


def _chosen(mocap: MocapPack, running: bool, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of one clip in which somebody walks or runs straight on."""
    while True:
        clip = int(rng.integers(len(mocap.clip_names)))
        rows = np.flatnonzero(mocap.clip == clip)
        root = mocap.poses_mm[rows, 0].astype(float)[:, [0, 2]]
        if len(rows) < 30:
            continue
        way = np.linalg.norm(np.diff(root, axis=0), axis=1).sum()
        straight = np.linalg.norm(root[-1] - root[0])
        speed = way * mocap.clip_fps[clip] / len(rows)
        fast = speed > 2200 if running else 600 < speed < 2000
        if straight > 0.9 * way and fast:
            return rows


def _shown(joints_px: np.ndarray, depth_mm: np.ndarray) -> np.ndarray:
    """Return which joints (T, P, J) do not lie within the limbs of someone nearer."""
    P = joints_px.shape[1]
    x, y = np.moveaxis(joints_px, -1, 0)
    shown = (x > 0) & (x < WIDTH) & (y > 0) & (y < HEIGHT)
    start, end = np.array(SKELETON.bones).T
    for front in range(P):
        a, b = joints_px[:, front, start], joints_px[:, front, end]  # (T, B, 2)
        thick = 150 * FOCAL_PX / depth_mm[:, front]
        for back in range(P):
            point = joints_px[:, back, :, None]  # (T, J, 1, 2)
            along = ((point - a[:, None]) * (b - a)[:, None]).sum(-1)
            along = np.clip(along / np.maximum(((b - a) ** 2).sum(-1), 1e-9)[:, None], 0, 1)
            gap = point - a[:, None] - along[..., None] * (b - a)[:, None]
            near = np.linalg.norm(gap, axis=-1).min(-1) < thick[:, None]
            behind = depth_mm[:, back] > depth_mm[:, front] + 50
            shown[:, back] &= ~(near & behind[:, None])
    return shown


def detect(scene: Scene, t: int, rng: np.random.Generator) -> Iterator[tuple[int, Pose2D]]:
    """Yield (person or -1, pose) as a middling detector would find them in frame t."""
    boxes = scene.boxes(t)
    for person in np.argsort(scene.depth_mm[t]):
        shown = scene.shown[t, person]
        chance = 0.97 if scene.there(t)[person] else 0.15
        if shown.mean() < GLIMPSED or rng.random() > chance:
            continue
        size = np.sqrt(np.prod(boxes[person, 2:] - boxes[person, :2]))
        loose = np.where(shown, 0.012, 0.08) + np.where(rng.random(16) < 0.04, 0.15, 0)
        joints_px = scene.joints_px[t, person] + rng.normal(size=(16, 2)) * (loose * size)[:, None]
        for other in range(scene.joints_px.shape[1]):  # limbs of others taken for one's own
            gap = np.linalg.norm(scene.joints_px[t, other] - scene.joints_px[t, person], axis=1)
            swapped = ~shown & (gap < 0.6 * size) & (rng.random(16) < 0.5) & (other != person)
            joints_px[swapped] = scene.joints_px[t, other, swapped]
        confidence = np.where(shown, rng.uniform(0.5, 0.95, 16), rng.uniform(0.1, 0.5, 16))
        box = boxes[person] + rng.normal(size=4) * 0.02 * size
        score = float(np.clip(rng.normal(0.75, 0.1), 0.3, 1))
        yield int(person), Pose2D(joints_px, confidence, SKELETON, box, score)
    while rng.random() < 0.15:
        centre, size = rng.uniform([0, 200], [WIDTH, 500]), rng.uniform(80, 300)
        joints_px = centre + rng.normal(size=(16, 2)) * size * [0.15, 0.3]
        half = size * np.array([0.3, 0.6])
        box = np.concatenate([centre - half, centre + half])
        yield -1, Pose2D(joints_px, rng.uniform(0.1, 0.5, 16), SKELETON, box, 0.35)


@dataclass
class Score:
    """Identity metrics of one or more scenes."""

    idf1: float
    best: float
    switches: int
    mota: float
    update_ms: float


def measure(scenes: list[Scene], stride: int, seed: int) -> Score:
    """Track the scenes and return py-motmetrics' figures over all of them."""
    import motmetrics

    accumulators: dict[str, list] = {"tracked": [], "best": []}
    spent, updates = 0.0, 0
    for number, scene in enumerate(scenes):
        rng = np.random.default_rng([seed, number])
        tracker = Tracker()
        pair = [motmetrics.MOTAccumulator(auto_id=True) for _ in accumulators]
        for t in range(0, len(scene.time_s), stride):
            found = list(detect(scene, t, rng))
            start = time.perf_counter()
            tracked = tracker.update([pose for _, pose in found], float(scene.time_s[t]))
            spent, updates = spent + time.perf_counter() - start, updates + 1
            glimpsed = [p for p, _ in found if p >= 0]  # who is found although hardly seen counts
            true = np.union1d(np.flatnonzero(scene.there(t)), glimpsed).astype(int)
            known = [replace(pose, person_id=p) for p, pose in found if p >= 0]
            for accumulator, poses in zip(pair, (tracked, known), strict=True):
                boxes = np.array([pose.box_xyxy_px for pose in poses]).reshape(-1, 4)
                far = 1 - box_iou(scene.boxes(t)[true], boxes)
                far[far > 0.5] = np.nan
                accumulator.update(true, [pose.person_id for pose in poses], far)
        for name, accumulator in zip(accumulators, pair, strict=True):
            accumulators[name].append(accumulator)
    host = motmetrics.metrics.create()
    tables = {
        name: host.compute_many(
            several, metrics=["idf1", "num_switches", "mota"], generate_overall=True
        ).loc["OVERALL"]
        for name, several in accumulators.items()
    }
    tracked, best = tables["tracked"], tables["best"]
    return Score(
        float(tracked["idf1"]),
        float(best["idf1"]),
        int(tracked["num_switches"]),
        float(tracked["mota"]),
        1000 * spent / updates,
    )


@click.command()
@click.option("--mocap", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--scenes", default=10, show_default=True, help="Of each kind and size.")
@click.option("--seed", default=1, show_default=True)
@click.option("--stride", default=1, show_default=True)
def main(mocap: Path, scenes: int, seed: int, stride: int) -> None:
    """Print IDF1, its best possible value, switches, MOTA and the time of an update."""
    click.echo(describe(1))
    pack = read_mocap(mocap)
    click.echo(f"{scenes} scenes a row, 10 s at 25 frames/s, stride {stride}, seed {seed}\n")
    click.echo(
        f"{'scene':18}{'people':>7}{'IDF1':>8}{'best':>8}{'switches':>9}{'MOTA':>8}{'ms':>7}"
    )
    for people in (2, 4):
        everything: list[Scene] = []
        for kind in SCENES:
            rng = np.random.default_rng([seed, people, SCENES.index(kind)])
            several = [make_scene(pack, kind, people, rng) for _ in range(scenes)]
            everything += several
            _row(kind, people, measure(several, stride, seed))
        _row("all", people, measure(everything, stride, seed))


def _row(kind: str, people: int, score: Score) -> None:
    click.echo(
        f"{kind:18}{people:>7}{score.idf1:>8.3f}{score.best:>8.3f}{score.switches:>9}"
        f"{score.mota:>8.3f}{score.update_ms:>7.2f}"
    )


if __name__ == "__main__":
    main()
