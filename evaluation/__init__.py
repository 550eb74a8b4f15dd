"""Metrics of 2D and 3D poses."""

from .metrics_2d import COCO_SIGMAS, head_length_px, oks, pck_torso, pckh, torso_length_px
from .metrics_3d import (
    auc_3d,
    mpjpe_mm,
    mpjpe_rigid_mm,
    mpjpe_similarity_mm,
    mpjve_mm,
    n_mpjpe_mm,
    pck_3d,
)
from .pcp import KTH_PARTS, pcp

__all__ = [
    "COCO_SIGMAS",
    "KTH_PARTS",
    "auc_3d",
    "head_length_px",
    "mpjpe_mm",
    "mpjpe_rigid_mm",
    "mpjpe_similarity_mm",
    "mpjve_mm",
    "n_mpjpe_mm",
    "oks",
    "pck_3d",
    "pck_torso",
    "pckh",
    "pcp",
    "torso_length_px",
]
