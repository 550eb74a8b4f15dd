import numpy as np
import pytest

from lift3d.evaluation import KTH_PARTS, pcp
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput

KTH = get_skeleton("kth14")
LEGS = {"lower_legs": KTH_PARTS["lower_legs"]}


def legs_of_100(D):
    """Return a pose (14, D) whose lower legs are 100 long; right ankle and knee are 0 and 1."""
    true = np.zeros((14, D))
    true[[0, 5], 1] = 100
    return true


@pytest.mark.parametrize("D", [2, 3])
def test_a_part_is_right_where_its_ends_are_half_its_length_off_on_average(D):
    true = legs_of_100(D)
    predicted = true.copy()
    predicted[0, 0], predicted[1, 0] = 70, 30  # right: mean 50
    predicted[5, 0], predicted[4, 0] = 71, 30  # left: mean 50.5
    assert pcp(predicted, true, "kth14", LEGS) == {"lower_legs": 0.5}
    assert pcp(predicted, true, "kth14", LEGS, alpha=0.51) == {"lower_legs": 1.0}


def test_unlabelled_segments_do_not_count_and_unpredicted_ones_are_wrong():
    true = np.stack([legs_of_100(3)] * 2)
    predicted = true.copy()
    true[0, 0] = np.nan
    predicted[1, 5] = np.nan
    assert pcp(predicted, true, KTH, LEGS) == {"lower_legs": pytest.approx(2 / 3)}
    assert pcp(predicted, true, KTH, LEGS, mask=np.arange(14) != 5) == {"lower_legs": 1.0}


def test_perfect_poses_have_all_parts_right():
    true = np.random.default_rng(0).normal(size=(5, 14, 3))
    assert pcp(true, true, KTH) == dict.fromkeys(KTH_PARTS, 1.0)


def test_nothing_that_counts_gives_nan():
    nothing = np.full((1, 14, 3), np.nan)
    assert np.isnan(pcp(nothing, nothing, KTH, LEGS)["lower_legs"])


def test_pcp_rejects_another_skeleton():
    with pytest.raises(BadInput) as error:
        pcp(np.zeros((17, 3)), np.zeros((17, 3)), KTH)
    assert str(error.value) == (
        "predicted must have 14 joints for skeleton 'kth14', got (17, 3); convert it first"
    )
