"""Triangle meshes: normals, smoothing, and values that go between faces and vertices."""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from .rotations import cross, unit


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the outward unit normals (V, 3), means of the faces' by their areas.

    Args:
        vertices: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside.
    """
    corners = vertices[faces]  # (F, 3, 3)
    normals = cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return unit(_sum_at_vertices(normals, faces, len(vertices)))


def face_to_vertex(values: np.ndarray, faces: np.ndarray, V: int) -> np.ndarray:
    """Return the means (V, D) of the values (F, D) of the faces round each vertex, 0 for none."""
    total = _sum_at_vertices(values, faces, V)
    return total / np.maximum(np.bincount(faces.ravel(), minlength=V), 1)[:, None]


def neighbour_mean(faces: np.ndarray, V: int) -> csr_matrix:
    """Return (V, V): takes values of the vertices to the means of their neighbours.

    A vertex without neighbours keeps its value. Smooth by applying it several times.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    alone = np.setdiff1d(np.arange(V), edges)
    both = np.concatenate([edges, edges[:, ::-1], np.stack([alone, alone], axis=1)])
    near = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(V, V)).tocsr()
    near.data /= np.repeat(np.diff(near.indptr), np.diff(near.indptr))
    return near


def _sum_at_vertices(values: np.ndarray, faces: np.ndarray, V: int) -> np.ndarray:
    index = faces.ravel()
    columns = [np.bincount(index, np.repeat(column, 3), V) for column in values.T]
    return np.stack(columns, axis=-1)
