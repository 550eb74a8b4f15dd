import numpy as np
import pytest

from lift3d.lifting.joint_groups import (
    given_groups,
    group_membership,
    random_groups,
    sample_groups,
    trajectory_similarity,
)
from lift3d.poses.errors import BadInput

# Three joints, two frames: joints 0 and 1 keep 300 mm apart, joint 2 moves from 400 to 500 mm.
STICK_MM = np.array(
    [[[0.0, 0, 0], [300, 0, 0], [0, 400, 0]], [[9, 9, 0], [309, 9, 0], [9, 509, 0]]]
)
STICK_M2 = np.array([[0, 0.09, 0.205], [0.09, 0, 0.295], [0.205, 0.295, 0]])


def test_similarity_of_a_hand_made_stick_is_the_mean_squared_distance_in_square_metres():
    np.testing.assert_allclose(trajectory_similarity(STICK_MM, fps=25), STICK_M2, atol=1e-12)


def test_similarity_does_not_depend_on_the_frame_rate_or_on_where_the_person_is():
    twice = np.repeat(STICK_MM, 2, axis=0) + np.arange(4.0)[:, None, None] * 700

    np.testing.assert_allclose(trajectory_similarity(twice, fps=50), STICK_M2, atol=1e-12)


def test_clips_count_by_their_seconds():
    still = np.repeat(STICK_MM[:1], 6, axis=0)  # 0.12 s at 50 fps; the stick lasts 0.08 s at 25

    found = trajectory_similarity([STICK_MM, still], fps=[25, 50])

    assert found[0, 2] == pytest.approx((0.08 * 0.205 + 0.12 * 0.16) / 0.2)


@pytest.mark.parametrize(
    ("poses", "fps", "message"),
    [
        (
            STICK_MM[:1],
            25,
            "poses_mm must hold trajectories, clips of two or more consecutive frames, got 1 with "
            "1 at most; without video use random_groups or given_groups",
        ),
        (
            [STICK_MM[:1], STICK_MM[1:]],
            25,
            "poses_mm must hold trajectories, clips of two or more consecutive frames, got 2 with "
            "1 at most; without video use random_groups or given_groups",
        ),
        (
            STICK_MM[0],
            25,
            "poses_mm must be one clip (T, J, 3) or a list of clips of one skeleton, got (3, 3); "
            "put frames first and coordinates last",
        ),
        (
            [STICK_MM, STICK_MM[:, :2]],
            25,
            "poses_mm must be one clip (T, J, 3) or a list of clips of one skeleton, "
            "got (2, 2, 3); put frames first and coordinates last",
        ),
        (
            [STICK_MM, STICK_MM * np.nan],
            25,
            "poses_mm must be finite, got 1 of 2 clips with NaN or inf; drop them",
        ),
        (
            STICK_MM,
            0,
            "fps must be one positive number, or one for each of the 1 clips, got 0",
        ),
        (
            [STICK_MM, STICK_MM],
            [25],
            "fps must be one positive number, or one for each of the 2 clips, got [25]",
        ),
    ],
)
def test_similarity_refuses_what_holds_no_trajectories(poses, fps, message):
    with pytest.raises(BadInput) as error:
        trajectory_similarity(poses, fps=fps)
    assert str(error.value) == message


def test_the_second_joint_is_drawn_with_the_weights_of_equation_2():
    # size 2 and lambda 10: weights exp(-10 / 4 * s), by hand 0.7985 and 0.5990 for joint 0
    s = STICK_M2
    first = np.exp(-2.5 * s[0, 1]) / (np.exp(-2.5 * s[0, 1]) + np.exp(-2.5 * s[0, 2]))
    other = np.exp(-2.5 * s[1, 0]) / (np.exp(-2.5 * s[1, 0]) + np.exp(-2.5 * s[1, 2]))
    expected = (first + other) / 3  # joint 0 then 1, or 1 then 0

    groups = sample_groups(s, size=2, least=4000, seed=0)

    share = np.mean([group == (0, 1) for group in groups])
    assert share == pytest.approx(expected, abs=0.015)
    assert abs(expected - 1 / 3) > 0.04


def test_the_third_joint_weighs_both_that_are_there():
    # Joint 3 is far from 0 only, joint 2 half as far from both: after {0, 1} they weigh the same.
    s = np.zeros((4, 4))
    s[0, 3] = s[3, 0] = 0.4
    s[0, 2] = s[2, 0] = s[1, 2] = s[2, 1] = 0.2
    s[2, 3] = s[3, 2] = 50.0
    s[0, 1] = s[1, 0] = 0.0

    groups = sample_groups(s, size=3, least=2000, seed=1)

    assert {(0, 1, 2), (0, 1, 3)} == set(groups)
    counts = [groups.count((0, 1, 2)), groups.count((0, 1, 3))]
    assert counts[0] + counts[1] == len(groups)


def test_every_joint_is_in_at_least_so_many_groups_and_the_seed_decides():
    s = np.random.default_rng(0).uniform(0, 2, (17, 17))
    s = (s + s.T) / 2

    groups = sample_groups(s, size=10, least=4, seed=3)

    member = group_membership(groups, 17)
    assert member.sum(axis=0).min() == 4
    assert (member.sum(axis=1) == 10).all()
    assert groups == sample_groups(s, size=10, least=4, seed=3)
    assert groups != sample_groups(s, size=10, least=4, seed=4)


def test_far_joints_are_drawn_without_underflow():
    groups = sample_groups(1e6 * (1 - np.eye(4)), size=3, least=1, seed=0)

    assert all(len(set(group)) == 3 for group in groups)


def test_groups_that_split_the_body_are_followed_by_more_until_they_hang_together():
    halves = np.full((4, 4), 1.0)
    halves[:2, :2] = halves[2:, 2:] = 0  # weights 1 and 0.08

    for seed in range(20):
        given_groups(sample_groups(halves, size=2, least=1, seed=seed), 4)


def test_random_groups_draw_every_joint_equally_often():
    member = group_membership(random_groups(6, size=3, least=2000, seed=0), 6)

    np.testing.assert_allclose(member.mean(axis=0), 0.5, atol=0.02)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            [[0, 1], [1, 2]],
            "every one of the 4 joints must be in a group, got none with [3]; add them to groups",
        ),
        (
            [[0, 1, 2, 3, 3]],
            "a group must have from 2 to 4 joints, got 5 in group 0",
        ),
        ([[0, 1, 2, 3], [0]], "a group must have from 2 to 4 joints, got 1 in group 1"),
        ([[0, 1, 2, 4]], "joints must be indices from 0 to 3, got (0, 1, 2, 4) as group 0"),
        (
            [[0, 1, 2, 3], [2, 1, 1]],
            "a group must name each joint once, got (1, 1, 2) as group 1",
        ),
        (
            [[0, 1], [2, 3]],
            "groups must hang together by common joints, got some that share none with the "
            "others; let each overlap another",
        ),
    ],
)
def test_groups_given_by_hand_are_refused_when_they_are_unusable(groups, message):
    with pytest.raises(BadInput) as error:
        given_groups(groups, 4)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 18, "least": 1}, "size must be from 2 to the skeleton's 17 joints, got 18"),
        ({"size": 1, "least": 1}, "size must be from 2 to the skeleton's 17 joints, got 1"),
        ({"size": 10, "least": 0}, "least must be at least 1, got 0; the paper uses 10"),
    ],
)
def test_group_sizes_and_counts_out_of_range_are_refused(settings, message):
    with pytest.raises(BadInput) as error:
        random_groups(17, seed=0, **settings)
    assert str(error.value) == message


def test_a_similarity_that_is_no_finite_square_matrix_is_refused():
    with pytest.raises(BadInput) as error:
        sample_groups(np.full((3, 3), np.nan), size=2, least=1, seed=0)
    assert str(error.value) == (
        "similarity must be a finite (J, J) matrix, got shape (3, 3); "
        "make it with trajectory_similarity"
    )


def test_a_negative_lambda_is_refused():
    with pytest.raises(BadInput, match=r"^lam must be a number >= 0, got -1$"):
        sample_groups(np.zeros((3, 3)), size=2, least=1, seed=0, lam=-1)


def test_groups_that_never_hang_together_are_refused():
    apart = np.full((4, 4), 1e6)
    apart[:2, :2] = apart[2:, 2:] = 0
    with pytest.raises(BadInput, match=r"^400 groups of 2 joints do not hang together"):
        sample_groups(apart, size=2, least=1, seed=0)
