"""The vocabulary of lift3d: skeletons, poses, cameras, alignment and scale. numpy only."""

from .align import Alignment, fit_rigid, fit_similarity, rigid_align, similarity_align
from .camera import PinholeCamera, WeakPerspective
from .convert import ConvertedJoints, convert_joints
from .distortion import RadialTangential
from .pose import Pose2D, Pose3D, PoseCrop
from .scale import (
    POPULATION_TORSO_MM,
    TORSO_BONES,
    mean_torso_mm,
    scale_from_height,
    scale_from_torso,
)
from .skeleton import SKELETONS, Skeleton, get_skeleton

__all__ = [
    "POPULATION_TORSO_MM",
    "SKELETONS",
    "TORSO_BONES",
    "Alignment",
    "ConvertedJoints",
    "PinholeCamera",
    "Pose2D",
    "Pose3D",
    "PoseCrop",
    "RadialTangential",
    "Skeleton",
    "WeakPerspective",
    "convert_joints",
    "fit_rigid",
    "fit_similarity",
    "get_skeleton",
    "mean_torso_mm",
    "rigid_align",
    "scale_from_height",
    "scale_from_torso",
    "similarity_align",
]
