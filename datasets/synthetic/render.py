"""Rasterise triangle meshes: which surface every pixel sees, where, and which way it faces."""

from dataclasses import dataclass

import numpy as np

from ...poses.camera import PinholeCamera
from .mesh import vertex_normals
from .rotations import unit

CHUNK = 2_000_000  # candidate pixels that are tested at a time


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh to draw, in the world frame.

    Attributes:
        vertices_mm: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside; both sides are drawn.
        colour: (F, 3) or (V, 3) reflectance of red, green, blue in 0..1, linear; a colour a vertex
            is blended over the faces.
        shine: 0 for matt, strength of the highlight else.
        keep: (V,) the mesh is cut away where its interpolation is below 0; None keeps all.
    """

    vertices_mm: np.ndarray
    faces: np.ndarray
    colour: np.ndarray
    shine: float = 0.0
    keep: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """What H x W pixels see.

    Attributes:
        points_mm: (H, W, 3) world frame, NaN where nothing is.
        normals: (H, W, 3) unit, towards the camera's side.
        colour: (H, W, 3) reflectance, linear.
        shine: (H, W).
    """

    points_mm: np.ndarray
    normals: np.ndarray
    colour: np.ndarray
    shine: np.ndarray

    def over(self, behind: "Seen") -> "Seen":
        """Return these pixels with those of another picture wherever this one sees nothing."""
        nothing = np.isnan(self.points_mm[..., 0])
        return Seen(
            np.where(nothing[..., None], behind.points_mm, self.points_mm),
            np.where(nothing[..., None], behind.normals, self.normals),
            np.where(nothing[..., None], behind.colour, self.colour),
            np.where(nothing, behind.shine, self.shine),
        )


def rasterise(
    points_px: np.ndarray,
    depth: np.ndarray,
    faces: np.ndarray,
    size: tuple[int, int],
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what each pixel's centre sees: face (H, W), its weights (H, W, 3), depth (H, W).

    Depth and weights are affine over a triangle's picture, which is exact for parallel projection
    and near enough for triangles that are small against their distance. The nearest triangle wins.

    Args:
        points_px: (V, 2) pixels, centres at integers.
        depth: (V,) larger is farther; a face with a vertex that is not finite is left out.
        faces: (F, 3).
        size: width and height of the picture.
        keep: (V,) a triangle is cut away where its interpolation is below 0.

    Returns:
        face -1, weights 0 and depth inf where no triangle is.
    """
    width, height = size
    face = np.full(height * width, -1)
    weights, nearest = np.zeros((height * width, 3)), np.full(height * width, np.inf)
    corners = points_px[faces]  # (F, 3, 2)
    low = np.ceil(corners.min(1)).clip(0)
    extent = (np.floor(corners.max(1)).clip(None, (width - 1, height - 1)) - low + 1).clip(0)
    area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    drawn = np.isfinite(depth[faces]).all(1) & np.isfinite(corners).all((1, 2)) & (area != 0)
    count = np.where(drawn, extent.prod(1), 0).astype(np.int64)
    ends = np.cumsum(count)
    for chunk in np.split(np.arange(len(faces)), _cuts(ends)):
        chunk = chunk[count[chunk] > 0]
        which = np.repeat(chunk, count[chunk])
        place = np.arange(len(which)) - np.repeat(
            np.cumsum(count[chunk]) - count[chunk], count[chunk]
        )
        columns = extent[which, 0].astype(np.int64)
        pixel = low[which].astype(np.int64) + np.stack([place % columns, place // columns], -1)
        spokes = corners[which] - pixel[:, None]  # (P, 3, 2) from the pixel to the corners
        share = np.stack(
            [_cross(spokes[:, (i + 1) % 3], spokes[:, (i + 2) % 3]) for i in range(3)], axis=-1
        )
        share /= area[which, None]
        inside = (share >= 0).all(1)
        if keep is not None:
            inside &= (share * keep[faces[which]]).sum(1) >= 0
        which, pixel, share = which[inside], pixel[inside], share[inside]
        far = (share * depth[faces[which]]).sum(1)
        flat = pixel[:, 1] * width + pixel[:, 0]
        np.minimum.at(nearest, flat, far)
        wins = far == nearest[flat]
        face[flat[wins]], weights[flat[wins]] = which[wins], share[wins]
    shape = (height, width)
    return face.reshape(shape), weights.reshape(*shape, 3), nearest.reshape(shape)


def look(surfaces: list[Surface], camera: PinholeCamera, size: tuple[int, int]) -> Seen:
    """Return what a camera sees of some surfaces, with normals that are smooth over the faces."""
    shape = (size[1], size[0])
    points, normals = np.full((*shape, 3), np.nan), np.zeros((*shape, 3))
    colour, shine, nearest = np.zeros((*shape, 3)), np.zeros(shape), np.full(shape, np.inf)
    for surface in surfaces:
        depth = camera.to_camera(surface.vertices_mm)[:, 2]
        pixels = camera.project(surface.vertices_mm)
        face, weights, far = rasterise(pixels, depth, surface.faces, size, surface.keep)
        here = far < nearest
        nearest[here] = far[here]
        share, rows = weights[here][..., None], surface.faces[face[here]]  # (P, 3, 1), (P, 3)
        points[here] = (share * surface.vertices_mm[rows]).sum(1)
        smooth = (share * vertex_normals(surface.vertices_mm, surface.faces)[rows]).sum(1)
        edges = surface.vertices_mm[rows]
        flat = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
        to_camera = camera.to_world(np.zeros(3)) - points[here]
        back = (flat * to_camera).sum(-1) < 0
        normals[here] = unit(np.where(back[:, None], -smooth, smooth))
        a_face = len(surface.colour) == len(surface.faces)
        colour[here] = (
            surface.colour[face[here]] if a_face else (share * surface.colour[rows]).sum(1)
        )
        shine[here] = surface.shine
    return Seen(points, normals, colour, shine)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _cuts(ends: np.ndarray) -> np.ndarray:
    """Return where to cut the faces so that each piece has about CHUNK candidate pixels."""
    total = int(ends[-1]) if len(ends) else 0
    return np.unique(np.searchsorted(ends, np.arange(CHUNK, total, CHUNK)))
