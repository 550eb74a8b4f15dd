"""Where people stand: the root from focal lengths, and focal lengths from what is known."""

import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lift3d import BadInput, Pose2D, Pose3D, get_skeleton
from lift3d.pipelines.trajectory import (
    default_focal,
    focal_from_film,
    focal_from_fov,
    picture_centre,
    place_root,
    place_roots,
    solve_root,
)
from lift3d.pipelines.trajectory_exif import focal_from_exif
from lift3d.poses import WeakPerspective

H36M17 = get_skeleton("h36m17")
CENTRE = np.array([639.5, 359.5])
FOCAL = 1000.0


def bodies(count, seed=0):
    rng = np.random.default_rng(seed)
    joints = rng.normal(0, [250, 500, 200], (count, 17, 3))
    joints -= joints[:, :1]
    root = rng.uniform([-1500, -800, 3000], [1500, 800, 9000], (count, 3))
    return joints, root


def project(joints, root):
    seen = joints + root[:, None]
    return FOCAL * seen[..., :2] / seen[..., 2:] + CENTRE


def pose(joints_mm, joints_px, confidence=None, camera=None):
    trust = np.ones(17) if confidence is None else confidence
    pose2d = Pose2D(joints_px, trust, H36M17, person_id=0)
    return Pose3D(joints_mm, np.ones(17), H36M17, camera=camera, pose2d=pose2d)


def test_the_root_of_exact_projections_is_found_exactly():
    joints, root = bodies(50)
    solved = solve_root(joints, project(joints, root), np.ones((50, 17)), FOCAL, CENTRE)
    np.testing.assert_allclose(solved, root, rtol=1e-6)


def test_two_joints_by_hand():
    # a bone of 100 mm, upright and level with the camera, is 25 px long: 1000 * 100 / 25 = 4 m away
    joints = np.zeros((1, 17, 3))
    joints[0, 1] = [0, 100, 0]
    pixels = np.full((1, 17, 2), np.nan)
    pixels[0, :2] = CENTRE + np.array([[50, 0], [50, 25]])
    solved = solve_root(joints, pixels, np.ones((1, 17)), FOCAL, CENTRE)
    np.testing.assert_allclose(solved, [[200, 0, 4000]], atol=1e-6)


def test_the_solution_is_the_least_squares_one_of_a_general_solver():
    from scipy.optimize import least_squares

    joints, root = bodies(5, seed=1)
    rng = np.random.default_rng(2)
    pixels = project(joints, root) + rng.normal(0, 1, (5, 17, 2))  # small: all weights stay 1
    weights = rng.uniform(0.2, 1, (5, 17))
    solved = solve_root(joints, pixels, weights, FOCAL, CENTRE)
    for k in range(5):

        def gaps(translation, k=k):
            off = project(joints[k : k + 1], translation[None])[0] - pixels[k]
            return (np.sqrt(weights[k])[:, None] * off).ravel()

        best = least_squares(gaps, root[k], x_scale=[100, 100, 1000], xtol=1e-14, ftol=1e-14)
        np.testing.assert_allclose(solved[k], best.x, rtol=1e-4, atol=0.2)


def test_a_wild_joint_does_little_harm():
    joints, root = bodies(40, seed=3)
    pixels = project(joints, root)
    pixels[:, 5] += [150, -100]
    solved = solve_root(joints, pixels, np.ones((40, 17)), FOCAL, CENTRE)
    error = np.linalg.norm(solved - root, axis=-1) / root[:, 2]
    assert np.median(error) < 0.005
    assert error.max() < 0.05


def test_a_joint_without_confidence_does_not_count():
    joints, root = bodies(1, seed=4)
    pixels = project(joints, root)[0]
    pixels[3] += 300
    placed = place_root(pose(joints[0], pixels, 1.0 * (np.arange(17) != 3)), FOCAL, CENTRE)
    np.testing.assert_allclose(placed.root_mm, root[0], rtol=1e-5)


def test_a_batch_gives_what_single_poses_give():
    joints, root = bodies(6, seed=5)
    poses = [pose(j, p) for j, p in zip(joints, project(joints, root) + 2.0, strict=True)]
    for one, several in zip(poses, place_roots(poses, FOCAL, CENTRE), strict=True):
        np.testing.assert_allclose(place_root(one, FOCAL, CENTRE).root_mm, several.root_mm)
    assert place_roots([], FOCAL, CENTRE) == []


def test_a_pose_of_another_2d_skeleton_is_placed_by_joint_names():
    joints, root = bodies(1, seed=6)
    for middle, a, b in ((0, 1, 4), (8, 11, 14)):  # pelvis and thorax come from both sides' joints
        joints[:, middle] = (joints[:, a] + joints[:, b]) / 2
    joints -= joints[:, :1]
    pixels = project(joints, root)[0]
    lsp14 = get_skeleton("lsp14")
    own = [H36M17.index(n) if n in H36M17.joints else None for n in lsp14.joints]
    found = np.array([[np.nan, np.nan] if j is None else pixels[j] for j in own])
    pose2d = Pose2D(found, np.ones(14), lsp14)
    placed = place_root(Pose3D(joints[0], np.ones(17), H36M17, pose2d=pose2d), FOCAL, CENTRE)
    np.testing.assert_allclose(placed.root_mm, root[0], rtol=0.01)  # middles move in perspective


def test_a_person_walking_away_has_a_growing_depth():
    joints = bodies(1)[0]
    depths = []
    for z in np.linspace(3000, 6000, 10):
        root = np.array([[200.0, 0, z]])
        placed = place_root(pose(joints[0], project(joints, root)[0]), FOCAL, CENTRE)
        depths.append(placed.root_mm[2])
    np.testing.assert_allclose(depths, np.linspace(3000, 6000, 10), rtol=1e-6)


def test_without_joints_the_weak_perspective_camera_tells_the_place():
    camera = WeakPerspective(0.25, CENTRE + np.array([100, -50]))
    blank = pose(np.zeros((17, 3)), np.full((17, 2), np.nan), camera=camera)
    np.testing.assert_allclose(place_root(blank, FOCAL, CENTRE).root_mm, [400, -200, 4000])
    nothing = replace(blank, pose2d=None, camera=None)
    assert place_root(nothing, FOCAL, CENTRE).root_mm is None


def test_all_joints_at_one_point_have_no_depth():
    same = pose(np.zeros((17, 3)), np.full((17, 2), 300.0))
    assert place_root(same, FOCAL, CENTRE).root_mm is None


def test_no_joint_comes_behind_the_camera():
    joints = bodies(20, seed=7)[0]
    wild = np.random.default_rng(0).uniform(0, 1000, (20, 17, 2))
    solved = solve_root(joints, wild, np.ones((20, 17)), FOCAL, CENTRE)
    assert np.isfinite(solved).all()
    assert ((joints[..., 2] + solved[:, None, 2]) > 0).all()


def test_focal_lengths_by_hand():
    assert focal_from_fov(90, (720, 1280)) == pytest.approx(640)
    assert default_focal((1280, 720)) == pytest.approx(640 / np.tan(np.radians(30)))
    assert focal_from_film(36, (3600, 2400)) == pytest.approx(3600)
    np.testing.assert_array_equal(picture_centre((1280, 720)), [639.5, 359.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: focal_from_fov(180, (10, 10)),
            "fov_deg must lie between 0 and 180 degrees, got 180",
        ),
        (lambda: focal_from_film(-1, (10, 10)), "focal_35mm must be above 0 millimetres, got -1"),
        (
            lambda: default_focal((0, 10)),
            "size_px must be a width and a height above 0, got (0, 10)",
        ),
        (lambda: place_roots([], 0.0, CENTRE), "focal_px must be above 0 pixels, got 0.0"),
        (lambda: place_roots([], 1.0, [1.0]), "centre_px must be x and y in pixels, got [1.0]"),
    ],
)
def test_bad_settings_are_refused(call, message):
    with pytest.raises(BadInput) as error:
        call()
    assert str(error.value) == message


def exif(entries, order="<"):
    """Return a TIFF block whose Exif directory holds entries (tag, value or (num, den))."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)  # one entry, then the next IFD
    body, extra = struct.pack(order + "H", len(entries)), b""
    start = 26 + 2 + 12 * len(entries) + 4
    for tag, value in entries:
        if isinstance(value, tuple):
            body += struct.pack(order + "HHII", tag, 5, 1, start + len(extra))
            extra += struct.pack(order + "II", *value)
        else:
            body += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    return head + first + body + struct.pack(order + "I", 0) + extra


def jpeg(block):
    data = cv2.imencode(".jpg", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    body = b"Exif\0\0" + block
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def png(block):
    data = cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + b"\0\0\0\0"
    return data[:33] + chunk + data[33:]


def webp(block):
    data = cv2.imencode(".webp", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    return data + b"EXIF" + struct.pack("<I", len(block)) + block


FILM = [(0xA405, 28)]
SENSOR = [(0x920A, (50, 10)), (0xA20E, (2000, 1)), (0xA210, 3), (0xA002, 4000), (0xA405, 99)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wrap", [jpeg, png, webp, bytes])
def test_the_film_equivalent_is_read_from_every_format(wrap, order):
    focal = focal_from_exif(wrap(exif(FILM, order)), (60, 40))
    assert focal == pytest.approx(28 * np.hypot(60, 40) / np.hypot(36, 24))


def test_the_sensors_resolution_goes_before_the_film_equivalent():
    # 5 mm at 2000 px/cm = 200 px/mm are 1000 px of 4000; the picture is scaled to 400
    assert focal_from_exif(jpeg(exif(SENSOR)), (400, 300)) == pytest.approx(100)


def test_a_photo_stored_upright_is_scaled_by_its_longer_side():
    upright = [*((tag, 3000 if tag == 0xA002 else value) for tag, value in SENSOR), (0xA003, 4000)]
    assert focal_from_exif(jpeg(exif(upright)), (300, 400)) == pytest.approx(100)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff", jpeg(b""), jpeg(exif(FILM)[:30]), png(b"II*\0\xff\xff\xff\xff")]
)
def test_without_a_usable_block_there_is_no_focal_length(data):
    assert focal_from_exif(data, (60, 40)) is None
