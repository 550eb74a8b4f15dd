"""What a camera sees of surfaces: points, normals and colours, pixel by pixel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...poses.camera import PinholeCamera
from .mesh import vertex_normals
from .raster import rasterise
from .rotations import cross, unit

Paint = Callable[[np.ndarray], np.ndarray]  # points (P, 3) at rest, mm -> colours (P, 3)


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh to draw, in the world frame.

    Attributes:
        vertices_mm: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside.
        colour: (F, 3) or (V, 3) reflectance of red, green, blue in 0..1, linear; a colour a vertex
            is blended over the faces. Or a paint: its colours at the points' places at rest.
        shine: 0 for matt, strength of the highlight else.
        keep: (V,) the mesh is cut away where its interpolation is below 0; None keeps all.
        rest_mm: (V, 3) the places at rest, where a paint is looked up.
        closed: only the outside is drawn; both sides else.
        owner: number of the person or thing that it belongs to.
    """

    vertices_mm: np.ndarray
    faces: np.ndarray
    colour: np.ndarray | Paint
    shine: float = 0.0
    keep: np.ndarray | None = None
    rest_mm: np.ndarray | None = None
    closed: bool = False
    owner: int = 0


@dataclass(frozen=True, eq=False)
class Seen:
    """What the pixels of a picture see, P of them; the others see nothing.

    Attributes:
        size: width and height of the picture.
        pixels: (P,) index into the flat picture, row by row.
        points_mm: (P, 3) world frame.
        normals: (P, 3) unit, towards the camera's side.
        colour: (P, 3) reflectance, linear.
        shine: (P,).
        depth_mm: (P,) along the camera's axis.
        owner: (P,) number of the person or thing.
    """

    size: tuple[int, int]
    pixels: np.ndarray
    points_mm: np.ndarray
    normals: np.ndarray
    colour: np.ndarray
    shine: np.ndarray
    depth_mm: np.ndarray
    owner: np.ndarray

    def over(self, behind: "Seen") -> "Seen":
        """Return these pixels with those of another picture wherever this one sees nothing."""
        free = np.ones(self.size[0] * self.size[1], bool)
        free[self.pixels] = False
        rows = free[behind.pixels]
        fields = ("pixels", "points_mm", "normals", "colour", "shine", "depth_mm", "owner")
        joined = [np.concatenate([getattr(self, f), getattr(behind, f)[rows]]) for f in fields]
        return Seen(self.size, *joined)

    def picture(self, values: np.ndarray, empty: float = 0.0) -> np.ndarray:
        """Return values (P, ...) of the pixels as a picture (H, W, ...)."""
        whole = np.full((self.size[0] * self.size[1], *values.shape[1:]), empty, values.dtype)
        whole[self.pixels] = values
        return whole.reshape(self.size[1], self.size[0], *values.shape[1:])


def look(surfaces: list[Surface], camera: PinholeCamera, size: tuple[int, int]) -> Seen:
    """Return what a camera sees of some surfaces, with normals that are smooth over the faces."""
    starts = np.cumsum([0] + [len(s.vertices_mm) for s in surfaces])
    vertices = np.concatenate([s.vertices_mm for s in surfaces])
    camera_mm = vertices @ camera.R.T + camera.t_mm
    z = np.where(camera_mm[:, 2] > 1.0, camera_mm[:, 2], np.nan)
    pixels_px = (camera_mm / z[:, None]) @ camera.K[:2].T
    behind = [_behind(camera_mm[s.faces + starts[n]]) for n, s in enumerate(surfaces)]
    fronts = [
        np.flatnonzero(far < 0) if s.closed else np.arange(len(far))
        for s, far in zip(surfaces, behind, strict=True)
    ]
    parts = zip(surfaces, fronts, starts[:-1], strict=True)
    faces = np.concatenate([s.faces[front] + start for s, front, start in parts])
    which = np.repeat(np.arange(len(surfaces)), [len(f) for f in fronts])
    keep = np.concatenate([_kept(s) for s in surfaces])
    cut = keep if any(s.keep is not None for s in surfaces) else None
    face, weights, depth = rasterise(pixels_px, -1 / z, faces, size, cut)
    pixels = np.flatnonzero(face.ravel() >= 0)
    face, weights = face.ravel()[pixels], weights.reshape(-1, 3)[pixels]
    corners, surface = faces[face], which[face]
    normals = np.concatenate([vertex_normals(s.vertices_mm, s.faces) for s in surfaces])
    both = _blend(weights, np.concatenate([vertices, normals], axis=1), corners)
    points, smooth = both[:, :3], unit(both[:, 3:])
    inside = np.concatenate([far[f] > 0 for far, f in zip(behind, fronts, strict=True)])[face]
    smooth[inside] *= -1
    colour, shine = np.zeros_like(points), np.zeros(len(points))
    firsts = np.cumsum([0] + [len(f) for f in fronts])
    for n, s in enumerate(surfaces):
        rows = np.flatnonzero(surface == n)
        own = fronts[n][face[rows] - firsts[n]]
        colour[rows] = _colour(s, own, weights[rows])
        shine[rows] = s.shine
    owner = np.array([s.owner for s in surfaces])[surface]
    return Seen(size, pixels, points, smooth, colour, shine, -1 / depth.ravel()[pixels], owner)


def _behind(corners_mm: np.ndarray) -> np.ndarray:
    """Return numbers (F,) below 0 for faces whose outside the camera sees, above for the inside.

    Args:
        corners_mm: (F, 3, 3) camera frame.
    """
    first = corners_mm[:, 0]
    normals = cross(corners_mm[:, 1] - first, corners_mm[:, 2] - first)
    return np.einsum("fd,fd->f", normals, first)


def _kept(surface: Surface) -> np.ndarray:
    return np.ones(len(surface.vertices_mm)) if surface.keep is None else surface.keep


def _blend(weights: np.ndarray, values: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the values (V, D) blended at pixels: weights (P, 3) of the vertices (P, 3)."""
    out = weights[:, :1] * values[corners[:, 0]]
    out += weights[:, 1:2] * values[corners[:, 1]]
    out += weights[:, 2:] * values[corners[:, 2]]
    return out


def _colour(surface: Surface, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the colours (P, 3) of a surface at places in its faces (P,)."""
    corners = surface.faces[faces]
    if callable(surface.colour):
        rest = surface.vertices_mm if surface.rest_mm is None else surface.rest_mm
        return surface.colour(_blend(weights, rest, corners))
    if len(surface.colour) == len(surface.vertices_mm):
        return _blend(weights, surface.colour, corners)
    return surface.colour[faces]
