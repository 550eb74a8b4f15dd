import numpy as np
import pytest

from lift3d.datasets.virtual_cameras import CameraRanges, photograph
from lift3d.poses import PinholeCamera
from lift3d.poses.errors import BadInput

POSES_MM = np.random.default_rng(0).normal([500, 900, -2000], 300, (40, 17, 3))

# a camera that stands level at the same height, 4 m away, with no freedom but the azimuth
LEVEL = CameraRanges((0, 0), (0, 0), (4000, 4000), (1, 1), (0, 0), (1001, 1001))


def test_pixels_are_the_pinhole_projection_of_the_camera_frame():
    views = photograph(POSES_MM, seed=3)

    for i in range(len(POSES_MM)):
        focal = views.focal_px[i]
        camera = PinholeCamera(np.array([[focal, 0, 499.5], [0, focal, 499.5], [0, 0, 1]]))
        seen = camera.project(views.joints_mm[i] + views.root_mm[i])
        np.testing.assert_allclose(views.joints_px[i], seen)


def test_a_level_camera_sees_the_head_above_the_root_in_the_middle():
    stick = np.array([[[0.0, 900, 0], [0, 1700, 0]]])

    views = photograph(stick, seed=0, ranges=LEVEL)

    np.testing.assert_allclose(views.joints_px[0], [[500, 500], [500, 500 - 1001 * 800 / 4000]])
    np.testing.assert_allclose(views.joints_mm[0], [[0, 0, 0], [0, -800, 0]], atol=1e-9)
    np.testing.assert_allclose(views.root_mm[0], [0, 0, 4000], atol=1e-9)


def test_a_camera_that_looks_down_sees_the_head_nearer_than_the_feet():
    stick = np.array([[[0.0, 900, 0], [0, 1700, 0], [0, 0, 0]]])
    ranges = CameraRanges(pitch_deg=(30, 30), roll_deg=(0, 0))

    views = photograph(stick, seed=0, ranges=ranges)

    assert views.joints_mm[0, 1, 2] == pytest.approx(-800 * np.sin(np.radians(30)))
    assert views.joints_mm[0, 1, 1] == pytest.approx(-800 * np.cos(np.radians(30)))
    assert views.joints_mm[0, 2, 2] > 0


def test_camera_frames_are_rotations_without_mirroring():
    frame = np.concatenate([np.zeros((1, 3)), np.eye(3)])[None].repeat(30, axis=0) * 100

    views = photograph(frame, seed=1)

    axes = views.joints_mm[:, 1:] / 100
    np.testing.assert_allclose(
        axes @ axes.transpose(0, 2, 1), np.eye(3)[None].repeat(30, 0), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)


def test_a_positive_roll_turns_the_picture_clockwise():
    stick = np.array([[[0.0, 0, 0], [0, 100, 0]]])  # upright

    views = photograph(stick, seed=0, ranges=CameraRanges(pitch_deg=(0, 0), roll_deg=(90, 90)))

    np.testing.assert_allclose(views.joints_mm[0, 1], [100, 0, 0], atol=1e-9)  # now to the right


def test_azimuths_go_all_round():
    north = np.tile(np.array([[[0.0, 0, 0], [0, 0, 100]]]), (400, 1, 1))

    views = photograph(north, seed=0, ranges=LEVEL)

    counts, _ = np.histogram(np.arctan2(*views.joints_mm[:, 1, [0, 2]].T), bins=4)
    assert counts.min() > 60


def test_no_joint_comes_nearer_than_half_a_metre():
    huge = 20 * (POSES_MM - POSES_MM[:, :1])

    views = photograph(huge, seed=0)

    assert (views.joints_mm + views.root_mm[:, None])[..., 2].min() >= 499.999


def test_the_seed_decides_the_cameras():
    one, same, other = (photograph(POSES_MM, seed=seed).joints_px for seed in (1, 1, 2))

    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1


def test_a_moved_person_is_photographed_the_same():
    one, moved = (photograph(POSES_MM + shift, seed=1).joints_px for shift in (0, 5000))

    np.testing.assert_allclose(one, moved, atol=1e-6)


def test_poses_of_another_shape_are_rejected():
    with pytest.raises(BadInput) as error:
        photograph(np.zeros((17, 3)), seed=0)

    assert str(error.value) == "poses_mm must have shape (N, J, 3), got (17, 3)"


def test_poses_with_nan_are_rejected_with_their_count():
    bad = POSES_MM.copy()
    bad[[1, 5], 2] = np.nan

    with pytest.raises(BadInput) as error:
        photograph(bad, seed=0)

    assert (
        str(error.value) == "poses_mm must be finite, got 2 poses with NaN or inf; drop them first"
    )
