"""Kinds of errors and groups of joints, on a figure worked by hand."""

import numpy as np
import pytest

from lift3d.datasets.crop_facts import CropFacts
from lift3d.datasets.crops import CropSet, derive_trunk
from lift3d.evaluation.crop_errors import (
    CLOSE_BY,
    GROUPINGS,
    MISSED,
    OTHER_PART,
    RIGHT,
    SWAPPED,
    FoundCrops,
    error_kinds,
    pose_kinds,
    score_groups,
)
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput

MPII = get_skeleton("mpii16")
TORSO = np.array([100.0])  # near: 20 px, close: 50 px


def figure() -> np.ndarray:
    """Return an upright figure (1, 16, 2) whose joints lie 60 px or more from each other."""
    heights = {"shoulder": 0, "elbow": 100, "wrist": 200, "hip": 300, "knee": 400, "ankle": 500}
    joints = np.zeros((1, 16, 2))
    for j, name in enumerate(MPII.joints):
        side, _, part = name.partition("_")
        if part in heights:
            joints[0, j] = (100 if side == "left" else -100), heights[part]
    joints[:, MPII.index("upper_neck")], joints[:, MPII.index("head_top")] = (0, -60), (0, -160)
    joints[:, [MPII.index("pelvis"), MPII.index("thorax")]] = np.nan
    return derive_trunk(joints)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ((100, 200), RIGHT),
        ((120, 200), RIGHT),  # 0.2 torso lengths are near
        ((-100, 200), SWAPPED),
        ((-85, 205), SWAPPED),
        ((100, 115), OTHER_PART),  # the elbow
        ((-100, 500), OTHER_PART),  # the other ankle
        ((140, 230), CLOSE_BY),
        ((160, 200), MISSED),
        ((np.nan, np.nan), MISSED),
    ],
)
def test_a_left_wrist_found_elsewhere_is_of_that_kind(place, kind):
    true, found = figure(), figure()
    found[0, MPII.index("left_wrist")] = place
    kinds = error_kinds(found, true, TORSO)
    assert kinds[0, MPII.index("left_wrist")] == kind
    assert (np.delete(kinds, MPII.index("left_wrist")) == RIGHT).all()


def test_a_joint_between_two_truths_belongs_to_the_nearer():
    true, found = figure(), figure()
    wrist, elbow = MPII.index("left_wrist"), MPII.index("left_elbow")
    true[0, elbow] = 100, 230  # 30 px below the wrist
    found[0, elbow] = 100, 230
    found[0, wrist] = 100, 222
    assert error_kinds(found, true, TORSO)[0, wrist] == OTHER_PART
    true[0, wrist] = 100, 243
    assert error_kinds(found, true, np.array([80.0]))[0, wrist] == OTHER_PART
    true[0, elbow] = 100, 200
    assert error_kinds(found, true, np.array([80.0]))[0, wrist] == CLOSE_BY


def test_a_whole_pose_with_exchanged_sides_is_all_swapped_limbs():
    true = figure()
    kinds = error_kinds(true[:, MPII.flip_index], true, TORSO)[0]
    sided = MPII.flip_index != np.arange(16)
    assert (kinds[sided] == SWAPPED).all()
    assert (kinds[~sided] == RIGHT).all()


@pytest.mark.parametrize(
    ("degrees", "kind"), [(0, 0), (40, 0), (50, 1), (-130, 1), (140, 2), (180, 2)]
)
def test_the_pose_goes_by_the_angle_of_the_trunk(degrees, kind):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert pose_kinds(figure() @ turn.T).tolist() == [kind]


def test_a_pose_without_shoulders_is_of_unknown_kind():
    joints = figure()
    joints[:, MPII.index("thorax")] = np.nan
    assert pose_kinds(joints).tolist() == [3]


@pytest.fixture
def found() -> FoundCrops:
    """Return two figures; in the second, which is hidden and tall, both wrists are exchanged."""
    true = np.concatenate([figure(), figure()])
    joints = true.copy()
    wrists = [MPII.index("left_wrist"), MPII.index("right_wrist")]
    joints[1, wrists] = true[1, wrists[::-1]]
    source = np.array(["coco", "lspet"])
    crops = CropSet(np.zeros((2, 4, 4, 3), np.uint8), true, source, np.array(["a", "b"]))
    hidden = np.zeros((2, 16), bool)
    hidden[1, wrists[0]] = True
    confidence = np.full((2, 16), 0.9)
    return FoundCrops(crops, CropFacts(hidden, np.array([100.0, 300.0])), joints, confidence)


def by_name(found: FoundCrops, by: str) -> dict:
    return {score.name: score for score in score_groups(found, by)}


def test_by_joint_the_wrists_are_half_swapped(found):
    scores = by_name(found, "joint")
    assert (scores["wrist"].joints, scores["wrist"].pck, scores["wrist"].swapped) == (4, 0.5, 0.5)
    assert scores["wrist"].calibration_error == pytest.approx(0.4)
    assert scores["ankle"].pck == 1
    assert scores["head top"].joints == 2


def test_by_pose_size_source_and_occlusion_the_limbs_are_parted(found):
    assert {name: s.joints for name, s in by_name(found, "pose").items()} == {"upright": 24}
    sizes = by_name(found, "size")
    assert {name: s.pck for name, s in sizes.items()} == {
        "80-120 px": 1,
        "from 270 px": pytest.approx(10 / 12),
    }
    assert {name: s.joints for name, s in by_name(found, "source").items()} == {
        "coco": 12,
        "lspet": 12,
    }
    hidden = by_name(found, "occlusion")
    assert (hidden["hidden"].joints, hidden["hidden"].swapped) == (1, 1)
    assert hidden["visible"].joints == 23


def test_by_confidence_is_the_reliability_curve(found):
    found.confidence[0] = 0.5
    scores = by_name(found, "confidence")
    assert list(scores) == ["0.47-0.53", "0.87-0.93"]
    assert scores["0.87-0.93"].pck == pytest.approx(14 / 16)


@pytest.mark.parametrize("by", list(GROUPINGS))
def test_the_shares_of_each_group_sum_to_one(found, by):
    for s in score_groups(found, by):
        assert s.pck + s.swapped + s.other_part + s.close + s.missed == pytest.approx(1)


def test_an_unknown_grouping_is_refused_with_a_list(found):
    with pytest.raises(BadInput) as error:
        score_groups(found, "colour")
    assert str(error.value) == (
        "joints can be grouped by joint, pose, size, occlusion, source, confidence, got 'colour'"
    )
