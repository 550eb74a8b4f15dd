"""What clothes need to know of a body's mesh, worked out once, and a person who wears them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial import ConvexHull

from .body import Body, skin
from .mesh import face_to_vertex, neighbour_mean, vertex_normals
from .render import Paint, Surface


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Facts of a mesh that hold for every shape of the body.

    Attributes:
        body: at rest, of mean shape.
    """

    body: Body
    _shares: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def near(self) -> csr_matrix:
        """Return (V, V): takes values of the vertices to the means of their neighbours."""
        return neighbour_mean(self.body.faces, len(self.body.vertices_mm))

    @cached_property
    def arm(self) -> np.ndarray:
        """Return the place along the arm (V,): 0 shoulder, 1 elbow, 2 wrist; 0 elsewhere."""
        return self._along("upper_arm", "forearm", "hand")

    @cached_property
    def leg(self) -> np.ndarray:
        """Return the place along the leg (V,): 0 hip, 1 knee, 2 ankle, 3 toes; 0 elsewhere."""
        return self._along("upper_leg", "lower_leg", "foot")

    @cached_property
    def scalp(self) -> np.ndarray:
        """Return how far inside of the hairline a vertex lies (V,): about 0 outside, 1 inside."""
        return self.smooth(self.share("hair")[:, None], 3)[:, 0]

    @cached_property
    def deep(self) -> np.ndarray:
        """Return the scalp (V,) smoothed far: high at the crown, low at the hairline."""
        return self.smooth(self.scalp[:, None], 25)[:, 0]

    def share(self, *parts: str) -> np.ndarray:
        """Return the part (V,) of the faces round each vertex that are of these parts."""
        if parts not in self._shares:
            mask = self.body.is_part(*parts)[:, None].astype(float)
            whole = face_to_vertex(mask, self.body.faces, len(self.body.vertices_mm))
            self._shares[parts] = whole[:, 0]
        return self._shares[parts]

    def smooth(self, values: np.ndarray, steps: int) -> np.ndarray:
        """Return values (V, D) drawn to the mean of their neighbours, step by step."""
        for _ in range(steps):
            values = self.near @ values
        return values

    def faces_with(self, chosen: np.ndarray, least: int = 1) -> np.ndarray:
        """Return the faces (F', 3) with at least so many chosen vertices (V,)."""
        return self.body.faces[chosen[self.body.faces].sum(1) >= least]

    @cached_property
    def foot_hulls(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return of each foot the outer faces of its toes and of its sole."""
        foot, y = self.share("foot") > 0, self.body.vertices_mm[:, 1]
        hulls = []
        for side in (1, -1):
            own = foot & (self.body.vertices_mm[:, 0] * side > 0)
            toes, low = np.flatnonzero(own & (self.leg > 2.35)), np.flatnonzero(own & (y < 40))
            if len(toes) > 3 and len(low) > 3:
                mesh = self.body.vertices_mm
                hulls.append((outer_hull(mesh, toes), outer_hull(mesh, low)))
        return hulls

    def _along(self, *parts: str) -> np.ndarray:
        chosen = self.body.is_part(*parts)
        values, faces = self.body.face_along[chosen, None], self.body.faces[chosen]
        return face_to_vertex(values, faces, len(self.body.vertices_mm))[:, 0]


@dataclass(frozen=True, eq=False)
class Wearer:
    """A person of one shape in one pose.

    Attributes:
        anatomy: of the mesh.
        body: at rest, of this person's shape.
        maps: (B, 3, 4) of the bones, into the world.
        owner: number of the person.
    """

    anatomy: Anatomy
    body: Body
    maps: np.ndarray
    owner: int = 0

    @cached_property
    def normals(self) -> np.ndarray:
        """Return the outward normals (V, 3) at rest."""
        return vertex_normals(self.body.vertices_mm, self.body.faces)

    def wear(
        self,
        rest_mm: np.ndarray,
        faces: np.ndarray,
        colour: np.ndarray | Paint,
        keep: np.ndarray | None = None,
        shine: float = 0.0,
        closed: bool = False,
    ) -> Surface:
        """Return a garment with vertices (V, 3) at rest, moved as the skin below it."""
        posed = self.posed(rest_mm, slice(None))
        return Surface(posed, faces, colour, shine, keep, rest_mm, closed, self.owner)

    def posed(self, rest_mm: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
        """Return some of the vertices (V, 3) at rest, moved as the skin's of the same rows."""
        bones, weights = self.body.skin_bone[rows], self.body.skin_weight[rows]
        return skin(rest_mm[rows], bones, weights, self.maps)

    def drape(
        self,
        loose_mm: np.ndarray,
        steps: int,
        folds_mm: float,
        phase: int,
        clear_mm: float,
    ) -> np.ndarray:
        """Return vertices (V, 3) at rest of cloth that lies over the body.

        Args:
            loose_mm: (V,) distance from the skin.
            steps: of smoothing, which take the muscles out of it.
            folds_mm: height of its folds.
            phase: other numbers give other folds.
            clear_mm: least distance from the skin, larger for what is worn above other things.
        """
        bare, loose = self.body.vertices_mm, loose_mm[:, None]
        out = self.anatomy.smooth(bare + loose * self.normals, steps)
        gap = ((out - bare) * self.normals).sum(1, keepdims=True)
        out = out + np.maximum(0, 0.5 * loose - gap) * self.normals
        out = self.anatomy.smooth(out, 4)
        gap = ((out - bare) * self.normals).sum(1, keepdims=True)
        out = out + np.maximum(0, np.maximum(0.3 * loose, clear_mm) - gap) * self.normals
        return out + folds_mm * waves(bare, phase)[:, None] * self.normals


def waves(points_mm: np.ndarray, phase: int) -> np.ndarray:
    """Return smooth irregular folds (V,), mostly within -1..1, at points (V, 3)."""
    rng = np.random.default_rng(phase)
    directions = rng.normal(size=(14, 3)) * (0.8, 1.3, 0.8)
    angle = points_mm @ directions.T * (2 * np.pi / 220) + rng.uniform(0, 7, 14)
    return np.sin(angle).sum(1) / 6


def outer_hull(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the faces (F, 3) of the convex hull of some points, counter-clockwise outside."""
    hull = ConvexHull(points[rows])
    corners = hull.points[hull.simplices]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = (normals * hull.equations[:, :3]).sum(1) < 0
    return rows[np.where(inward[:, None], hull.simplices[:, ::-1], hull.simplices)]
