import numpy as np
import pytest

from lift3d.datasets.pose_variety import PoseVariety, rotations
from lift3d.poses import get_skeleton

BODY = get_skeleton("h36m17")
NOTHING = {"crossed": 0.0, "bent": 0.0, "build_sd": 0.0, "size_sd": 0.0, "tumbled": 0.0}


@pytest.fixture
def poses():
    return np.random.default_rng(0).normal([500, 900, -200], 300, (40, 17, 3))


def bone_lengths(poses_mm):
    return np.stack(
        [np.linalg.norm(poses_mm[:, a] - poses_mm[:, b], axis=-1) for a, b in BODY.bones], axis=1
    )


def changed(poses, **settings):
    return PoseVariety(**(NOTHING | settings)).apply(poses, np.random.default_rng(1))


def test_without_any_change_poses_are_as_they_were_or_mirrored(poses):
    made = changed(poses)
    centred = poses - poses[:, :1]
    mirrored = centred[:, BODY.flip_index] * [-1, 1, 1]

    same = np.abs(made - centred).max(axis=(1, 2)) < 1e-3
    flipped = np.abs(made - mirrored).max(axis=(1, 2)) < 1e-3
    assert (same ^ flipped).all()
    assert 5 < same.sum() < 35


def test_bending_and_tumbling_keep_every_bone_length(poses):
    still = changed(poses)

    for settings in ({"bent": 1.0}, {"tumbled": 1.0}):
        made = changed(poses, **settings)
        assert np.abs(made - still).max() > 10
        np.testing.assert_allclose(bone_lengths(made), bone_lengths(still), rtol=1e-3)


def test_another_build_keeps_directions_and_makes_both_sides_alike(poses):
    still, made = changed(poses), changed(poses, build_sd=0.2)
    factor = bone_lengths(made) / bone_lengths(still)

    assert factor.std() > 0.1
    for left, right in BODY.pairs:
        columns = [[child for _, child in BODY.bones].index(joint) for joint in (left, right)]
        np.testing.assert_allclose(factor[:, columns[0]], factor[:, columns[1]], rtol=1e-3)
    for parent, child in BODY.bones:
        one, two = (p[:, child] - p[:, parent] for p in (still, made))
        cosine = (one * two).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(two, axis=-1)
        np.testing.assert_allclose(cosine, 1, atol=1e-4)


def test_a_crossed_pose_has_its_own_legs_and_another_ones_upper_body(poses):
    still, made = changed(poses), changed(poses, crossed=1.0)
    legs = [k for k, name in enumerate(BODY.joints) if name.endswith(("hip", "knee", "ankle"))]
    upper = [k for k in range(1, 17) if k not in legs]

    np.testing.assert_allclose(made[:, legs], still[:, legs], atol=1e-3)
    assert np.abs(made[:, upper] - still[:, upper]).max(axis=(1, 2)).min() > 1
    heights = {tuple(row) for row in np.round(still[:, upper, 1]).astype(int)}
    assert all(tuple(row) in heights for row in np.round(made[:, upper, 1]).astype(int))


def test_crossing_faces_the_upper_body_as_the_hips_do():
    person = np.zeros((2, 17, 3))
    person[:, BODY.index("left_hip")] = [100, 0, 0]
    person[:, BODY.index("right_hip")] = [-100, 0, 0]
    person[:, BODY.index("neck_nose")] = [0, 500, 80]  # ahead of a body that faces +z
    person[1] = person[1] @ rotations(np.array([[0, 1.0, 0]]))[0].T

    made = changed(person, crossed=1.0)

    np.testing.assert_allclose(made, changed(person), atol=1e-3)


def test_the_same_seed_gives_the_same_poses(poses):
    one, two = (PoseVariety().apply(poses, np.random.default_rng(3)) for _ in range(2))

    assert np.array_equal(one, two)
