import cv2
import numpy as np
import pytest

from lift3d.poses import PinholeCamera, RadialTangential, WeakPerspective
from lift3d.poses.errors import BadInput

K = np.array([[1145.0, 0.0, 512.0], [0.0, 1143.0, 515.0], [0.0, 0.0, 1.0]])
LENS = {"k1": -0.2, "k2": 0.24, "k3": -0.002, "p1": -0.0009, "p2": -0.0016}
ROTATION_VECTOR = np.array([0.3, -1.1, 0.2])
R = cv2.Rodrigues(ROTATION_VECTOR)[0]
T_MM = np.array([100.0, -50.0, 4000.0])
WORLD_MM = np.random.default_rng(0).uniform(-900, 900, size=(50, 3))


@pytest.mark.parametrize("lens", [None, RadialTangential(**LENS)])
def test_pinhole_projects_as_opencv(lens):
    ours = PinholeCamera(K, R, T_MM, lens).project(WORLD_MM)
    order = np.array([LENS[name] for name in ("k1", "k2", "p1", "p2", "k3")])
    theirs, _ = cv2.projectPoints(WORLD_MM, ROTATION_VECTOR, T_MM, K, order * (lens is not None))
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-8)


def test_human36m_form_by_hand():
    lens = RadialTangential(k1=0.1, k2=0.01, k3=0.001, p1=0.02, p2=0.03, form="h36m")
    # x = 1, y = 2: r2 = 5, radial = 1 + 0.5 + 0.25 + 0.125 = 1.875, tan = 0.04 + 0.03 = 0.07
    # x' = 1 * 1.945 + 0.03 * 5 = 2.095, y' = 2 * 1.945 + 0.02 * 5 = 3.99
    np.testing.assert_allclose(lens.distort([1.0, 2.0]), [2.095, 3.99], rtol=1e-14)


def test_opencv_form_by_hand():
    lens = RadialTangential(p1=0.02, p2=0.03)
    # x = 1, y = 2: x' = 1 + 2 * 0.02 * 2 + 0.03 * (5 + 2), y' = 2 + 0.02 * (5 + 8) + 2 * 0.03 * 2
    np.testing.assert_allclose(lens.distort([1.0, 2.0]), [1.29, 2.38], rtol=1e-14)


@pytest.mark.parametrize("form", ["opencv", "h36m"])
def test_undistort_inverts_distort(form):
    lens = RadialTangential(**LENS, form=form)
    rays = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 11)] * 2), axis=-1)
    np.testing.assert_allclose(lens.undistort(lens.distort(rays)), rays, atol=1e-9)


def test_undistort_gives_nan_where_no_ray_lands():
    lens = RadialTangential(p2=0.5, form="h36m")  # y = 0: x + 0.5 x^2 + 0.5 x^2 >= -0.25
    rays = lens.undistort([[0.75, 0.0], [-5.0, 0.0], [np.nan, 0.0]])
    np.testing.assert_allclose(rays[0], [0.5, 0.0], atol=1e-9)
    assert np.isnan(rays[1:]).all()


def test_undistort_does_not_answer_with_rays_from_behind_the_fold():
    lens = RadialTangential(k1=-0.3)  # r - 0.3 r^3 turns back at r = 1.054, where it is 0.703
    rays = np.stack(np.meshgrid(*[np.linspace(-1.2, 1.2, 41)] * 2), axis=-1)
    found = lens.undistort(rays)
    inside = np.linalg.norm(rays, axis=-1) < 0.7027
    assert (np.isfinite(found).all(axis=-1) == inside).all()
    np.testing.assert_allclose(lens.distort(found[inside]), rays[inside], atol=1e-9)
    assert (np.linalg.norm(found[inside], axis=-1) < 1.0541).all()


def test_float32_rays_come_back_as_float32():
    rays = np.full((4, 2), 0.3, np.float32)
    lens = RadialTangential(**LENS)
    back = lens.undistort(lens.distort(rays))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, rays, atol=1e-6)


def test_unproject_inverts_project():
    camera = PinholeCamera(K, R, T_MM, RadialTangential(**LENS, form="h36m"))
    depth_mm = camera.to_camera(WORLD_MM)[:, 2]
    np.testing.assert_allclose(
        camera.unproject(camera.project(WORLD_MM), depth_mm), WORLD_MM, atol=1e-5
    )


def test_to_world_inverts_to_camera():
    camera = PinholeCamera(K, R, T_MM)
    np.testing.assert_allclose(camera.to_world(camera.to_camera(WORLD_MM)), WORLD_MM, atol=1e-9)


def test_points_that_are_not_in_front_of_the_camera_project_to_nan():
    pixels = PinholeCamera(K).project([[0.0, 0, 1000], [0, 0, 0], [0, 0, -1000], [0, np.nan, 9]])
    assert pixels[0].tolist() == [512.0, 515.0]
    assert np.isnan(pixels[1:3]).all()
    assert np.isnan(pixels[3, 1])


def test_weak_perspective_ignores_depth():
    camera = WeakPerspective(0.25, np.array([320.0, 240.0]))
    projected = camera.project([[[4.0, -8.0, 1.0], [4.0, -8.0, 999.0]]])
    assert projected.tolist() == [[[321.0, 238.0], [321.0, 238.0]]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: WeakPerspective(0.0, np.zeros(2)),
            "scale_px_per_mm must be positive, got 0.0; where there is no camera pass camera=None",
        ),
        (
            lambda: WeakPerspective(1.0, np.zeros(3)),
            "offset_px must have shape (2,), got (3,); give x and y of the origin",
        ),
        (
            lambda: PinholeCamera(np.diag([2.0, 2.0, 2.0])),
            "K must be [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0, "
            "got [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]; "
            "transpose it if it is stored by columns",
        ),
        (
            lambda: PinholeCamera(K, np.diag([1.0, 1.0, -1.0])),
            "R must be a rotation (R R^T = I, det R = 1), "
            "got [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]; "
            "a mirroring or scaling matrix is none",
        ),
        (
            lambda: PinholeCamera(K, np.zeros(3)),
            "R must have shape (3, 3), got (3,); give a rotation matrix, not a rotation vector",
        ),
        (
            lambda: PinholeCamera(K).project(np.zeros((4, 2))),
            "world_mm must have shape (..., 3), got (4, 2); put the coordinates last",
        ),
        (
            lambda: RadialTangential(form="matlab"),
            "form must be 'opencv' or 'h36m', got 'matlab'; see the docstring",
        ),
    ],
)
def test_cameras_reject_what_is_none(make, message):
    with pytest.raises(BadInput) as error:
        make()
    assert str(error.value) == message
