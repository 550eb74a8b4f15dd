"""Light what a camera sees: parallel lights, each with its own shadow map, and the sky."""

from dataclasses import dataclass

import cv2
import numpy as np

from .raster import rasterise
from .render import Seen, Surface
from .rotations import cross, unit

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


@dataclass(frozen=True, eq=False)
class Lighting:
    """All light of a scene.

    Attributes:
        lights: the lights that throw shadows.
        floor: (3,) what comes back from below: reaches what looks down in full, what looks up not.
        sky: (3,) what comes from above without shadows: the other way round.
        texel_mm: grain of the shadow maps.
        bias_mm: a point must lie this far behind a surface to be in its shadow.
        soft_px: the shadows' edges are blurred over about so many pixels.
    """

    lights: list[ParallelLight]
    floor: np.ndarray
    sky: np.ndarray
    texel_mm: float = 5.0
    bias_mm: float = 9.0
    soft_px: float = 0.0


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
    seen: Seen, casters: list[Surface], lighting: Lighting, eye_mm: np.ndarray
) -> np.ndarray:
    """Return the light (P, 3), linear, that the seen points send to the eye.

    Lambert's law, a highlight where a surface shines, and shadows of the casters.

    Args:
        seen: what the camera sees.
        casters: the surfaces that throw shadows.
        lighting: all light.
        eye_mm: (3,) the camera's place in the world.
    """
    points, normals = seen.points_mm, seen.normals
    to_eye = unit(eye_mm - points)
    up = 0.5 + 0.5 * normals[:, 1:2]
    received = (1 - up) * lighting.floor + up * lighting.sky
    sparkle = np.zeros_like(received)
    for light in lighting.lights:
        facing = (normals @ light.towards).clip(0)
        facing *= lit(seen, facing > 0, light, casters, lighting)
        received += facing[:, None] * light.strength
        bright = np.flatnonzero((seen.shine > 0) & (facing > 0))
        half = unit(to_eye[bright] + light.towards)
        gloss = seen.shine[bright] * (normals[bright] * half).sum(-1).clip(0) ** GLOSS
        sparkle[bright] += gloss[:, None] * light.strength
    return seen.colour * received + sparkle


def lit(
    seen: Seen,
    facing: np.ndarray,
    light: ParallelLight,
    casters: list[Surface],
    lighting: Lighting,
) -> np.ndarray:
    """Return the part (P,) 0..1 of a light that reaches the pixels that face it (P,)."""
    share = np.zeros(len(facing))
    rows = np.flatnonzero(facing)
    points = seen.points_mm[rows] + 4.0 * seen.normals[rows]
    hidden = in_shadow(points, light, casters, lighting.texel_mm, lighting.bias_mm)
    share[rows] = ~hidden
    if lighting.soft_px <= 0:
        return share
    # the mean over neighbours that see something too
    known = seen.picture(np.ones(len(share), np.float32))
    bright = seen.picture(share.astype(np.float32))
    known, bright = (cv2.GaussianBlur(m, (0, 0), lighting.soft_px) for m in (known, bright))
    soft = bright.ravel()[seen.pixels] / known.ravel()[seen.pixels].clip(1e-6)
    return np.where(facing, soft, 0.0)


def in_shadow(
    points_mm: np.ndarray,
    light: ParallelLight,
    casters: list[Surface],
    texel_mm: float = 5.0,
    bias_mm: float = 9.0,
) -> np.ndarray:
    """Return the mask (P,) of the points (P, 3) that the casters hide from a light."""
    side = unit(cross(light.towards, np.array([0.3, 0.2, 1.0])))
    axes = np.stack([side, cross(light.towards, side), -light.towards])  # rows: right, down, far
    starts = np.cumsum([0] + [len(c.vertices_mm) for c in casters])
    cast = np.concatenate([c.vertices_mm for c in casters]) @ axes.T
    faces = np.concatenate([c.faces + start for c, start in zip(casters, starts[:-1], strict=True)])
    keeps = [np.ones(len(c.vertices_mm)) if c.keep is None else c.keep for c in casters]
    low = cast[:, :2].min(0)
    size = np.ceil((cast[:, :2].max(0) - low) / texel_mm).astype(int) + 1
    width, height = int(size[0]), int(size[1])
    texel = (cast[:, :2] - low) / texel_mm
    nearest = rasterise(texel, cast[:, 2], faces, (width, height), np.concatenate(keeps))[2]
    place = points_mm @ axes.T
    texel = np.round((place[:, :2] - low) / texel_mm).astype(np.int64)
    inside = ((texel >= 0) & (texel < (width, height))).all(1)
    hidden = np.zeros(len(points_mm), bool)
    hidden[inside] = place[inside, 2] > nearest[texel[inside, 1], texel[inside, 0]] + bias_mm
    return hidden
