"""Sheets and tubes that hang on a body: skirts, long hair, tails of hair."""

import numpy as np


def sheet_faces(rings: int, around: int, closed: bool) -> np.ndarray:
    """Return the faces (F, 3) of a grid of `rings` rows with `around` points each.

    Vertex (r, k) is r * around + k. `closed` joins the last point of a row with its first. Rows go
    down and points counter-clockwise seen from above for a tube whose outside is the front.

    >>> sheet_faces(2, 2, False).tolist()
    [[0, 2, 1], [1, 2, 3]]
    """
    k = np.arange(around if closed else around - 1)
    right = (k + 1) % around
    faces = []
    for r in range(rings - 1):
        top, low = r * around, (r + 1) * around
        faces.append(np.stack([top + k, low + k, top + right], axis=1))
        faces.append(np.stack([top + right, low + k, low + right], axis=1))
    return np.concatenate(faces)


def fade(value: np.ndarray | float, start: float, end: float) -> np.ndarray:
    """Return 0 at `start`, 1 at `end`, with level ends between, for values of any shape."""
    t = np.clip((np.asarray(value, float) - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)
