import numpy as np
import pytest
import torch

import lift3d
from lift3d.lifting import ConsensusLifter
from lift3d.lifting.joint_groups import random_groups
from lift3d.lifting.weak_camera import fit_weak_cameras
from lift3d.models.residual_mlp import FusedMLP, ResidualMLP, ResidualMLPConfig
from lift3d.models.tensor_file import read_tensors, write_tensors
from lift3d.poses import SKELETONS, Pose2D, get_skeleton
from lift3d.poses.errors import BadInput, NotFitted, WeightsMissing

GROUPS = random_groups(17, size=13, least=3, seed=0)


@pytest.fixture(scope="module")
def lifter():
    """Lift by untrained networks: what is tested here does not depend on what they learned."""
    torch.manual_seed(0)
    config = ResidualMLPConfig(inputs=39, outputs=39, width=16, groups=len(GROUPS), dropout=0.0)
    net = ResidualMLP(config)
    for _ in range(5):  # batch statistics
        net(torch.randn(64, len(GROUPS), 39))
    return ConsensusLifter.of(FusedMLP.of(net.eval()), GROUPS, sigma=(5.0, 1.0))


@pytest.fixture
def joints_px():
    return np.random.default_rng(1).normal(300, 80, (6, 17, 2))


def test_it_keeps_the_contract_of_lifters(lifter):
    lift3d.check_lifter(lifter)


def test_poses_are_relative_to_the_pelvis(lifter, joints_px):
    lifted = lifter.lift_arrays(joints_px, skeleton="h36m17")

    assert lifted.shape == (6, 17, 3)
    assert lifted.dtype == np.float32
    np.testing.assert_allclose(lifted[:, 0], 0, atol=1e-3)
    assert np.isfinite(lifted).all()


@pytest.mark.parametrize("name", list(SKELETONS))
def test_every_named_skeleton_is_lifted_whole(lifter, name):
    J = get_skeleton(name).n_joints
    joints_px = np.random.default_rng(2).normal(300, 80, (3, J, 2))

    lifted = lifter.lift_arrays(joints_px, skeleton=name)

    assert np.isfinite(lifted).all()


def test_the_place_and_size_in_the_image_do_not_matter(lifter, joints_px):
    one = lifter.lift_arrays(joints_px, skeleton="h36m17")
    two = lifter.lift_arrays(3 * joints_px - 100, skeleton="h36m17")

    np.testing.assert_allclose(one, two, atol=0.5)


def test_a_batch_gives_what_each_pose_gives_alone(lifter, joints_px):
    together = lifter.lift_arrays(joints_px, skeleton="h36m17")

    alone = [lifter.lift_arrays(pose[None], skeleton="h36m17")[0] for pose in joints_px]

    np.testing.assert_allclose(together, alone, atol=0.5)


def test_a_hidden_joint_with_any_pixel_is_not_looked_at(lifter, joints_px):
    confidence = np.ones((6, 17))
    confidence[:, 4] = 0
    moved = joints_px.copy()
    moved[:, 4] = np.nan

    one = lifter.lift_arrays(joints_px, confidence, skeleton="h36m17")
    two = lifter.lift_arrays(moved, None, skeleton="h36m17")

    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one).all()


@pytest.mark.parametrize("bad", ["all hidden", "three joints", "one point", "infinite"])
def test_a_pose_beyond_repair_is_nan_and_leaves_the_others_alone(lifter, joints_px, bad):
    spoilt = joints_px.copy()
    spoilt[2] = {
        "all hidden": np.nan,
        "three joints": np.where(np.arange(17)[:, None] < 3, joints_px[2], np.nan),
        "one point": 7.0,
        "infinite": np.inf,
    }[bad]
    others = [0, 1, 3, 4, 5]

    lifted = lifter.lift_arrays(spoilt, skeleton="h36m17")

    assert np.isnan(lifted[2]).all()
    whole = lifter.lift_arrays(joints_px, skeleton="h36m17")
    np.testing.assert_allclose(lifted[others], whole[others], atol=0.5)


def test_a_pose_carries_camera_uncertainty_and_where_it_came_from(lifter, joints_px):
    body = get_skeleton("h36m17")
    confidence = np.ones(17)
    confidence[10] = 0
    pose2d = Pose2D(joints_px[0], confidence, body)

    pose = lifter.lift([pose2d])[0]

    assert pose.pose2d is pose2d
    assert pose.sigma_mm.shape == (17,)
    assert pose.sigma_mm[0] == 0  # all is relative to the root
    assert (pose.sigma_mm[1:] >= 5.0).all()
    assert pose.confidence[10] == 0.5  # half of its only neighbour's
    scale, offset_px = fit_weak_cameras(pose.joints_mm[None], joints_px[:1], confidence[None])
    if np.isnan(scale[0]):  # untrained networks may give a mirror image, which no camera shows
        assert pose.camera is None
    else:
        assert pose.camera.scale_px_per_mm == pytest.approx(scale[0])
        np.testing.assert_allclose(pose.camera.offset_px, offset_px[0])


def test_a_pose_beyond_repair_has_neither_camera_nor_confidence(lifter):
    pose = lifter.lift([Pose2D(np.full((16, 2), np.nan), np.zeros(16), get_skeleton("mpii16"))])[0]

    assert np.isnan(pose.joints_mm).all()
    assert (pose.confidence == 0).all()
    assert pose.camera is None


def test_poses_of_several_skeletons_come_back_in_order(lifter):
    rng = np.random.default_rng(3)
    names = ["coco17", "mpii16", "coco17"]
    poses = [
        Pose2D(rng.normal(300, 80, (n, 2)), np.ones(n), get_skeleton(name))
        for name in names
        if (n := get_skeleton(name).n_joints)
    ]

    lifted = lifter.lift(poses)

    assert [pose.pose2d for pose in lifted] == poses
    alone = lifter.lift(poses[1:2])[0]
    np.testing.assert_allclose(lifted[1].joints_mm, alone.joints_mm, atol=0.5)


def test_nothing_in_gives_nothing_out(lifter):
    assert lifter.lift([]) == []
    assert lifter.lift_arrays(np.zeros((0, 17, 2)), skeleton="h36m17").shape == (0, 17, 3)


def test_saved_networks_lift_as_before(lifter, joints_px, tmp_path):
    lifter.save(tmp_path / "c.safetensors")

    again = ConsensusLifter.load(tmp_path / "c.safetensors")

    assert again.hypotheses_.groups == GROUPS
    assert again.sigma_ == (5.0, 1.0)
    one, two = (part.lift_arrays(joints_px, skeleton="h36m17") for part in (lifter, again))
    assert np.abs(one - two).max() < 0.01 * np.abs(one).max()  # float16 in the file


def test_the_wrong_skeleton_is_named(lifter, joints_px):
    with pytest.raises(BadInput) as failure:
        lifter.lift_arrays(joints_px, skeleton="mpii16")

    assert str(failure.value) == (
        "joints_px must have shape (N, 16, 2) for skeleton 'mpii16', got (6, 17, 2); "
        "pass the skeleton that the joints are in"
    )


def test_without_networks_lifting_is_a_named_error(joints_px):
    for use in (
        lambda: ConsensusLifter().lift_arrays(joints_px, skeleton="h36m17"),
        lambda: ConsensusLifter().lift([]),
        lambda: ConsensusLifter().save("nowhere"),
    ):
        with pytest.raises(NotFitted) as failure:
            use()
        assert str(failure.value) == (
            "this ConsensusLifter has no networks yet; "
            "use ConsensusLifter.load(path) or `lift3d train consensus`"
        )


def test_weights_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "ppca"})

    with pytest.raises(WeightsMissing) as failure:
        ConsensusLifter.load(path)

    assert str(failure.value) == (
        f"{path} holds weights of kind 'ppca', expected 'consensus'; give a file that "
        "ConsensusLifter.save or `lift3d train consensus` wrote"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.pop("sigma"),
        lambda about: about["groups"].pop(),
        lambda about: about.update(groups=[group[:-1] for group in about["groups"]]),
        lambda about: about["groups"][0].__setitem__(-1, 99),
        lambda about: about["config"].update(norm="l3"),
    ],
)
def test_a_file_that_does_not_fit_itself_is_one_line(lifter, tmp_path, change):
    path = tmp_path / "own.safetensors"
    lifter.save(path)
    tensors, metadata = read_tensors(path)
    change(metadata)
    write_tensors(path, tensors, metadata)
    with pytest.raises(WeightsMissing, match="does not fit its own configuration"):
        ConsensusLifter.load(path)
