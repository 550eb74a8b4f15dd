"""Rasterise triangles with a depth buffer, all rows and pixels at once in numpy."""

import numpy as np

STEPS = 2**31 - 1  # depths are compared as whole numbers of so many steps
SLACK_PX = 1e-7  # a pixel's centre this near to an edge counts as inside


def rasterise(
    points_px: np.ndarray,
    depth: np.ndarray,
    faces: np.ndarray,
    size: tuple[int, int],
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what each pixel's centre sees: face (H, W), its weights (H, W, 3), depth (H, W).

    Depth and weights are affine over a triangle's picture. That is exact for parallel projection;
    with `depth` = -1 / z the order is exact for perspective too, and the weights are near enough
    for triangles that are small against their distance. The nearest triangle wins. Each triangle
    is cut into the spans of its rows, so that no pixel outside of it is ever looked at.

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
    corners, far = points_px[faces], depth[faces]  # (F, 3, 2), (F, 3)
    edge_1, edge_2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = edge_1[:, 0] * edge_2[:, 1] - edge_1[:, 1] * edge_2[:, 0]
    # one number that is not finite makes the sum so; reducing short axes is slow
    shown = np.isfinite(area + far[:, 0] + far[:, 1] + far[:, 2]) & (area != 0)
    if keep is not None:
        kept = keep[faces.T]  # (3, F)
        whole = kept.min(0) >= 0
        shown &= kept.max(0) >= 0
    drawn = np.flatnonzero(shown)
    face, column, row = _covered(corners[drawn], width, height)
    face = drawn[face]
    # barycentric weights of corners 1 and 2 by Cramer's rule
    x, y = column - corners[face, 0, 0], row - corners[face, 0, 1]
    second = (x * edge_2[face, 1] - y * edge_2[face, 0]) / area[face]
    third = (y * edge_1[face, 0] - x * edge_1[face, 1]) / area[face]
    if keep is not None:
        # only triangles on the edge of what is kept must be looked at pixel by pixel
        some = np.flatnonzero(~whole[face])
        a, b, c = kept[:, face[some]]
        value = a + second[some] * (b - a) + third[some] * (c - a)
        stays = np.ones(len(face), bool)
        stays[some] = value >= 0
        left = np.flatnonzero(stays)
        face, column, row = face[left], column[left], row[left]
        second, third = second[left], third[left]
    here = far[face, 0] + second * (far[face, 1] - far[face, 0])
    here += third * (far[face, 2] - far[face, 0])
    flat = row * width + column
    winner = _nearest(flat, here, width * height)
    pixels = flat[winner]
    seen_face, nearest = np.full(width * height, -1), np.full(width * height, np.inf)
    weights = np.zeros((width * height, 3))
    seen_face[pixels], nearest[pixels] = face[winner], here[winner]
    weights[pixels, 1], weights[pixels, 2] = second[winner], third[winner]
    weights[pixels, 0] = 1 - second[winner] - third[winner]
    shape = (height, width)
    return seen_face.reshape(shape), weights.reshape(*shape, 3), nearest.reshape(shape)


def _covered(
    corners: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return face, column and row (P,) of every pixel whose centre lies in a triangle (F, 3, 2)."""
    y = corners[..., 1]
    top, bottom = (end(end(y[:, 0], y[:, 1]), y[:, 2]) for end in (np.minimum, np.maximum))
    low = np.ceil(top - SLACK_PX).clip(0, height).astype(np.int64)
    high = np.floor(bottom + SLACK_PX).clip(-1, height - 1).astype(np.int64)
    which, row = _expand(low, high)
    left, right = np.full(len(which), np.inf), np.full(len(which), -np.inf)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        rise = y[:, b] - y[:, a]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (corners[:, b, 0] - corners[:, a, 0]) / rise
        level = (row - y[which, a]) / np.where(rise == 0, np.nan, rise)[which]
        crossed = (level >= -SLACK_PX) & (level <= 1 + SLACK_PX)  # a level edge is NaN: its ends
        hit = np.flatnonzero(crossed)  # are those of the other edges
        owner = which[hit]
        x = corners[owner, a, 0] + slope[owner] * (row[hit] - y[owner, a])
        left[hit], right[hit] = np.minimum(left[hit], x), np.maximum(right[hit], x)
    first = np.ceil(left - SLACK_PX).clip(0, width).astype(np.int64)
    last = np.floor(right + SLACK_PX).clip(-1, width - 1).astype(np.int64)
    span, column = _expand(first, last)
    return which[span], column, row[span]


def _expand(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for ranges first..last of whole numbers, each number's range and the number."""
    count = (last - first + 1).clip(0)
    which = np.repeat(np.arange(len(first)), count)
    start = np.cumsum(count) - count
    return which, np.arange(len(which)) - np.repeat(start - first, count)


def _nearest(flat: np.ndarray, depth: np.ndarray, cells: int) -> np.ndarray:
    """Return the rows (P,) of the nearest entry of each cell; of equal ones the first."""
    if not len(flat):
        return np.zeros(0, np.int64)
    span = depth.max() - depth.min()
    step = ((depth - depth.min()) * (STEPS / span if span > 0 else 0.0)).astype(np.int64)
    key = (step << 32) | np.arange(len(flat))
    best = np.full(cells, np.iinfo(np.int64).max)
    np.minimum.at(best, flat, key)
    return best[best != np.iinfo(np.int64).max] & 0xFFFFFFFF
