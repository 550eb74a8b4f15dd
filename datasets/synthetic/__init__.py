"""Synthetic people: a skinned body, posed by motion capture, rendered and lit."""

from .body import Body, read_body, skin
from .light import ParallelLight, illuminate, sky_light, soft_light
from .mesh import face_to_vertex, open_border, smooth, vertex_normals
from .posing import FreeAngles, bone_rotations, mean_directions
from .render import Seen, Surface, look, rasterise

__all__ = [
    "Body",
    "FreeAngles",
    "ParallelLight",
    "Seen",
    "Surface",
    "bone_rotations",
    "face_to_vertex",
    "illuminate",
    "look",
    "mean_directions",
    "open_border",
    "rasterise",
    "read_body",
    "skin",
    "sky_light",
    "smooth",
    "soft_light",
    "vertex_normals",
]
