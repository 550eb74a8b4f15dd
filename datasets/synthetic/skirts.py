"""Skirts: tubes of cloth from the waist down, carried by pelvis and legs."""

from dataclasses import dataclass

import numpy as np

from .anatomy import Wearer
from .body import skin
from .render import Paint, Surface
from .rotations import unit
from .tubes import fade, sheet_faces

RINGS, AROUND = 16, 36
PUSH_MM = 260.0
CARRIERS = ("pelvis", "thigh_b.L", "thigh_b.R", "shin.L", "shin.R")


@dataclass(frozen=True, eq=False)
class Skirt:
    """A skirt, or the lower part of a dress.

    Attributes:
        paint: its cloth.
        length: where it ends on the leg: 0 hip, 1 knee, 2 ankle.
        waist_mm: where it begins, above the pelvis.
        flare: how much wider it gets, millimetres a millimetre.
        folds_mm: height of its folds at the hem.
        count: number of folds all round.
    """

    paint: Paint
    length: float = 0.9
    waist_mm: float = 60.0
    flare: float = 0.15
    folds_mm: float = 14.0
    count: int = 11

    def on(self, wearer: Wearer) -> Surface:
        """Return it as worn."""
        body, joints = wearer.body, wearer.body.joints_mm
        hip, knee, ankle = joints[4], joints[5], joints[6]
        waist = joints[0, 1] + self.waist_mm
        end = np.interp(self.length, [0, 1, 2], [hip[1], knee[1], ankle[1]])
        rest, angle = self._at_rest(wearer, waist, float(end))
        y = rest[:, 1]
        below_hip = fade(y, waist - 20, hip[1] - 0.45 * (hip[1] - knee[1]))
        below_knee = 0.75 * fade(y, knee[1] + 60, knee[1] - 180)
        left = fade(np.cos(angle), -0.75, 0.75)
        thigh, shin = below_hip * (1 - below_knee), below_hip * below_knee
        weights = np.stack(
            [1 - below_hip, left * thigh, (1 - left) * thigh, left * shin, (1 - left) * shin], -1
        )
        bones = np.array([body.bone[name] for name in CARRIERS])
        bones = np.tile(bones, (len(rest), 1))
        posed = skin(rest, bones, weights, wearer.maps)
        outward = np.stack([np.cos(angle), np.zeros(len(angle)), -np.sin(angle)], -1)
        tip = skin(rest + outward, bones, weights, wearer.maps)
        posed = _over_the_legs(posed, unit(tip - posed), wearer)
        faces = sheet_faces(RINGS, AROUND, closed=True)
        return Surface(posed, faces, self.paint, 0.0, None, rest, False, wearer.owner)

    def _at_rest(self, wearer: Wearer, waist: float, end: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the vertices (RINGS * AROUND, 3) at rest and their angles from the left side."""
        bare = wearer.body.vertices_mm[wearer.anatomy.arm <= 0]
        y = np.linspace(waist, end, RINGS)
        away = abs(bare[:, 1] - y[:, None])  # (RINGS, V)
        reach = np.maximum(30.0, np.partition(away, 27, axis=1)[:, 27])  # coarse meshes have gaps
        bands = [bare[row <= far] for row, far in zip(away, reach, strict=True)]
        wide = np.array([abs(band[:, 0]).max() for band in bands])
        front = np.array([band[:, 2].max() for band in bands])
        back = np.array([-band[:, 2].min() for band in bands])
        down = (waist - y) / max(waist - end, 1)
        flare = self.flare * (waist - y)
        angle = np.tile(np.arange(AROUND) * 2 * np.pi / AROUND, RINGS)
        c, s = np.cos(angle), -np.sin(angle)
        # what gets narrower below the hips hangs straight down from them
        across, ahead, behind = (np.maximum.accumulate(r) + 12 + flare for r in (wide, front, back))
        fold = self.folds_mm * np.repeat(down, AROUND) * np.cos(self.count * angle)
        x = c * (np.repeat(across, AROUND) + fold)
        z = s * (np.where(s > 0, np.repeat(ahead, AROUND), np.repeat(behind, AROUND)) + fold)
        return np.stack([x, np.repeat(y, AROUND), z], -1), angle


def _over_the_legs(points: np.ndarray, outward: np.ndarray, wearer: Wearer) -> np.ndarray:
    """Return the cloth's points (R * A, 3) pushed outward past the legs that would poke through.

    The legs are taken as cones. A point moves along its own outward direction (R * A, 3) to where
    it leaves the last of them, then the cloth is smoothed.
    """
    joints = wearer.body.pose_joints(wearer.maps)
    step = np.zeros(len(points))
    for hip, knee, ankle in ((4, 5, 6), (1, 2, 3)):
        for a, b, wide, narrow in ((hip, knee, 92, 68), (knee, ankle, 66, 48)):
            step = np.maximum(step, _way_out(points, outward, joints[a], joints[b], wide, narrow))
    rows = step.reshape(RINGS, AROUND)
    for _ in range(3):
        sides = (np.roll(rows, 1, 1) + np.roll(rows, -1, 1)) / 2
        rows = np.maximum(rows, 0.9 * sides)
    return points + rows.reshape(-1, 1) * outward


def _way_out(
    points: np.ndarray,
    outward: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    wide_mm: float,
    narrow_mm: float,
) -> np.ndarray:
    """Return how far (P,) each point must move along its direction to leave a cone, 0 if it misses.

    Points farther than PUSH_MM behind the far side are left where they are.
    """
    axis, length = unit(end - start), float(np.linalg.norm(end - start))
    offset = points - start
    # place along the axis where the ray comes nearest to it gives the radius
    along = offset @ axis
    flat_p = offset - along[:, None] * axis
    turn = outward @ axis
    flat_d = outward - turn[:, None] * axis
    a = (flat_d**2).sum(1).clip(1e-6)
    b = (flat_p * flat_d).sum(1)
    middle = along - turn * b / a
    radius = np.interp(middle, [0, length], [wide_mm, narrow_mm])
    root = b * b - a * ((flat_p**2).sum(1) - radius**2)
    way = (-b + np.sqrt(root.clip(0))) / a
    hit = (root > 0) & (way > 0) & (way < PUSH_MM)
    at = along + way * turn
    return np.where(hit & (at > -40) & (at < length + 20), way, 0.0)
