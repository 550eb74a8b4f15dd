import numpy as np
import pytest
import torch

from lift3d.lifting.consensus import consensus, solve_consensus
from lift3d.lifting.consensus_spread import hypothesis_spread_mm
from lift3d.lifting.joint_groups import group_membership, random_groups
from lift3d.poses.errors import BadInput

GROUPS = group_membership(random_groups(17, size=10, least=5, seed=2), 17)
ALL = np.ones((3, 2), dtype=bool)


def hypotheses(poses_mm, kind, seed=0):
    """Return (N, G, 17, 3) hypotheses of the groups, each centred, NaN outside the group."""
    rng = np.random.default_rng(seed)
    sigma = {"clean": 2.0, "noisy": 40.0, "gross": 20.0}[kind]
    shape = (len(poses_mm), len(GROUPS), 17, 3)
    at = poses_mm[:, None] + rng.normal(0, sigma, shape)
    if kind == "gross":
        bad = rng.integers(len(GROUPS), size=len(poses_mm))
        error = rng.normal(size=shape[2:])
        at[np.arange(len(at)), bad] += 300 * error / np.linalg.norm(error, axis=1, keepdims=True)
    at[:, ~GROUPS] = np.nan
    return at - np.nanmean(at, axis=2, keepdims=True)


def tensor(array):
    return torch.as_tensor(array, dtype=torch.float32)


def stick(*second):
    """Return (1, G, 2, 3) hypotheses: the second joint at these x, the first at zero."""
    at = np.zeros((1, len(second), 2, 3))
    at[0, :, 1, 0] = second
    return at


def test_three_sticks_give_the_middle_one_and_not_the_mean():
    # Each group may move: what counts is the limb's length, 100, 110 and 400.
    found = solve_consensus(torch.as_tensor(stick(100, 110, 400)), ALL, tolerance=1e-9)

    np.testing.assert_allclose(found.pose_mm[0], [[0, 0, 0], [110, 0, 0]], atol=1e-6)
    # Group 0 is 10 short and may lie anywhere between: 10 in all; group 2 is 290 long.
    np.testing.assert_allclose(found.objective_mm, [300], atol=1e-6)
    np.testing.assert_allclose(found.group_mm[0], [5, 0, 145], atol=1e-6)
    assert found.converged.all()


def test_four_sticks_round_a_centre_give_the_point_where_the_diagonals_cross():
    # The point of least summed distance to a convex quadrangle's corners is the crossing.
    ends = np.array([[500.0, 0, 0], [900, 0, 0], [900, 300, 0], [500, 300, 0]])
    at = np.zeros((1, 4, 3, 3))
    at[0, :, 1] = ends
    at[0, :, 2] = [0, 500, 0]  # with joints 0 and 2 equal in all groups, none of them moves

    pose = consensus(at, np.ones((4, 3)))

    np.testing.assert_allclose(pose[0, 1], [700, 150, 0], atol=0.5)


def test_groups_that_overlap_in_one_joint_are_put_together_like_a_chain():
    chain = np.full((1, 2, 3, 3), np.nan)
    chain[0, 0, :2] = [[0, 0, 0], [100, 0, 0]]
    chain[0, 1, 1:] = [[7000, 0, 50], [7000, 200, 50]]

    found = solve_consensus(torch.as_tensor(chain), [[1, 1, 0], [0, 1, 1]])

    np.testing.assert_allclose(found.pose_mm[0], [[0, 0, 0], [100, 0, 0], [100, 200, 0]], atol=1e-6)
    np.testing.assert_allclose(found.translations_mm[0], [[0, 0, 0], [-6900, 0, -50]], atol=1e-6)


@pytest.mark.parametrize("norm", ["l21", "l1"])
@pytest.mark.parametrize("kind", ["clean", "noisy", "gross"])
def test_objective_is_that_of_a_general_solver(poses_mm, kind, norm):
    at = hypotheses(poses_mm[:4], kind)

    ours = solve_consensus(tensor(at), GROUPS, norm=norm)
    oracle = solve_consensus(torch.as_tensor(at), GROUPS, norm=norm, solver="cvxpy")

    assert ours.converged.all()
    ratio = ours.objective_mm.double() / oracle.objective_mm
    assert ratio.max() < 1 + (1e-4 if norm == "l21" else 3e-4)
    assert ratio.min() > 1 - 1e-5
    if norm == "l21":  # that of l1 is a whole box of poses
        np.testing.assert_allclose(ours.pose_mm, oracle.pose_mm, atol=2)


def test_objective_with_weights_and_hidden_joints_is_that_of_a_general_solver(poses_mm):
    rng = np.random.default_rng(5)
    at = hypotheses(poses_mm[:4], "gross")
    weights = rng.uniform(0.1, 1, at.shape[:3]) * (rng.random((4, 1, 17)) > 0.2)

    ours = solve_consensus(tensor(at), GROUPS, tensor(weights))
    oracle = solve_consensus(torch.as_tensor(at), GROUPS, torch.as_tensor(weights), solver="cvxpy")

    ratio = ours.objective_mm.double() / oracle.objective_mm
    assert 1 - 1e-5 < ratio.min() <= ratio.max() < 1 + 1e-4
    np.testing.assert_array_equal(ours.pose_mm.isnan(), oracle.pose_mm.isnan())
    np.testing.assert_allclose(ours.pose_mm, oracle.pose_mm, atol=5)


@pytest.mark.parametrize("weight", [0.05, 0.005])
def test_a_joint_of_little_weight_stands_where_it_belongs(poses_mm, weight):
    at = torch.as_tensor(hypotheses(poses_mm[:8], "noisy"))
    weights = torch.ones(at.shape[:3], dtype=at.dtype)
    weights[:, :, 13] = weight

    found = solve_consensus(at, GROUPS, weights)
    exact = solve_consensus(at, GROUPS, weights, tolerance=1e-8, max_iterations=100_000)

    assert found.converged.all()
    torch.testing.assert_close(found.pose_mm, exact.pose_mm, atol=3, rtol=0)


def test_objective_is_the_sum_of_the_distances_of_the_returned_pose(poses_mm):
    at = torch.as_tensor(hypotheses(poses_mm[:3], "noisy"))

    found = solve_consensus(at, GROUPS)

    apart = found.pose_mm[:, None] - at - found.translations_mm[:, :, None]
    distance = apart.norm(dim=3)[:, GROUPS]
    np.testing.assert_allclose(distance.sum(dim=1), found.objective_mm, rtol=1e-9)
    np.testing.assert_allclose(10 * found.group_mm.sum(dim=1), found.objective_mm, rtol=1e-9)


def test_groups_that_agree_exactly_give_that_pose(poses_mm):
    at = np.repeat(poses_mm[:5, None], len(GROUPS), axis=1)
    at += np.random.default_rng(0).normal(0, 500, (5, len(GROUPS), 1, 3))

    found = solve_consensus(tensor(at), GROUPS)

    np.testing.assert_allclose(found.pose_mm, poses_mm[:5] - poses_mm[:5, :1], atol=0.01)
    assert found.converged.all()
    assert found.iterations.max() <= 10


def test_one_group_grossly_wrong_hardly_moves_the_consensus_but_the_mean():
    # Eleven groups of ten joints are right within 3 mm, one is 300 mm off at its joints.
    rng = np.random.default_rng(0)
    groups = group_membership(random_groups(17, size=10, least=6, seed=0), 17)[:12]
    body = rng.normal(0, 400, (17, 3))
    good = body + rng.normal(0, 3, (50, 12, 17, 3))
    off = rng.normal(size=(50, 17, 3))
    bad = good.copy()
    bad[:, 4] += 300 * off / np.linalg.norm(off, axis=2, keepdims=True)
    good[:, ~groups] = bad[:, ~groups] = np.nan
    assert groups.sum(axis=0).min() == 4

    moved = np.linalg.norm(consensus(bad, groups) - consensus(good, groups), axis=2)
    mean = np.linalg.norm(np.nanmean(bad, axis=1) - np.nanmean(good, axis=1), axis=2)

    assert moved.mean() < 5
    assert mean[:, groups[4]].mean() > 20


def test_moving_a_group_or_renaming_the_groups_changes_nothing(poses_mm):
    at = hypotheses(poses_mm[:3], "noisy")
    order = np.random.default_rng(1).permutation(len(GROUPS))
    moved = at + np.random.default_rng(2).normal(0, 1000, (3, len(GROUPS), 1, 3))

    first = solve_consensus(torch.as_tensor(at), GROUPS, tolerance=1e-7)
    second = solve_consensus(torch.as_tensor(moved[:, order]), GROUPS[order], tolerance=1e-7)

    np.testing.assert_allclose(second.pose_mm, first.pose_mm, atol=1e-2)
    np.testing.assert_allclose(second.objective_mm, first.objective_mm, rtol=1e-8)


def test_turning_and_scaling_the_hypotheses_turns_and_scales_the_pose(poses_mm):
    at = hypotheses(poses_mm[:3], "gross")
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]

    first = solve_consensus(torch.as_tensor(at), GROUPS, tolerance=1e-7)
    second = solve_consensus(torch.as_tensor(0.001 * at @ turn), GROUPS, tolerance=1e-7)

    np.testing.assert_allclose(1000 * second.pose_mm, first.pose_mm.numpy() @ turn, atol=1e-2)


def test_a_batch_gives_what_single_poses_give(poses_mm):
    at = tensor(hypotheses(poses_mm[:6], "noisy"))

    whole = solve_consensus(at, GROUPS, tolerance=1e-5)
    single = torch.cat([solve_consensus(one[None], GROUPS, tolerance=1e-5).pose_mm for one in at])

    np.testing.assert_allclose(whole.pose_mm, single, atol=0.3)


def test_blocks_are_put_back_in_order(poses_mm, monkeypatch):
    at = tensor(hypotheses(poses_mm[:7], "noisy"))
    whole = solve_consensus(at, GROUPS)

    monkeypatch.setattr("lift3d.lifting.consensus.CPU_BLOCK", 3)

    np.testing.assert_allclose(solve_consensus(at, GROUPS).pose_mm, whole.pose_mm, atol=2)


def test_nan_in_one_pose_stays_in_that_pose(poses_mm):
    at = hypotheses(poses_mm[:3], "noisy")
    before = consensus(at, GROUPS)
    at[1] = np.nan

    after = consensus(at, GROUPS)

    assert np.isnan(after[1]).all()
    np.testing.assert_allclose(after[[0, 2]], before[[0, 2]], atol=1)


def test_a_joint_without_weight_is_nan_and_its_numbers_do_not_count(poses_mm):
    at = hypotheses(poses_mm[:2], "clean")
    weights = np.ones(at.shape[:3])
    weights[:, :, 13] = 0
    wild = at.copy()
    wild[:, :, 13] = 1e6
    missing = at.copy()
    missing[:, :, 13] = np.nan

    found = consensus(wild, GROUPS, weights)

    assert np.isnan(found[:, 13]).all()
    assert np.isfinite(np.delete(found, 13, axis=1)).all()
    np.testing.assert_array_equal(found, consensus(missing, GROUPS))


def test_a_group_without_weight_is_left_out_and_has_no_translation(poses_mm):
    at = hypotheses(poses_mm[:2], "noisy")
    weights = torch.ones(at.shape[:3], dtype=torch.float64)
    weights[:, 0] = 0
    at = torch.as_tensor(at)

    found = solve_consensus(at, GROUPS, weights, tolerance=1e-8)
    without = solve_consensus(at[:, 1:], GROUPS[1:], tolerance=1e-8)

    np.testing.assert_allclose(found.pose_mm, without.pose_mm, atol=1e-2)
    assert found.translations_mm[:, 0].isnan().all()
    assert found.group_mm[:, 0].isnan().all()
    np.testing.assert_allclose(found.group_mm[:, 1:], without.group_mm, atol=1e-2)


def test_a_weight_of_two_is_a_group_that_comes_twice():
    at = stick(100, 200, 300)
    weights = np.array([[[3.0, 3], [1, 1], [1, 1]]])

    np.testing.assert_allclose(consensus(at, ALL)[0, 1], [200, 0, 0], atol=0.1)
    np.testing.assert_allclose(consensus(at, ALL, weights)[0, 1], [100, 0, 0], atol=0.1)


def test_without_the_root_the_mean_of_the_placed_joints_is_the_origin():
    at = np.array([[[[np.nan] * 3, [100.0, 0, 0], [300, 60, 0]]]])

    pose = consensus(at, np.ones((1, 3)))

    np.testing.assert_allclose(pose[0, 1:], [[-100, -30, 0], [100, 30, 0]], atol=1e-6)
    assert np.isnan(pose[0, 0]).all()


def test_joints_that_nothing_ties_to_the_root_are_nan():
    # Joint 2, which ties the two groups, is hidden: {0, 1} has the root, {3, 4} floats.
    at = np.random.default_rng(0).normal(0, 300, (2, 2, 5, 3))
    weights = np.ones((2, 2, 5))
    weights[1, :, 2] = 0

    found = solve_consensus(
        torch.as_tensor(at), [[1, 1, 1, 0, 0], [0, 0, 1, 1, 1]], torch.as_tensor(weights)
    )

    assert found.pose_mm.isnan().any(dim=2).tolist() == [[False] * 5, [False] * 2 + [True] * 3]
    assert found.translations_mm[1].isnan().any(dim=1).tolist() == [False, True]


def test_a_root_tied_to_nothing_leaves_the_origin_to_the_largest_part():
    at = np.random.default_rng(0).normal(0, 300, (1, 3, 6, 3))
    member = [[1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
    weights = np.ones((1, 3, 6))
    weights[0, 0, 0] = 0

    pose = consensus(at, member, weights)[0]

    assert np.isnan(pose).any(axis=1).tolist() == [True] * 3 + [False] * 3
    np.testing.assert_allclose(pose[3:], at[0, 2, 3:] - at[0, 2, 3:].mean(axis=0), atol=1e-6)


def test_a_joint_alone_cannot_be_placed():
    at = np.zeros((1, 1, 3, 3))

    assert np.isnan(consensus(at, np.ones((1, 3)), np.array([[[1.0, 0, 0]]]))).all()


def test_arrays_that_run_backwards_are_taken():
    rng = np.random.default_rng(0)
    at, weights = rng.normal(0, 300, (4, 3, 2, 3)), rng.uniform(0.5, 1, (4, 3, 2))
    found = consensus(at[::-1], ALL, weights[::-1])
    np.testing.assert_array_equal(found, consensus(at[::-1].copy(), ALL, weights[::-1].copy()))


def test_no_poses_give_no_poses():
    assert consensus(np.zeros((0, 3, 2, 3)), ALL).shape == (0, 2, 3)


def test_few_iterations_are_reported_as_not_converged(poses_mm):
    at = tensor(hypotheses(poses_mm[:2], "noisy"))

    short = solve_consensus(at, GROUPS, tolerance=1e-6, max_iterations=3)
    long = solve_consensus(at, GROUPS, tolerance=1e-6)

    assert short.iterations.tolist() == [3, 3]
    assert not short.converged.any()
    assert (short.objective_mm > long.objective_mm).all()
    assert (short.primal_mm > long.primal_mm).all()
    assert (short.dual > long.dual).all()


def test_spread_of_two_hand_made_groups():
    # Joint 1 lies at 100 and 130 around a mean of 115; joint 2 in one group only.
    at = torch.zeros(1, 2, 3, 3)
    at[0, :, 1, 0] = torch.tensor([100.0, 130.0])
    member = [[1, 1, 0], [1, 1, 1]]

    plain = hypothesis_spread_mm(at, member, torch.zeros(1, 2, 3))
    weights = torch.tensor([2.0, 1.0])[None, :, None].expand(1, 2, 3)
    weighted = hypothesis_spread_mm(at, member, torch.zeros(1, 2, 3), weights)

    np.testing.assert_allclose(plain, [[0, 15, np.nan]])
    np.testing.assert_allclose(weighted, [[0, np.sqrt(200), np.nan]], rtol=1e-6)


def test_spread_does_not_see_where_the_groups_stood(poses_mm):
    at = hypotheses(poses_mm[:4], "noisy") + 5000 * np.arange(len(GROUPS))[:, None, None]
    found = solve_consensus(torch.as_tensor(at), GROUPS)

    spread = hypothesis_spread_mm(torch.as_tensor(at), GROUPS, found.translations_mm)

    assert 40 < spread.mean() < 40 * np.sqrt(3)  # the noise, less what fitting took


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"hypotheses_mm": torch.zeros(2, 3, 4, 3)},
            "hypotheses_mm must have shape (N, 3, 2, 3) for 3 groups of 2 joints, "
            "got (2, 3, 4, 3); leave NaN where a group lacks the joint",
        ),
        (
            {"membership": [[0, 0], [1, 1]]},
            "membership must be (G, J) of True and False with a joint in each group, got "
            "shape (2, 2); make it with group_membership",
        ),
        (
            {"membership": [[0, 5], [1, 2]]},
            "membership must be (G, J) of True and False with a joint in each group, got "
            "shape (2, 2); make it with group_membership",
        ),
        (
            {"weights": torch.ones(1, 3)},
            "weights must have shape (1, 3, 2) as the hypotheses, got (1, 3); "
            "give one to each joint of each group",
        ),
        (
            {"weights": -torch.ones(1, 3, 2)},
            "weights must be finite and at least 0; give hidden joints 0",
        ),
        ({"root": 2}, "root must be a joint from 0 to 1, got 2"),
        ({"norm": "l2"}, "norm must be one of ('l21', 'l1'), got 'l2'"),
        ({"solver": "scs"}, "solver must be one of ('admm', 'cvxpy'), got 'scs'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(change, message):
    given = {"hypotheses_mm": torch.zeros(1, 3, 2, 3), "membership": ALL} | change

    with pytest.raises(BadInput) as error:
        solve_consensus(**given)
    assert str(error.value) == message
