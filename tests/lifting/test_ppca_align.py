import numpy as np

from lift3d.lifting.ppca_align import best_angles, initial_mean, mirror, turn, unit_poses
from lift3d.lifting.ppca_model import PPCAModel
from lift3d.poses import get_skeleton

BODY = get_skeleton("h36m17")


def test_unit_pose_of_a_hand_made_stick_has_limbs_that_sum_to_one():
    stick = np.array([[[1.0, 0, 0], [1, 3, 0], [1, 3, 4]]])  # limbs of 3 and 4

    units, size_mm = unit_poses(stick, [-1, 0, 1])

    assert size_mm.tolist() == [5.0]
    np.testing.assert_allclose(units[0], [[0, -0.4, -4 / 15], [0, 0.2, -4 / 15], [0, 0.2, 8 / 15]])


def test_a_quarter_turn_takes_z_to_x_as_in_equation_2():
    turned = turn(np.array([[[0.0, 5.0, 1.0]]]), np.array([np.pi / 2]))

    np.testing.assert_allclose(turned[0, 0], [1, 5, 0], atol=1e-12)


def test_mirror_exchanges_the_sides_and_is_its_own_inverse():
    pose = np.arange(9.0).reshape(3, 3)  # joint 1 left, joint 2 right

    mirrored = mirror(pose, [(1, 2)])

    assert mirrored.tolist() == [[0, 1, 2], [-6, 7, 8], [-3, 4, 5]]
    np.testing.assert_array_equal(mirror(mirrored, [(1, 2)]), pose)


def test_initial_mean_of_one_turned_body_is_that_body_facing_z(poses_mm):
    pose = unit_poses(poses_mm[:1], BODY.parents)[0]
    body = (pose + mirror(pose, BODY.pairs)) / 2
    angles = np.linspace(0, 6, 50)
    turned = turn(np.repeat(body, 50, axis=0), angles)

    mean = initial_mean(turned, BODY.pairs)

    left, right = np.array(BODY.pairs).T
    assert (mean[left] - mean[right]).sum(axis=0)[0] > 0
    agreed = min(np.abs(mean - other).max() for other in (body[0], turn(body, np.pi * np.ones(1))))
    assert agreed < 1e-6


def test_best_angles_are_no_worse_than_any_of_a_thousand(poses_mm, lifter):
    units = unit_poses(poses_mm[:20], BODY.parents)[0]
    model = lifter.model_.components[0]

    found = model.log_density(turn(units, best_angles(units, model)))

    for angle in np.linspace(0, 2 * np.pi, 1000):
        tried = model.log_density(turn(units, np.full(20, angle)))
        assert (tried <= found + 1e-6).all()


def test_best_angles_without_a_basis_are_those_of_procrustes():
    mean = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0.5], [0, -1, -0.5]])
    model = PPCAModel(mean, np.zeros((0, 4, 3)), np.zeros(0), noise=1.0)
    angles = np.array([0.3, -2.0, 3.1])

    found = best_angles(turn(np.repeat(mean[None], 3, axis=0), -angles), model)

    np.testing.assert_allclose(np.cos(found - angles), 1.0, atol=1e-12)
