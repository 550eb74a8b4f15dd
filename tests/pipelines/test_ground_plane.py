"""The floor: found from standing feet, and feet set on it."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d import BadInput, Pose2D, Pose3D, get_skeleton
from lift3d.pipelines.frame import Frame
from lift3d.pipelines.ground_plane import (
    MOST_CONTACTS,
    FeetOnGround,
    GroundPlane,
    GroundPlaneEstimator,
)

H36M17 = get_skeleton("h36m17")
RIGHT_ANKLE, LEFT_ANKLE = H36M17.index("right_ankle"), H36M17.index("left_ankle")
X = [0, -100, -100, -100, 100, 100, 100, 0, 0, 0, 0, 160, 180, 190, -160, -180, -190]
UP_MM = [0, 0, -420, -840, 0, -420, -840, 230, 470, 560, 680, 450, 180, -60, 450, 180, -60]
CAMERA_MM = 1500.0


def tilted(pitch_deg):
    """Return the rotation from the level axes x, up, forward to those of a camera looking down."""
    p = np.radians(pitch_deg)
    return np.array([[1, 0, 0], [0, -np.cos(p), -np.sin(p)], [0, -np.sin(p), np.cos(p)]])


def walk(R, seconds=12.0, fps=25, noise_mm=0.0, hop=False, seed=0):
    """Return frames of a person walking a square on the floor before a camera of rotation R.

    One foot stands while the other swings forward, half a second each; the ankles stand at height
    0 of a floor 1500 mm below the camera.
    """
    rng = np.random.default_rng(seed)
    corners = np.array([[-1200, 3200], [1200, 3200], [1200, 5600], [-1200, 5600], [-1200, 3200.0]])
    frames = []
    for k in range(int(seconds * fps)):
        t = k / fps
        at = 4 * t / seconds
        side = min(int(at), 3)
        ground = corners[side] + (at - side) * (corners[side + 1] - corners[side])
        ahead = (corners[side + 1] - corners[side]) / 2400
        speed = 4 * 2400 / seconds
        body = np.stack([X, UP_MM, np.zeros(17)], -1).astype(float)
        step = t % 1.0
        for ankle, phase in ((RIGHT_ANKLE, step), (LEFT_ANKLE, (step + 0.5) % 1.0)):
            stands = phase < 0.5
            along = speed * (0.25 - phase if stands else phase - 0.75)
            body[ankle, [0, 2]] += along * ahead
            body[ankle, 1] += 0 if stands else 80 * np.sin(2 * np.pi * (phase - 0.5))
        root = np.array([ground[0], 840 - CAMERA_MM + (150 if hop else 0), ground[1]])
        root_mm = root @ R.T
        root_mm = root_mm * (1 + rng.normal() * noise_mm / np.linalg.norm(root_mm))
        frames.append(Frame(k, t, [person(body @ R.T, root_mm)]))
    return frames


def person(joints_mm, root_mm, identity=0):
    pose2d = Pose2D(np.zeros((17, 2)), np.ones(17), H36M17, person_id=identity)
    return Pose3D(joints_mm, np.ones(17), H36M17, root_mm=root_mm, pose2d=pose2d)


def plane_of(frames, up=None):
    estimator = GroundPlaneEstimator(up)
    for frame in frames:
        estimator.add(frame)
    return estimator.plane()


def angle_deg(a, b):
    return np.degrees(np.arccos(np.clip(a @ b, -1, 1)))


@pytest.mark.parametrize("pitch_deg", [0, 12, 25])
def test_the_floor_under_a_walk_is_found(pitch_deg):
    R = tilted(pitch_deg)
    plane = plane_of(walk(R))
    assert angle_deg(plane.up, R @ [0, 1, 0]) < 0.5
    assert plane.height_mm == pytest.approx(CAMERA_MM, abs=10)
    assert plane.spread_mm < 10
    assert plane.contacts > 100


def test_noise_in_depth_tilts_the_floor_little():
    R = tilted(12)
    plane = plane_of(walk(R, noise_mm=5))
    assert angle_deg(plane.up, R @ [0, 1, 0]) < 3
    assert plane.height_mm == pytest.approx(CAMERA_MM, abs=80)


def test_someone_standing_in_one_spot_tells_the_height_and_the_body_the_tilt():
    R = tilted(12)
    still = walk(R)[0].people[0]
    rng = np.random.default_rng(0)
    frames = [
        Frame(k, k / 25, [replace(still, root_mm=still.root_mm * (1 + 0.001 * rng.normal()))])
        for k in range(200)
    ]
    plane = plane_of(frames)
    assert angle_deg(plane.up, R @ [0, 1, 0]) < 6
    feet = still.joints_mm[[RIGHT_ANKLE, LEFT_ANKLE]] + still.root_mm
    assert plane.above_mm(feet).min() == pytest.approx(0, abs=20)


def test_a_clip_without_standing_feet_has_no_floor():
    pose = walk(tilted(0), seconds=1)[0].people[0]
    gliding = [replace(pose, root_mm=np.array([20.0 * k, 0, 4000])) for k in range(100)]
    frames = [Frame(k, k / 25, [pose]) for k, pose in enumerate(gliding)]  # 500 mm/s
    assert plane_of(frames) is None
    assert plane_of([Frame(0, 0.0, [])]) is None


def test_people_without_a_place_do_not_count():
    frames = [
        replace(frame, people=[replace(frame.people[0], root_mm=None)]) for frame in walk(tilted(0))
    ]
    assert plane_of(frames) is None


def test_contacts_are_bounded():
    estimator = GroundPlaneEstimator()
    pose = walk(tilted(0))[0].people[0]
    for k in range(2 * MOST_CONTACTS + 50):
        estimator.add(Frame(k, k / 25, [pose]))
    assert MOST_CONTACTS / 2 - 1 <= len(estimator._contacts) <= MOST_CONTACTS


def set_on(frames, plane):
    setter = FeetOnGround(plane)
    return [setter.update(frame) for frame in frames]


def lowest_mm(frames, plane):
    ankles = [
        f.people[0].joints_mm[[RIGHT_ANKLE, LEFT_ANKLE]] + f.people[0].root_mm for f in frames
    ]
    return plane.above_mm(np.stack(ankles)).min(-1)


def test_standing_feet_come_down_to_the_floor_along_the_ray():
    R = tilted(12)
    plane = GroundPlane(R @ [0.0, 1, 0], CAMERA_MM, 100, 0.0)
    frames = walk(R, hop=True)  # 150 mm too high
    done = set_on(frames, plane)
    assert lowest_mm(frames, plane).mean() == pytest.approx(150, abs=5)
    assert abs(lowest_mm(done, plane)).max() < 5
    for before, after in zip(frames, done, strict=True):
        a, b = before.people[0], after.people[0]
        assert b.root_mm[2] > a.root_mm[2]
        np.testing.assert_array_equal(a.joints_mm, b.joints_mm)
        rays = [pose.root_mm / np.linalg.norm(pose.root_mm) for pose in (a, b)]
        assert angle_deg(*rays) < 2


def test_no_foot_goes_below_the_floor():
    R = tilted(0)
    plane = GroundPlane(R @ [0.0, 1, 0], CAMERA_MM - 60, 100, 0.0)
    assert lowest_mm(set_on(walk(R, noise_mm=30), plane), plane).min() > -1e-6


def test_someone_in_the_air_is_not_pulled_down():
    R = tilted(0)
    plane = GroundPlane(R @ [0.0, 1, 0], CAMERA_MM, 100, 0.0)
    frames = []
    for k in range(100):
        pose = walk(R, seconds=0.04)[0].people[0]
        high = max(0.0, 600 * np.sin(np.pi * (k - 50) / 20)) if 50 <= k <= 70 else 0.0
        root = pose.root_mm - np.array([0, high, 0])
        frames.append(Frame(k, k / 25, [replace(pose, root_mm=root)]))
    done = lowest_mm(set_on(frames, plane), plane)
    np.testing.assert_allclose(done, lowest_mm(frames, plane), atol=30)
    assert done.max() > 550


def test_people_without_a_place_or_identity_stay():
    plane = GroundPlane(np.array([0.0, -1, 0]), CAMERA_MM, 100, 0.0)
    pose = walk(tilted(0))[0].people[0]
    frame = Frame(0, 0.0, [replace(pose, root_mm=None), replace(pose, pose2d=None)])
    assert FeetOnGround(plane).update(frame).people == frame.people


@pytest.mark.parametrize("up", [np.array([np.nan, 0, 0]), np.zeros(3), np.ones(2)])
def test_a_direction_that_is_none_is_refused(up):
    with pytest.raises(BadInput) as error:
        GroundPlaneEstimator(up)
    assert str(error.value) == f"up must be a direction x, y, z in camera axes, got {up}"
