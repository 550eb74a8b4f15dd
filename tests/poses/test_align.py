import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift3d.poses import fit_rigid, fit_similarity, rigid_align, similarity_align
from lift3d.poses.errors import BadInput

SEEDS = st.integers(0, 2**32 - 1)
QUARTER_TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
TRIPOD = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])


def random_rotation(rng, D=3):
    Q, _ = np.linalg.qr(rng.normal(size=(D, D)))
    return Q * np.sign(np.linalg.det(Q)) if D % 2 else Q @ np.diag([1, np.linalg.det(Q)])


def test_similarity_recovers_a_known_map():
    fit = fit_similarity(TRIPOD, 2.0 * TRIPOD @ QUARTER_TURN.T + [10, 20, 30])
    np.testing.assert_allclose(fit.rotation, QUARTER_TURN, atol=1e-12)
    np.testing.assert_allclose(fit.scale, 2.0)
    np.testing.assert_allclose(fit.translation, [10, 20, 30])


def test_rigid_keeps_the_size():
    fit = fit_rigid(TRIPOD, 2.0 * TRIPOD @ QUARTER_TURN.T)
    assert fit.scale == 1.0
    np.testing.assert_allclose(fit.rotation, QUARTER_TURN, atol=1e-12)


def test_umeyamas_own_example():
    # Umeyama 1991, section III: a planar pose whose best orthogonal map would be a reflection
    moving = np.array([[0.0, 0], [1, 0], [0, 2]])
    fixed = np.array([[0.0, 0], [-1, 0], [0, 2]])
    fit = fit_similarity(moving, fixed)
    np.testing.assert_allclose(fit.rotation, [[0.832, 0.555], [-0.555, 0.832]], atol=1e-3)
    np.testing.assert_allclose(fit.scale, 0.721, atol=1e-3)
    np.testing.assert_allclose(fit.translation, [-0.8, 0.4], atol=1e-3)


def test_a_mirrored_pose_is_not_reflected_back():
    fit = fit_similarity(TRIPOD * [-1, 1, 1], TRIPOD)
    np.testing.assert_allclose(np.linalg.det(fit.rotation), 1.0)
    assert np.linalg.norm(fit.apply(TRIPOD * [-1, 1, 1]) - TRIPOD) > 0.1


@given(SEEDS)
def test_similarity_align_undoes_any_similarity(seed):
    rng = np.random.default_rng(seed)
    fixed = rng.normal(size=(5, 8, 3))
    moved = rng.uniform(0.1, 10) * fixed @ random_rotation(rng).T + rng.normal(size=3)
    np.testing.assert_allclose(similarity_align(moved, fixed), fixed, atol=1e-9)


@given(SEEDS)
def test_aligned_pose_does_not_depend_on_where_the_moving_one_lay(seed):
    rng = np.random.default_rng(seed)
    moving, fixed = rng.normal(size=(2, 8, 3))
    moved = 3.0 * moving @ random_rotation(rng).T + [1, 2, 3]
    np.testing.assert_allclose(
        similarity_align(moved, fixed), similarity_align(moving, fixed), atol=1e-7
    )


@given(SEEDS)
def test_no_small_turn_shift_or_scaling_is_better(seed):
    rng = np.random.default_rng(seed)
    moving, fixed = rng.normal(size=(2, 6, 3))
    weights = rng.uniform(0.1, 1, size=6)

    def cost(aligned):
        return np.sum(weights[:, None] * (aligned - fixed) ** 2)

    best = similarity_align(moving, fixed, weights)
    x, y, z = rng.normal(scale=1e-3, size=3)
    turn = np.array([[1, -z, y], [z, 1, -x], [-y, x, 1]])
    assert cost(best) <= cost(best @ turn.T) + 1e-9
    assert cost(best) <= cost(best + np.array([x, y, z])) + 1e-9
    assert cost(best) <= cost(best * (1 + x)) + 1e-9


def test_a_batch_equals_a_loop():
    moving, fixed = np.random.default_rng(1).normal(size=(2, 3, 4, 9, 3))
    moving[0, 1, 2] = np.nan
    batch = similarity_align(moving, fixed)
    for i in np.ndindex(3, 4):
        np.testing.assert_allclose(batch[i], similarity_align(moving[i], fixed[i]), atol=1e-12)


def test_nan_joints_are_left_out_and_stay_nan():
    moving = np.vstack([TRIPOD, [[np.nan] * 3, [7, 7, 7]]])
    fixed = np.vstack([TRIPOD + 1, [[5, 5, 5], [np.nan] * 3]])
    aligned = rigid_align(moving, fixed)
    np.testing.assert_allclose(aligned[:4], TRIPOD + 1, atol=1e-12)
    assert np.isnan(aligned[4]).all()
    np.testing.assert_allclose(aligned[5], [8, 8, 8], atol=1e-12)


def test_a_joint_of_weight_0_does_not_pull():
    fixed = TRIPOD.copy()
    fixed[3] = [50, 60, 70]
    aligned = rigid_align(TRIPOD + 4, fixed, weights=[1, 1, 1, 0])
    np.testing.assert_allclose(aligned, TRIPOD, atol=1e-12)


def test_fewer_than_three_joints_give_nan_for_that_pose_only():
    moving = np.stack([TRIPOD, TRIPOD])
    moving[0, :2] = np.nan
    aligned = similarity_align(moving, np.stack([TRIPOD, TRIPOD]))
    assert np.isnan(aligned[0]).all()
    np.testing.assert_allclose(aligned[1], TRIPOD, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pose_at_one_point_has_no_scale(dtype):
    at = np.linspace(0, 900, 200, dtype=dtype)
    one_point = np.broadcast_to(at[:, None, None], (200, 4, 3))
    assert np.isnan(fit_similarity(one_point, np.broadcast_to(TRIPOD, (200, 4, 3))).scale).all()


def test_every_fit_of_a_flat_pose_is_a_rotation():
    flat = TRIPOD * [1, 1, 0]
    fit = fit_rigid(flat, flat * [-1, 1, 1])
    np.testing.assert_allclose(np.linalg.det(fit.rotation), 1.0)
    np.testing.assert_allclose(fit.apply(flat), flat * [-1, 1, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("moving", "fixed", "weights", "message"),
    [
        (
            TRIPOD,
            TRIPOD[:3],
            None,
            "moving and fixed must have one shape (..., J, D), got (4, 3) and (3, 3); "
            "convert both to one skeleton first",
        ),
        (
            TRIPOD,
            TRIPOD,
            [1, 1],
            "weights must have shape (4,), got (2,); give one value a joint",
        ),
        (
            TRIPOD,
            TRIPOD,
            [1, 1, 1, -1],
            "weights must not be negative or NaN; give 0 to leave a joint out",
        ),
    ],
)
def test_alignment_rejects_what_does_not_fit(moving, fixed, weights, message):
    with pytest.raises(BadInput) as error:
        similarity_align(moving, fixed, weights)
    assert str(error.value) == message
