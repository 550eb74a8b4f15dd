"""The weak-perspective camera that puts a 3D pose onto its 2D joints."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def fit_weak_cameras(joints_mm: Array, joints_px: Array, weights: Array) -> tuple[Array, Array]:
    """Return the scale and offset of each pose's camera, by weighted least squares.

    pixels = scale * joints_mm[..., :2] + offset, the distances squared and weighted.

    Args:
        joints_mm: (N, J, 3) camera frame; a joint with NaN does not count.
        joints_px: (N, J, 2) pixels; a joint with NaN does not count.
        weights: (N, J), 0 or above.

    Returns:
        (N,) scales in pixels a millimetre and (N, 2) offsets in pixels; NaN where no camera with a
        positive scale fits.

    >>> pose = np.array([[[0.0, 0, 0], [10, 0, 0], [0, 10, 5]]])
    >>> fit_weak_cameras(pose, 3 * pose[..., :2] + 7, np.ones((1, 3)))
    (array([3.]), array([[7., 7.]]))
    """
    counts = np.isfinite(joints_mm).all(-1) & np.isfinite(joints_px).all(-1) & (weights > 0)
    w = np.where(counts, weights, 0.0)[..., None]
    model = np.where(counts[..., None], joints_mm[..., :2], 0.0).astype(np.float64)
    pixels = np.where(counts[..., None], joints_px, 0.0).astype(np.float64)
    total = np.maximum(w.sum(axis=1), 1e-12)
    middle_mm, middle_px = (w * model).sum(axis=1) / total, (w * pixels).sum(axis=1) / total
    model, pixels = model - middle_mm[:, None], pixels - middle_px[:, None]
    spread = (w * model * model).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (w * model * pixels).sum(axis=(1, 2)) / spread
    scale = np.where((spread > 1e-9) & (scale > 0), scale, np.nan)
    return scale, middle_px - scale[:, None] * middle_mm
