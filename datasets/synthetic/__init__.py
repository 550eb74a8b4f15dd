"""Synthetic people: a skinned body, posed by motion capture, rendered and lit."""

from .body import Body, read_body, skin
from .capsules import capsule_body
from .light import Lighting, ParallelLight, illuminate, sky_light, soft_light
from .mesh import face_to_vertex, neighbour_mean, vertex_normals
from .posing import FreeAngles, bone_rotations, mean_directions
from .raster import rasterise
from .render import Seen, Surface, look

__all__ = [
    "Body",
    "FreeAngles",
    "Lighting",
    "ParallelLight",
    "Seen",
    "Surface",
    "bone_rotations",
    "capsule_body",
    "face_to_vertex",
    "illuminate",
    "look",
    "mean_directions",
    "neighbour_mean",
    "rasterise",
    "read_body",
    "skin",
    "sky_light",
    "soft_light",
    "vertex_normals",
]
