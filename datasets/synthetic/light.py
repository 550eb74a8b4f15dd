"""Light what a camera sees: many parallel lights, each with its own shadow map."""

from dataclasses import dataclass

import numpy as np

from .render import Seen, Surface, rasterise
from .rotations import unit

TEXEL_MM = 5.0  # grain of the shadow maps
BIAS_MM = 9.0  # a point must lie this far behind a surface to be in its shadow
GLOSS = 40.0


@dataclass(frozen=True, eq=False)
class ParallelLight:
    """Light that comes from one direction.

    Attributes:
        towards: (3,) unit vector from the scene to the light, world frame.
        strength: (3,) red, green, blue: what a white surface square to it sends back.
    """

    towards: np.ndarray
    strength: np.ndarray


def soft_light(
    towards: np.ndarray, strength: np.ndarray, spread: float, count: int, rng: np.random.Generator
) -> list[ParallelLight]:
    """Return a large lamp or window as `count` lights within about `spread` radians."""
    towards = unit(unit(np.asarray(towards, float)) + spread * rng.normal(0, 0.6, (count, 3)))
    return [ParallelLight(one, np.asarray(strength, float) / count) for one in towards]


def sky_light(strength: np.ndarray, count: int) -> list[ParallelLight]:
    """Return light from all of the upper half space as `count` evenly spread lights.

    `strength` (3,) is what a white surface that looks up sends back.
    """
    height = (np.arange(count) + 0.5) / count
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))  # the golden angle spreads them evenly
    ring = np.sqrt(1 - height**2)
    towards = np.stack([ring * np.cos(turn), height, ring * np.sin(turn)], axis=-1)
    return [ParallelLight(one, np.asarray(strength, float) * 2 / count) for one in towards]


def illuminate(
    seen: Seen,
    casters: list[Surface],
    lights: list[ParallelLight],
    ambient: np.ndarray,
    eye_mm: np.ndarray,
) -> np.ndarray:
    """Return the light (H, W, 3), linear, that the seen points send to the eye.

    Lambert's law, a highlight where a surface shines, and shadows of the casters. `ambient` (3,)
    comes from below, sent back by the floor: it reaches what looks down in full, what looks up
    not at all.

    Args:
        seen: what the camera sees, without gaps.
        casters: the surfaces that throw shadows.
        lights: all lights.
        ambient: (3,) red, green, blue.
        eye_mm: (3,) the camera's place in the world.
    """
    points, normals = seen.points_mm.reshape(-1, 3), seen.normals.reshape(-1, 3)
    to_eye, shine = unit(eye_mm - points), seen.shine.reshape(-1)
    received = (0.5 - 0.5 * normals[:, 1:2]) * ambient
    sparkle = np.zeros_like(received)
    for light in lights:
        facing = normals @ light.towards
        rows = np.flatnonzero(facing > 0)
        rows = rows[~in_shadow(points[rows] + 4.0 * normals[rows], light, casters)]
        received[rows] += facing[rows, None] * light.strength
        bright = rows[shine[rows] > 0]
        half = unit(to_eye[bright] + light.towards)
        gloss = shine[bright] * (normals[bright] * half).sum(-1).clip(0) ** GLOSS
        sparkle[bright] += gloss[:, None] * light.strength
    sent = seen.colour.reshape(-1, 3) * received + sparkle
    return sent.reshape(seen.colour.shape)


def in_shadow(points_mm: np.ndarray, light: ParallelLight, casters: list[Surface]) -> np.ndarray:
    """Return the mask (P,) of the points (P, 3) that the casters hide from a light."""
    side = unit(np.cross(light.towards, [0.3, 0.2, 1.0]))
    axes = np.stack([side, np.cross(light.towards, side), -light.towards])  # rows: right, down, far
    cast = [caster.vertices_mm @ axes.T for caster in casters]
    low = np.concatenate(cast).min(0)[:2]
    size = np.ceil((np.concatenate(cast).max(0)[:2] - low) / TEXEL_MM).astype(int) + 1
    width, height = int(size[0]), int(size[1])
    nearest = np.full((height, width), np.inf)
    for caster, place in zip(casters, cast, strict=True):
        texel = (place[:, :2] - low) / TEXEL_MM
        depth = rasterise(texel, place[:, 2], caster.faces, (width, height), caster.keep)[2]
        nearest = np.minimum(nearest, depth)
    texel = np.round((points_mm @ axes[:2].T - low) / TEXEL_MM).astype(np.int64)
    inside = ((texel >= 0) & (texel < (width, height))).all(1)
    hidden = np.zeros(len(points_mm), bool)
    found = nearest[texel[inside, 1], texel[inside, 0]]
    hidden[inside] = points_mm[inside] @ axes[2] > found + BIAS_MM
    return hidden
