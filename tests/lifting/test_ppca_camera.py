from dataclasses import replace

import numpy as np
import pytest

from lift3d.datasets.virtual_cameras import CameraRanges, photograph
from lift3d.evaluation.metrics_3d import mpjpe_mm
from lift3d.lifting import PPCALifter
from lift3d.lifting.ppca_camera import camera_knowledge
from lift3d.lifting.ppca_view import to_unit
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.errors import BadInput

BODY = get_skeleton("h36m17")


def looking_down(pitch: float, heading: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Return the rotation from the world (y up) to a camera, radians."""
    (ch, cp, cr), (sh, sp, sr) = np.cos([heading, pitch, roll]), np.sin([heading, pitch, roll])
    turned = np.array([[ch, 0, sh], [0, 1, 0], [-sh, 0, ch]])
    tilted = np.array([[1, 0, 0], [0, -cp, sp], [0, -sp, -cp]])
    return np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]) @ tilted @ turned


@pytest.fixture(scope="module")
def near_views(unseen_mm):
    """Return unseen poses from cameras so near that perspective counts."""
    ranges = CameraRanges(pitch_deg=(0, 20), distance_mm=(2200, 2600), focal=(1.0, 1.0))
    return photograph(unseen_mm, seed=3, ranges=ranges)


def test_tilt_and_roll_are_read_from_the_rotation_whatever_its_heading():
    for heading in (0.0, 2.0, -1.0):
        known = camera_knowledge(2, camera_rotation=looking_down(0.5, heading, -0.3))

        np.testing.assert_allclose(known.tilt, [0.5, 0.5])
        np.testing.assert_allclose(known.roll, [-0.3, -0.3])


def test_a_known_camera_beats_an_unknown_one(lifter, unseen_mm):
    ranges = CameraRanges(
        pitch_deg=(38, 38), roll_deg=(25, 25), distance_mm=(15_000, 20_000), focal=(4, 5)
    )
    views = photograph(unseen_mm, seed=0, ranges=ranges)
    camera = looking_down(np.radians(38), heading=1.0, roll=np.radians(25))

    known, unknown = (
        mpjpe_mm(
            lifter.lift_arrays(views.joints_px, skeleton="h36m17", camera_rotation=rotation),
            views.joints_mm,
        ).mean()
        for rotation in (camera, None)
    )

    assert known < 0.9 * unknown


def test_cameras_of_one_batch_count_each_for_its_own_pose(lifter, unseen_mm):
    ranges = CameraRanges(pitch_deg=(0, 40), distance_mm=(15_000, 20_000), focal=(4, 5))
    views = photograph(unseen_mm[:6], seed=0, ranges=ranges)
    cameras = np.stack([looking_down(np.radians(pitch)) for pitch in views.pitch_deg])

    batch = lifter.lift_arrays(views.joints_px, skeleton="h36m17", camera_rotation=cameras)

    for i in range(6):
        one = lifter.lift_arrays(
            views.joints_px[i : i + 1], skeleton="h36m17", camera_rotation=cameras[i]
        )
        np.testing.assert_allclose(batch[i], one[0], atol=1.0)


def test_without_refinement_a_known_camera_is_searched_alone(lifter, unseen_mm):
    ranges = CameraRanges(
        pitch_deg=(30, 30), roll_deg=(0, 0), distance_mm=(15_000, 20_000), focal=(4, 5)
    )
    views = photograph(unseen_mm, seed=0, ranges=ranges)
    plain = PPCALifter.from_model(
        lifter.model_, lifter.size_mm_, **lifter.settings() | {"refine_steps": 0}
    )

    known, unknown = (
        mpjpe_mm(
            plain.lift_arrays(views.joints_px, skeleton="h36m17", camera_rotation=rotation),
            views.joints_mm,
        ).mean()
        for rotation in (looking_down(np.radians(30)), None)
    )

    assert known < unknown


def test_a_known_focal_length_lowers_the_error_and_gives_the_place(lifter, near_views):
    camera = {"focal_px": near_views.focal_px, "centre_px": (499.5, 499.5)}
    errors = [
        mpjpe_mm(lifted, near_views.joints_mm).mean()
        for lifted in (
            lifter.lift_arrays(near_views.joints_px, skeleton="h36m17"),
            lifter.lift_arrays(near_views.joints_px, skeleton="h36m17", **camera),
        )
    ]
    poses = [Pose2D(joints_px, np.ones(17), BODY) for joints_px in near_views.joints_px]
    lifted = lifter.lift(poses, **camera)

    assert errors[1] < errors[0]
    root_mm = np.stack([pose.root_mm for pose in lifted])
    assert np.abs(root_mm / near_views.root_mm - 1)[:, 2].mean() < 0.05
    for i, pose in enumerate(lifted):
        seen = pose.joints_mm + pose.root_mm
        px = near_views.focal_px[i] * seen[:, :2] / seen[:, 2:] + 499.5
        assert np.abs(px - near_views.joints_px[i]).mean() < 10
        root_px = near_views.focal_px[i] * pose.root_mm[:2] / pose.root_mm[2] + 499.5
        np.testing.assert_allclose(pose.camera.offset_px, root_px, atol=1e-3)
        assert pose.camera.scale_px_per_mm == pytest.approx(
            near_views.focal_px[i] / pose.root_mm[2], rel=1e-5
        )


def test_a_very_long_focal_length_is_weak_perspective(lifter, near_views):
    weak = lifter.lift_arrays(near_views.joints_px, skeleton="h36m17")
    far = lifter.lift_arrays(
        near_views.joints_px, skeleton="h36m17", focal_px=1e9, centre_px=(499.5, 499.5)
    )

    np.testing.assert_allclose(far, weak, atol=1.0)


def test_without_a_focal_length_there_is_no_place(lifter, near_views):
    pose = lifter.lift([Pose2D(near_views.joints_px[0], np.ones(17), BODY)])[0]

    assert pose.root_mm is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"camera_rotation": np.eye(4)},
            "camera_rotation must have shape (3, 3) or (2, 3, 3), got (4, 4); "
            "give the rotation from world (y up) to camera axes",
        ),
        (
            {"camera_rotation": np.diag([1.0, 1, -1])},
            "camera_rotation must be a rotation (R R^T = I, det R = 1), got "
            "[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]]]; "
            "a mirroring or scaling matrix is none",
        ),
        (
            {"focal_px": 1000.0},
            "focal_px and centre_px belong together, got only one of them; "
            "pass both, the centre is mostly (width - 1) / 2, (height - 1) / 2",
        ),
        (
            {"focal_px": -5.0, "centre_px": (1, 2)},
            "focal_px must be one value above 0, or 2 of them, got -5.0; "
            "give the focal length in pixels",
        ),
        (
            {"focal_px": 900.0, "centre_px": (1, np.nan)},
            "centre_px must be x and y of the principal point, once or 2 times, "
            "got (1, nan); give finite pixels",
        ),
    ],
)
def test_a_camera_that_cannot_be_is_named(lifter, near_views, given, message):
    with pytest.raises(BadInput) as error:
        lifter.lift_arrays(near_views.joints_px[:2], skeleton="h36m17", **given)

    assert str(error.value) == message


def test_views_are_compared_by_what_is_left_after_the_search(lifter, near_views):
    solver, ones = lifter._solver, np.ones((60, 17))
    unit = to_unit(near_views.joints_px, ones, lifter._mean)

    def counted(weights, camera):
        solved = solver.solve(replace(unit, weights=weights), camera, steps=3, candidates=4)
        details = solved.details
        after = solver.refiner.cost(details.scene, details.angles, details.x)
        return (solved.energy - after.view_as(solved.energy)).numpy()

    shades = np.random.default_rng(0).uniform(0.6, 1.0, ones.shape)
    known = camera_knowledge(
        60, focal_px=near_views.focal_px, centre_px=near_views.joints_px.mean(axis=1)
    )
    by_search = counted(ones, camera_knowledge(60))
    np.testing.assert_allclose(counted(shades, camera_knowledge(60)), by_search, atol=0.01)
    np.testing.assert_allclose(counted(ones, known), by_search, atol=0.01)


def test_joints_that_are_less_sure_and_right_do_no_harm(lifter, near_views):
    confidence = np.ones((60, 17))
    unsure = [
        BODY.index(f"{side}_{end}") for side in ("left", "right") for end in ("ankle", "wrist")
    ]
    confidence[:, unsure] = 0.2
    errors = [
        mpjpe_mm(
            lifter.lift_arrays(near_views.joints_px, sure, skeleton=BODY), near_views.joints_mm
        )
        for sure in (np.ones((60, 17)), confidence)
    ]
    assert errors[1].mean() < 1.1 * errors[0].mean()
