"""One pose of two looks at the same person."""

from dataclasses import replace

import numpy as np
import torch

from ..poses.boxes import apply_affine, invert_affine
from ..poses.pose import Pose2D, PoseCrop
from .heatmap import encode_gaussian


def surer_pose(first: Pose2D, second: Pose2D) -> Pose2D:
    """Return the second look's pose, with those joints of the first that it was surer of.

    Left and right come from the same look, or one limb could be taken for both. The crop is the
    second look's; the map of a joint of the first one is a Gaussian where that joint lies.
    """
    more = first.confidence - second.confidence
    kept = more + more[first.skeleton.flip_index] > 0
    confidence = np.where(kept, first.confidence, second.confidence)
    return replace(
        second,
        joints_px=np.where(kept[:, None], first.joints_px, second.joints_px),
        confidence=confidence,
        score=float(confidence.mean()),
        crop=_with_joints(second.crop, first.joints_px, kept),
    )


def _with_joints(crop: PoseCrop | None, joints_px: np.ndarray, kept: np.ndarray) -> PoseCrop | None:
    """Return a crop whose maps of some joints (J,) are drawn where these lie in the image."""
    if crop is None or crop.heatmaps is None or crop.heatmap_to_image is None or not kept.any():
        return crop
    cells = apply_affine(invert_affine(crop.heatmap_to_image), joints_px[kept])
    size = (crop.heatmaps.shape[1], crop.heatmaps.shape[2])
    heatmaps = crop.heatmaps.copy()
    heatmaps[kept] = encode_gaussian(torch.from_numpy(cells), size, normalise=True).numpy()
    return replace(crop, heatmaps=heatmaps)
