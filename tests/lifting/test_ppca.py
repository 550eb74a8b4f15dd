import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lift3d.datasets.virtual_cameras import CameraRanges, photograph
from lift3d.evaluation.metrics_3d import mpjpe_similarity_mm
from lift3d.lifting import PPCALifter
from lift3d.models.tensor_file import read_tensors, write_tensors
from lift3d.poses import Pose2D, get_skeleton
from lift3d.poses.errors import BadInput, NotFitted, WeightsMissing

BODY = get_skeleton("h36m17")


@pytest.fixture(scope="module")
def views(unseen_mm):
    """Return unseen poses from cameras far away, so that perspective hardly matters."""
    ranges = CameraRanges(pitch_deg=(-5, 35), distance_mm=(15_000, 20_000), focal=(4, 5))
    return photograph(unseen_mm, seed=0, ranges=ranges)


def test_lift_recovers_poses_far_better_than_the_mean_pose(lifter, views):
    mean_only = PPCALifter.from_model(lifter.model_.leading(0), lifter.size_mm_)

    errors = mpjpe_similarity_mm(
        lifter.lift_arrays(views.joints_px, skeleton="h36m17"), views.joints_mm
    )
    mean_errors = mpjpe_similarity_mm(
        mean_only.lift_arrays(views.joints_px, skeleton="h36m17"), views.joints_mm
    )

    assert errors.mean() < 0.5 * mean_errors.mean()


def test_a_mean_pose_seen_from_the_front_is_lifted_to_itself(lifter):
    mean_only = PPCALifter.from_model(lifter.model_.leading(0), lifter.size_mm_, tilts_deg=(0.0,))
    facing = lifter.model_.mean * [1, -1, -1]  # y down, z away from the camera

    lifted = mean_only.lift_arrays(200 * facing[None, :, :2] + 50, skeleton="h36m17")[0]

    parents, children = np.array(BODY.bones).T
    limbs = np.sqrt(((facing[children] - facing[parents]) ** 2).sum())
    expected = (facing - facing[0]) * lifter.size_mm_ / limbs
    assert np.abs(lifted - expected).mean() < 40  # the prior of the tilt pulls it to 15 degrees


@pytest.mark.parametrize("roll_deg", [90, 180, -90])
def test_a_rolled_picture_gives_the_rolled_pose(lifter, views, roll_deg):
    cos, sin = round(np.cos(np.radians(roll_deg))), round(np.sin(np.radians(roll_deg)))
    roll = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    turned_px = views.joints_px @ roll[:2, :2].T

    lifted = lifter.lift_arrays(views.joints_px, skeleton="h36m17")
    turned = lifter.lift_arrays(turned_px, skeleton="h36m17")

    np.testing.assert_allclose(turned, lifted @ roll.T, atol=1.0)


def test_batch_equals_loop_also_with_a_pattern_of_weights_each(lifter, views):
    confidence = np.random.default_rng(0).choice([0.0, 0.5, 1.0], (60, 17), p=[0.2, 0.2, 0.6])
    confidence[:20] = 1.0

    batch = lifter.lift_arrays(views.joints_px, confidence, skeleton="h36m17")

    for i in range(0, 60, 3):
        one = lifter.lift_arrays(
            views.joints_px[i : i + 1], confidence[i : i + 1], skeleton="h36m17"
        )
        np.testing.assert_allclose(batch[i], one[0], atol=1.0)


def test_a_joint_with_weight_0_is_ignored_wherever_it_is(lifter, views):
    confidence = np.ones((60, 17))
    confidence[:, [3, 13]] = 0
    moved, lost = views.joints_px.copy(), views.joints_px.copy()
    moved[:, [3, 13]] += 5000
    lost[:, [3, 13]] = np.nan

    plain, far, nan = (
        lifter.lift_arrays(joints, confidence, skeleton="h36m17")
        for joints in (views.joints_px, moved, lost)
    )

    assert np.isfinite(plain).all()
    np.testing.assert_array_equal(plain, far)
    np.testing.assert_array_equal(plain, nan)


def test_mirrored_joints_give_the_mirrored_pose(lifter, views):
    mirrored_px = views.joints_px[:, BODY.flip_index] * [-1, 1] + [999, 0]

    lifted = lifter.lift_arrays(views.joints_px, skeleton="h36m17")
    mirrored = lifter.lift_arrays(mirrored_px, skeleton="h36m17")

    np.testing.assert_allclose(mirrored[:, BODY.flip_index] * [-1, 1, 1], lifted, atol=1.0)


def test_shifted_and_enlarged_pictures_give_the_same_pose(lifter, views):
    lifted = lifter.lift_arrays(views.joints_px, skeleton="h36m17")
    other = lifter.lift_arrays(7 * views.joints_px - 3000, skeleton="h36m17")

    np.testing.assert_allclose(other, lifted, atol=0.5)


def test_lifted_bodies_have_the_mean_size_and_the_pelvis_at_the_origin(lifter, views):
    lifted = lifter.lift_arrays(views.joints_px, skeleton="h36m17").astype(np.float64)
    parents, children = np.array(BODY.bones).T

    size_mm = np.sqrt(((lifted[:, children] - lifted[:, parents]) ** 2).sum(axis=(1, 2)))

    np.testing.assert_allclose(size_mm, lifter.size_mm_, rtol=1e-5)
    assert not lifted[:, 0].any()


@pytest.mark.parametrize("name", ["coco17", "mpii16", "lsp14", "humaneva15", "body25"])
def test_every_skeleton_is_lifted_without_nan(lifter, name):
    skeleton = get_skeleton(name)
    joints_px = np.random.default_rng(0).normal(300, 100, (5, skeleton.n_joints, 2))

    assert np.isfinite(lifter.lift_arrays(joints_px, skeleton=name)).all()


def test_poses_of_which_too_little_is_seen_are_nan_and_the_others_stay(lifter, views):
    joints_px, confidence = views.joints_px[:5].copy(), np.ones((5, 17))
    confidence[1, 3:] = 0  # three joints
    joints_px[2] = 77.0  # all at one point
    joints_px[3] = np.inf

    lifted = lifter.lift_arrays(joints_px, confidence, skeleton="h36m17")

    assert np.isnan(lifted[1:4]).all()
    whole = lifter.lift_arrays(views.joints_px[[0, 4]], skeleton="h36m17")
    np.testing.assert_allclose(lifted[[0, 4]], whole, atol=0.5)


def test_no_poses_give_no_poses(lifter):
    assert lifter.lift_arrays(np.zeros((0, 16, 2)), skeleton="mpii16").shape == (0, 17, 3)
    assert lifter.lift([]) == []
    known = {"skeleton": "h36m17", "camera_rotation": np.eye(3)}
    assert lifter.lift_arrays(np.zeros((0, 17, 2)), **known).shape == (0, 17, 3)


def test_lift_keeps_the_order_of_mixed_skeletons(lifter):
    rng = np.random.default_rng(0)
    names = ["coco17", "mpii16", "coco17", "lsp14"]
    poses = []
    for name in names:
        skeleton = get_skeleton(name)
        J = skeleton.n_joints
        poses.append(Pose2D(rng.normal(300, 90, (J, 2)), rng.uniform(0.2, 1, J), skeleton))

    lifted = lifter.lift(poses)

    assert [pose.pose2d for pose in lifted] == poses
    for pose, name in zip(poses, names, strict=True):
        alone = lifter.lift_arrays(pose.joints_px[None], pose.confidence[None], skeleton=name)
        found = next(one for one in lifted if one.pose2d is pose)
        np.testing.assert_allclose(found.joints_mm, alone[0], atol=1.0)


def test_the_camera_puts_the_pose_onto_the_2d_joints(lifter, views):
    poses = [Pose2D(joints_px, np.ones(17), BODY) for joints_px in views.joints_px]

    for pose, lifted in zip(poses, lifter.lift(poses), strict=True):
        assert lifted.camera is not None
        off_px = np.linalg.norm(lifted.camera.project(lifted.joints_mm) - pose.joints_px, axis=1)
        assert off_px.mean() * (1 / lifted.camera.scale_px_per_mm) < 30


def test_a_pose_that_cannot_be_lifted_has_no_camera_and_no_confidence_is_invented(lifter):
    lifted = lifter.lift([Pose2D(np.full((17, 2), np.nan), np.zeros(17), BODY)])[0]

    assert lifted.camera is None
    assert np.isnan(lifted.joints_mm).all()
    assert not lifted.confidence.any()


def test_a_joint_that_was_not_seen_has_half_its_neighbours_mean_confidence(lifter, views):
    confidence = np.full(17, 0.8)
    confidence[[7, 13]] = 0  # spine between pelvis and thorax; wrist beside the elbow
    confidence[8] = 0.4

    lifted = lifter.lift([Pose2D(views.joints_px[0], confidence, BODY)])[0]

    assert lifted.confidence[7] == pytest.approx(0.3)
    assert lifted.confidence[13] == pytest.approx(0.4)
    assert lifted.confidence[8] == pytest.approx(0.4)


def test_refinement_lowers_the_error(lifter, views):
    settings = lifter.settings() | {"refine_steps": 0}
    plain = PPCALifter.from_model(lifter.model_, lifter.size_mm_, **settings)

    refined, searched = (
        mpjpe_similarity_mm(one.lift_arrays(views.joints_px, skeleton="h36m17"), views.joints_mm)
        for one in (lifter, plain)
    )

    assert refined.mean() < searched.mean()


def test_a_saved_lifter_comes_back(lifter, views, tmp_path):
    lifter.save(tmp_path / "ppca.safetensors")
    again = PPCALifter.load(tmp_path / "ppca.safetensors")

    assert again.settings() == lifter.settings()
    np.testing.assert_allclose(
        again.lift_arrays(views.joints_px, skeleton="h36m17"),
        lifter.lift_arrays(views.joints_px, skeleton="h36m17"),
        atol=1.0,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["ppca.safetensors"]


def test_a_file_with_an_unknown_setting_is_one_line(lifter, tmp_path):
    path = tmp_path / "ppca.safetensors"
    lifter.save(path)
    tensors, metadata = read_tensors(path)
    write_tensors(path, tensors, {**metadata, "config": {**metadata["config"], "colour": 1}})
    with pytest.raises(WeightsMissing, match="does not fit its own configuration"):
        PPCALifter.load(path)


def test_load_rejects_weights_of_another_kind(tmp_path):
    path = tmp_path / "other.safetensors"
    write_tensors(path, {}, {"kind": "hourglass"})

    with pytest.raises(WeightsMissing) as error:
        PPCALifter.load(path)

    assert str(error.value) == (
        f"{path} holds weights of kind 'hourglass', expected 'ppca'; "
        "give a file that PPCALifter.save or `lift3d train ppca` wrote"
    )


@pytest.mark.parametrize(
    "use",
    [
        lambda lifter: lifter.lift([]),
        lambda lifter: lifter.lift_arrays(np.zeros((1, 17, 2)), skeleton="coco17"),
        lambda lifter: lifter.save("nowhere.safetensors"),
    ],
)
def test_use_before_fit_is_named(use):
    with pytest.raises(NotFitted) as error:
        use(PPCALifter())

    assert str(error.value) == (
        "this PPCALifter has no model yet; call fit(poses_mm) or PPCALifter.load(path)"
    )


def test_lift_rejects_17_joints_for_mpii16(lifter):
    with pytest.raises(BadInput) as error:
        lifter.lift_arrays(np.zeros((1, 17, 2)), skeleton="mpii16")

    assert str(error.value) == (
        "joints_px must have shape (N, 16, 2) for skeleton 'mpii16', got (1, 17, 2); "
        "pass the skeleton that the joints are in"
    )


def with_nan(poses_mm):
    poses_mm = poses_mm.copy()
    poses_mm[[3, 8], 0, 0] = np.nan
    return poses_mm


@pytest.mark.parametrize(
    ("change", "components", "message"),
    [
        (
            lambda poses: poses[:, :16],
            4,
            "poses_mm must have shape (N, 17, 3) for skeleton 'h36m17', got (600, 16, 3); "
            "convert them with convert_joints",
        ),
        (
            with_nan,
            4,
            "poses_mm must be finite, got 2 of 600 poses with NaN or inf; drop them",
        ),
        (lambda poses: poses, 46, "components must be from 1 to 45, got 46"),
        (
            lambda poses: poses[:4],
            4,
            "poses_mm must hold more poses than the 4 components, got 4; "
            "give more poses or lower components",
        ),
        (
            lambda poses: poses * np.arange(600)[:, None, None].clip(max=1),
            4,
            "poses_mm must have limbs, got 1 of 600 poses with all joints at one point; drop them",
        ),
    ],
)
def test_fit_names_what_is_wrong_with_the_poses(poses_mm, change, components, message):
    with pytest.raises(BadInput) as error:
        PPCALifter(components=components).fit(change(poses_mm))

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_rotations": 0}, "n_rotations must be 1 or more, got 0"),
        ({"candidates": 0}, "candidates must be 1 or more, got 0"),
        ({"refine_steps": -1}, "refine_steps must be 0 or more, got -1"),
        ({"tilts_deg": ()}, "tilts_deg must be one angle or more, got []"),
        ({"rolls_deg": (0, np.nan)}, "rolls_deg must be one angle or more, got [0, nan]"),
        ({"noise": -0.1}, "noise must be one number or more of at least 0, got -0.1"),
    ],
)
def test_settings_that_lift_nothing_are_named(poses_mm, lifter, setting, message):
    with pytest.raises(BadInput) as error:
        PPCALifter(**setting).fit(poses_mm)
    assert str(error.value) == message
    with pytest.raises(BadInput):
        PPCALifter.from_model(lifter.model_, 1100.0, **setting)


def test_threads_may_share_a_lifter(lifter, views):
    hidden = []
    rng = np.random.default_rng(0)
    for _ in range(6):
        joints_px = np.array(views.joints_px[:20])
        for pose in joints_px:
            pose[rng.permutation(17)[:3]] = np.nan
        hidden.append(joints_px)

    def lifted(joints_px, one):
        return one.lift_arrays(joints_px, skeleton="h36m17")

    expected = [lifted(each, pickle.loads(pickle.dumps(lifter))) for each in hidden]
    shared = pickle.loads(pickle.dumps(lifter))
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lifted, hidden, [shared] * len(hidden)))
    np.testing.assert_allclose(found, expected, atol=0.5)
