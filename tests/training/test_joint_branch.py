"""The branch of the joints learns lifting from motion capture, before the pictures come."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.evaluation.fusion import PictureSet
from lift3d.models.fusion_config import ConvShape, FusionConfig
from lift3d.models.fusion_net import UNIT_MM, FusionNet
from lift3d.models.load_fusion import load_fusion
from lift3d.poses.errors import BadInput
from lift3d.training.fusion import FusionRecipe, _groups, train_fusion
from lift3d.training.fusion_loss import pose_error
from lift3d.training.fusion_validation import FusionData
from lift3d.training.joint_branch import BATCH, branch_samples, teach_joint_branch
from lift3d.training.lifting_samples import LiftingSamples, PoseDraws, training_rows

CPU = torch.device("cpu")
TINY = FusionConfig(
    (ConvShape(4, 4, 3, 2), ConvShape(6, 6, 3, 4)), ((16, 16),), input_size=64, joint_neurons=16
)
SMALL = FusionRecipe(config=TINY, samples=8, batch=4, warm_up=4, joint_samples=2 * BATCH, seed=3)


def error_mm(net, pack):
    draws = PoseDraws(pack, training_rows(pack), LiftingSamples(detected=0, blurred=0, hidden=0))
    numbers, truth = branch_samples(draws, 200, np.random.default_rng(5))
    with torch.no_grad():
        lifted = net.joints.eval()(numbers)[1].view(-1, 17, 3)
    return UNIT_MM * float(pose_error(lifted, truth / UNIT_MM))


def test_samples_are_finite_and_hidden_joints_are_nothing(pack):
    draws = PoseDraws(pack, training_rows(pack), LiftingSamples(hidden=1.0))

    numbers, truth = branch_samples(draws, 50, np.random.default_rng(0))

    assert numbers.shape == (50, 16, 3)
    assert truth.shape == (50, 17, 3)
    assert numbers.isfinite().all()
    lost = numbers[..., 2] == 0
    assert lost.any(1).all()
    assert numbers[lost].eq(0).all()


def test_it_learns_to_lift(pack):
    torch.manual_seed(0)
    net = FusionNet(replace(TINY, joint_neurons=64))
    before = error_mm(net, pack)
    losses = []

    teach_joint_branch(net, pack, 40 * BATCH, 1, CPU, lambda state: losses.append(state["loss"]))

    assert len(losses) == 40
    assert error_mm(net, pack) < 0.8 * before


def test_only_the_branch_is_taught_and_the_same_each_time(pack):
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        net = FusionNet(TINY)
        before = {name: value.clone() for name, value in net.streams.state_dict().items()}
        teach_joint_branch(net, pack, 2 * BATCH, 1, CPU)
        nets.append(net)
        assert all(
            torch.equal(value, before[name]) for name, value in net.streams.state_dict().items()
        )

    one, other = (net.joints.state_dict() for net in nets)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_network_without_the_branch_is_left_alone(pack):
    net = FusionNet(replace(TINY, joint_neurons=0))

    teach_joint_branch(net, pack, 2 * BATCH, 1, CPU)

    assert net.joints is None


def test_a_training_begins_with_it_once(pack, stroke_people, tmp_path, caplog):
    known = PictureSet.of(stroke_people.sample(k) for k in range(4))
    data = FusionData(stroke_people, known, mocap=pack)
    with caplog.at_level("INFO"):
        path = train_fusion(SMALL, data, tmp_path, CPU, checkpoint_every=4)
        train_fusion(replace(SMALL, samples=16), data, tmp_path, CPU, checkpoint_every=4)

    taught = [line for line in caplog.messages if line.startswith("the branch of the joints")]
    assert len(taught) == 1
    assert load_fusion(path, CPU)[0].joints is not None


def test_a_pack_without_poses_to_train_on_is_named(pack):
    other = replace(pack, clip_split=np.ones(3, int))
    with pytest.raises(BadInput) as failure:
        teach_joint_branch(FusionNet(TINY), other, 2 * BATCH, 1, CPU)
    assert str(failure.value) == ("the pack has no poses of split 0 to train on; give another pack")


def test_the_optimizers_order_does_not_depend_on_the_mocap(pack):
    known = PictureSet(
        np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 17, 2)), np.zeros((1, 17, 3))
    )
    net = FusionNet(TINY)
    with_mocap, without = (
        _groups(net, SMALL, FusionData(None, known, mocap=mocap)) for mocap in (pack, None)
    )

    order = [[id(p) for g in groups for p in g["params"]] for groups in (with_mocap, without)]
    assert order[0] == order[1]
    branch = {id(p) for p in net.joints.parameters()}
    scales = [
        next(g.get("scale", 1.0) for g in groups if id(g["params"][0]) in branch)
        for groups in (with_mocap, without)
    ]
    assert scales == [SMALL.joint_rate, 1.0]
