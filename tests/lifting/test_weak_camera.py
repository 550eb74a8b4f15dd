import numpy as np

from lift3d.lifting.weak_camera import fit_weak_cameras


def test_scale_and_offset_of_each_pose_are_found():
    joints_mm = np.random.default_rng(0).normal(0, 300, (2, 17, 3))
    joints_px = joints_mm[..., :2] * np.array([0.5, 2.0])[:, None, None]
    joints_px += np.array([[10.0, 20], [-5, 7]])[:, None]

    scale, offset = fit_weak_cameras(joints_mm, joints_px, np.ones((2, 17)))

    np.testing.assert_allclose(scale, [0.5, 2.0])
    np.testing.assert_allclose(offset, [[10, 20], [-5, 7]], atol=1e-9)


def test_hidden_joints_do_not_count():
    joints_mm = np.random.default_rng(0).normal(0, 300, (1, 17, 3))
    joints_px = 3 * joints_mm[..., :2]
    joints_px[0, 4] = np.nan
    joints_px[0, 5] = 9e5
    weights = np.ones((1, 17))
    weights[0, 5] = 0

    np.testing.assert_allclose(fit_weak_cameras(joints_mm, joints_px, weights)[0], [3.0])


def test_no_camera_where_only_a_mirror_image_would_fit_or_nothing_is_seen():
    joints_mm = np.random.default_rng(0).normal(0, 300, (2, 17, 3))
    joints_px = -joints_mm[..., :2]
    joints_px[1] = np.nan

    scale, offset = fit_weak_cameras(joints_mm, joints_px, np.ones((2, 17)))

    assert np.isnan(scale).all()
    assert np.isnan(offset).all()
