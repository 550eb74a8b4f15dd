import dataclasses

import numpy as np
import pytest

from lift3d.poses import Pose2D, Pose3D, PoseCrop, get_skeleton
from lift3d.poses.errors import BadInput

MPII = get_skeleton("mpii16")
H36M = get_skeleton("h36m17")
IMAGE = np.zeros((8, 6, 3), np.uint8)
IDENTITY = np.eye(2, 3)


def test_a_joint_with_any_lost_coordinate_is_nan_with_confidence_0():
    joints_px = np.zeros((16, 2))
    joints_px[2, 1], joints_px[5, 0] = np.nan, np.inf
    given = np.ones(16)
    pose = Pose2D(joints_px, given, MPII)
    assert np.flatnonzero(np.isnan(pose.joints_px).all(axis=-1)).tolist() == [2, 5]
    assert np.flatnonzero(pose.confidence == 0).tolist() == [2, 5]
    assert given.all()
    assert joints_px[2, 0] == 0


def test_nan_confidence_is_allowed_only_where_the_joint_was_lost():
    confidence = np.ones(17)
    confidence[0] = np.nan
    joints_mm = np.zeros((17, 3))
    joints_mm[0] = np.nan
    assert Pose3D(joints_mm, confidence, H36M).confidence[0] == 0
    with pytest.raises(BadInput, match=r"^confidence must be finite for every joint"):
        Pose3D(np.zeros((17, 3)), confidence, H36M)


@pytest.mark.parametrize(
    ("given", "kept"), [(np.float32, "float32"), (np.float64, "float64"), (int, "float64")]
)
def test_float_arrays_keep_their_type_and_others_become_float64(given, kept):
    pose = Pose2D(np.zeros((16, 2), given), np.ones(16, given), MPII)
    assert (pose.joints_px.dtype, pose.confidence.dtype) == (kept, kept)


def test_poses_are_frozen():
    pose = Pose2D(np.zeros((16, 2)), np.ones(16), MPII)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pose.score = 0.5


def test_pose2d_rejects_17_joints_for_mpii16():
    with pytest.raises(BadInput) as error:
        Pose2D(np.zeros((17, 2)), np.ones(17), MPII)
    assert str(error.value) == (
        "joints_px must have shape (16, 2), got (17, 2); skeleton 'mpii16' has 16 joints"
    )


def test_pose2d_rejects_the_name_of_a_skeleton():
    with pytest.raises(BadInput) as error:
        Pose2D(np.zeros((16, 2)), np.ones(16), "mpii16")
    assert str(error.value) == "skeleton must be a Skeleton, got 'mpii16'; use get_skeleton(name)"


def test_pose2d_rejects_a_box_of_two_corners():
    with pytest.raises(BadInput) as error:
        Pose2D(np.zeros((16, 2)), np.ones(16), MPII, box_xyxy_px=np.zeros((2, 2)))
    assert str(error.value) == "box_xyxy_px must have shape (4,), got (2, 2); give x0, y0, x1, y1"


def test_pose2d_rejects_a_score_that_is_no_number():
    with pytest.raises(BadInput) as error:
        Pose2D(np.zeros((16, 2)), np.ones(16), MPII, score=np.nan)
    assert str(error.value) == "score must be finite, got nan"


def test_pose2d_rejects_heatmaps_of_another_skeleton():
    crop = PoseCrop(IMAGE, IDENTITY, np.zeros((17, 4, 4)), IDENTITY)
    with pytest.raises(BadInput) as error:
        Pose2D(np.zeros((16, 2)), np.ones(16), MPII, crop=crop)
    assert str(error.value) == (
        "crop.heatmaps must have 16 maps for skeleton 'mpii16', got 17; "
        "order them as the skeleton's joints"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"root_mm": np.zeros(2)},
            "root_mm must have shape (3,), got (2,); give x, y, z of the root in the camera frame",
        ),
        (
            {"sigma_mm": np.zeros((17, 3))},
            "sigma_mm must have shape (17,), got (17, 3); give one value a joint",
        ),
    ],
)
def test_pose3d_rejects_other_shapes(fields, message):
    with pytest.raises(BadInput) as error:
        Pose3D(np.zeros((17, 3)), np.ones(17), H36M, **fields)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (IMAGE.astype(float), IDENTITY),
            "image must be RGB of shape (H, W, 3) and type uint8, got (8, 6, 3) float64",
        ),
        (
            (IMAGE, np.eye(3)),
            "to_image must have shape (2, 3), got (3, 3); give an affine map [A | b]",
        ),
        (
            (IMAGE, IDENTITY, np.zeros((16, 4, 4))),
            "heatmaps and heatmap_to_image belong together; pass both or neither",
        ),
        (
            (IMAGE, IDENTITY, np.zeros((1, 16, 4, 4)), IDENTITY),
            "heatmaps must have shape (J, h, w), got (1, 16, 4, 4); pass the maps of one person",
        ),
        (
            (IMAGE, np.array([[1.0, 2, 0], [2, 4, 0]])),
            "to_image must be finite and have a way back, got [[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]; "
            "give an affine map [A | b] with an invertible A",
        ),
        (
            (IMAGE, IDENTITY, np.zeros((16, 4, 4)), np.full((2, 3), np.inf)),
            "heatmap_to_image must be finite and have a way back, got "
            "[[inf, inf, inf], [inf, inf, inf]]; give an affine map [A | b] with an invertible A",
        ),
    ],
)
def test_crop_rejects_other_shapes_and_types(arguments, message):
    with pytest.raises(BadInput) as error:
        PoseCrop(*arguments)
    assert str(error.value) == message
