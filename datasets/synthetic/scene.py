"""One person in one pose, dressed and standing in the world; and the light on a scene."""

from dataclasses import dataclass

import numpy as np

from .anatomy import Anatomy, Wearer
from .light import Lighting, ParallelLight
from .paints import linear
from .posing import FreeAngles, bone_rotations
from .render import Surface
from .rotations import unit
from .shapes import random_shape
from .wardrobe import random_outfit


@dataclass(frozen=True, eq=False)
class Person:
    """A dressed person.

    Attributes:
        surfaces: skin, clothes and hair, world frame.
        joints_mm: (17, 3) world, y up.
        skin_mm: (V, 3) world: the bare body, for measures.
    """

    surfaces: list[Surface]
    joints_mm: np.ndarray
    skin_mm: np.ndarray


def random_person(
    anatomy: Anatomy,
    pose: np.ndarray,
    neutral: np.ndarray,
    rng: np.random.Generator,
    shift_mm: np.ndarray | None = None,
    owner: int = 0,
) -> Person:
    """Return anybody in a pose, the pelvis's bone at `shift_mm`.

    Args:
        anatomy: of the mesh.
        pose: (17, 3) y up, any unit.
        neutral: (17, 3) `mean_directions` of the pose's source.
        rng: where shape, clothes and free angles come from.
        shift_mm: (3,) world; None for the origin.
        owner: number of the person.
    """
    shape = random_shape(rng)
    body = shape.apply(anatomy.body)
    free = FreeAngles(
        head_turn=float(rng.uniform(-0.6, 0.6)),
        forearm_twist=(float(rng.uniform(-0.8, 0.8)), float(rng.uniform(-0.8, 0.8))),
        hand_bend=rng.normal(0, 0.22, (2, 3)),
        sole_level=(float(rng.uniform(0.5, 1)), float(rng.uniform(0.5, 1))),
    )
    turned = bone_rotations(body, pose, neutral, free)
    maps = body.transforms(turned, shape.lengthened(body))
    maps[..., 3] += 0 if shift_mm is None else shift_mm
    wearer = Wearer(anatomy, body, maps, owner)
    surfaces = random_outfit(rng, shape.female).on(wearer)
    return Person(surfaces, body.pose_joints(maps), body.pose_vertices(maps))


def random_light(R: np.ndarray, rng: np.random.Generator) -> Lighting:
    """Return sun or lamp with sky and floor; R (3, 3) turns the world to the camera.

    Half of the suns stand behind the photographer. One scene in four has soft light alone.
    """
    warm = linear(np.array([255, rng.uniform(225, 255), rng.uniform(190, 255)]))
    cool = linear(np.array([rng.uniform(215, 255), rng.uniform(235, 255), 255]))
    height = np.radians(rng.uniform(15, 80))
    turn = rng.uniform(-np.pi, np.pi)
    towards = np.array(
        [np.cos(height) * np.cos(turn), np.sin(height), np.cos(height) * np.sin(turn)]
    )
    behind = unit(-R[2] * [1, 0, 1] + 1e-9)  # level direction from the scene to the camera
    if rng.random() < 0.5:
        towards = unit(towards + 1.2 * np.cos(height) * behind)
    sun = 0.0 if rng.random() < 0.25 else rng.uniform(0.35, 1.3)
    sky = rng.uniform(0.3, 0.6) + 0.35 * (sun == 0)
    floor = sky * rng.uniform(0.35, 0.85) * linear(rng.uniform(190, 255, 3))
    lights = [ParallelLight(towards, sun * warm)] if sun else []
    return Lighting(lights, floor, sky * cool, texel_mm=14.0, bias_mm=26.0, soft_px=1.5)
