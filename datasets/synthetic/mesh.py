"""Triangle meshes: normals, smoothing, and values that go between faces and vertices."""

import numpy as np
from scipy.sparse import coo_matrix

from .rotations import unit


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the outward unit normals (V, 3), means of the faces' by their areas.

    Args:
        vertices: (V, 3).
        faces: (F, 3), counter-clockwise seen from outside.
    """
    corners = vertices[faces]  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return unit(_sum_at_vertices(normals, faces, len(vertices)))


def face_to_vertex(values: np.ndarray, faces: np.ndarray, V: int) -> np.ndarray:
    """Return the means (V, D) of the values (F, D) of the faces round each vertex, 0 for none."""
    total = _sum_at_vertices(values, faces, V)
    return total / np.maximum(np.bincount(faces.ravel(), minlength=V), 1)[:, None]


def smooth(values: np.ndarray, faces: np.ndarray, steps: int, hold: np.ndarray) -> np.ndarray:
    """Return values (V, D) drawn towards the mean of their neighbours, step by step.

    Args:
        values: (V, D), positions or anything else.
        faces: (F, 3).
        steps: how often.
        hold: (V,) 0 moves all the way to the mean at each step, 1 not at all.
    """
    V = len(values)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    both = np.concatenate([edges, edges[:, ::-1]])
    near = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(V, V)).tocsr()
    degree = np.maximum(np.asarray(near.sum(axis=1)), 1)  # (V, 1)
    pull = (1 - hold[:, None]) * (np.asarray(near.sum(axis=1)) > 0)
    for _ in range(steps):
        values = values + pull * (near @ values / degree - values)
    return values


def open_border(faces: np.ndarray) -> np.ndarray:
    """Return the vertices on edges that belong to one face alone."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    unique, count = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    return np.unique(unique[count == 1])


def _sum_at_vertices(values: np.ndarray, faces: np.ndarray, V: int) -> np.ndarray:
    index = faces.ravel()
    columns = [np.bincount(index, np.repeat(column, 3), V) for column in values.T]
    return np.stack(columns, axis=-1)
