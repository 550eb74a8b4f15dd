"""Lighter meshes on a subset of the vertices: collapse edges where the surface suffers least."""

import heapq

import numpy as np

from .rotations import unit

LEAST_TURN = 0.2  # cosine between a face's normals before and after; less would fold the mesh


def decimate(vertices: np.ndarray, faces: np.ndarray, wanted: int) -> np.ndarray:
    """Return the rows of the faces that stay (F',) and their corners (F', 3) as (F', 4).

    Half-edge collapses in the order of the quadric error (Garland and Heckbert 1997, section 4,
    with the target restricted to the edge's ends, so that no vertex moves).

    Args:
        vertices: (V, 3).
        faces: (F, 3).
        wanted: number of faces to stop at.

    Returns:
        Column 0 the face's row in `faces`, columns 1 to 3 its vertices.
    """
    mesh = _Mesh(vertices, faces)
    heap = [
        entry
        for v in range(len(vertices))
        for entry in mesh.collapses(v)
        if max(entry[1:3]) == v  # each edge once
    ]
    heapq.heapify(heap)
    while heap and mesh.count > wanted:
        _, start, end, stamp = heapq.heappop(heap)
        if stamp != mesh.stamp[start] + mesh.stamp[end] or not mesh.allowed(start, end):
            continue
        for changed in mesh.collapse(start, end):
            for entry in mesh.collapses(changed):
                heapq.heappush(heap, entry)
    return np.array([[row, *corners] for row, corners in sorted(mesh.faces.items())])


class _Mesh:
    """Faces by row, the faces of each vertex, and the vertices' quadrics."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self.at = vertices
        self.faces = {row: tuple(int(v) for v in face) for row, face in enumerate(faces)}
        self.around: list[set[int]] = [set() for _ in vertices]
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        plane = np.c_[unit(normal), -(unit(normal) * a).sum(1)]  # (F, 4)
        size = np.linalg.norm(normal, axis=1)[:, None, None]
        quadric = size * plane[:, :, None] * plane[:, None, :]
        self.quadric = np.zeros((len(vertices), 4, 4))
        for k in range(3):
            np.add.at(self.quadric, faces[:, k], quadric)
        for row, face in self.faces.items():
            for v in face:
                self.around[v].add(row)
        self.stamp = [0] * len(vertices)

    @property
    def count(self) -> int:
        return len(self.faces)

    def neighbours(self, v: int) -> set[int]:
        return {u for row in self.around[v] for u in self.faces[row]} - {v}

    def collapses(self, v: int) -> list[tuple[float, int, int, int]]:
        """Return (cost, start, end, stamp) of both ways along each edge of a vertex."""
        found = []
        for u in self.neighbours(v):
            both = self.quadric[u] + self.quadric[v]
            stamp = self.stamp[u] + self.stamp[v]
            for start, end in ((u, v), (v, u)):
                p = np.append(self.at[end], 1.0)
                found.append((float(p @ both @ p), start, end, stamp))
        return found

    def allowed(self, start: int, end: int) -> bool:
        """Return whether the mesh stays whole and no face turns over."""
        shared = self.around[start] & self.around[end]
        if not shared or len(self.neighbours(start) & self.neighbours(end)) != len(shared):
            return False
        for row in self.around[start] - shared:
            before = [self.at[v] for v in self.faces[row]]
            after = [self.at[end if v == start else v] for v in self.faces[row]]
            old, new = (np.cross(t[1] - t[0], t[2] - t[0]) for t in (before, after))
            if old @ new <= LEAST_TURN * np.linalg.norm(old) * np.linalg.norm(new):
                return False
        return True

    def collapse(self, start: int, end: int) -> set[int]:
        """Let the faces of `start` end at `end`; return the vertices whose edges have changed."""
        for row in list(self.around[start]):
            face = self.faces[row]
            if end in face:
                del self.faces[row]
                for v in face:
                    self.around[v].discard(row)
            else:
                self.faces[row] = tuple(end if v == start else v for v in face)
                self.around[end].add(row)
        self.around[start] = set()
        self.quadric[end] += self.quadric[start]
        self.stamp[end] += 1
        self.stamp[start] += 1
        return {end}
