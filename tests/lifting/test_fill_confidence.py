import numpy as np

from lift3d.lifting.fill_confidence import fill_confidence
from lift3d.poses import get_skeleton

BODY = get_skeleton("h36m17")


def filled_without(*names):
    confidence = np.ones((1, 17))
    confidence[0, [BODY.index(name) for name in names]] = 0
    return dict(zip(BODY.joints, fill_confidence(confidence, BODY)[0].tolist(), strict=True))


def test_a_seen_joint_keeps_its_confidence_and_a_hidden_one_has_half_of_its_neighbours():
    filled = filled_without("head_top", "left_knee")

    assert filled["head_top"] == 0.5
    assert filled["left_knee"] == 0.5
    assert filled["neck_nose"] == 1.0


def test_joints_further_from_the_seen_ones_have_less_but_not_nothing():
    filled = filled_without("left_knee", "left_ankle")

    assert filled["left_knee"] == 0.25  # of hip 1 and ankle 0
    assert filled["left_ankle"] == 0.125


def test_where_nothing_was_seen_nothing_is_known():
    assert fill_confidence(np.zeros((2, 17)), BODY).tolist() == np.zeros((2, 17)).tolist()
