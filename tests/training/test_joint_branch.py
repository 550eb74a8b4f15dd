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
from lift3d.training.found_joints import FoundJoints
from lift3d.training.fusion import FusionRecipe, _groups, train_fusion
from lift3d.training.fusion_validation import FusionData
from lift3d.training.joint_branch import BATCH, BranchDraws, branch_error, teach_joint_branch
from lift3d.training.lifting_samples import LiftingSamples

CPU = torch.device("cpu")
TINY = FusionConfig(
    (ConvShape(4, 4, 3, 2), ConvShape(6, 6, 3, 4)), ((16, 16),), input_size=64, joint_neurons=16
)
SMALL = FusionRecipe(config=TINY, samples=8, batch=4, warm_up=4, joint_samples=2 * BATCH, seed=3)


def error_mm(net, pack):
    draws = exact_draws(pack, detected=0, blurred=0, hidden=0)
    net.joints.eval()
    with torch.no_grad():
        return UNIT_MM * float(branch_error(net, *draws(200, np.random.default_rng(5)), CPU))


def exact_draws(pack, **shares):
    draws = BranchDraws(pack, None)
    draws.poses.samples = LiftingSamples(**shares)
    return draws


def test_samples_are_finite_and_hidden_joints_are_nothing(pack):
    numbers, truth = exact_draws(pack, hidden=1.0)(50, np.random.default_rng(0))

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

    def keep(state):
        losses.append(state["loss"])

    teach_joint_branch(net, BranchDraws(pack, None), 40 * BATCH, 1, CPU, keep)

    assert len(losses) == 40
    assert error_mm(net, pack) < 0.8 * before


def test_only_the_branch_is_taught_and_the_same_each_time(pack):
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        net = FusionNet(TINY)
        before = {name: value.clone() for name, value in net.streams.state_dict().items()}
        teach_joint_branch(net, BranchDraws(pack, None), 2 * BATCH, 1, CPU)
        nets.append(net)
        assert all(
            torch.equal(value, before[name]) for name, value in net.streams.state_dict().items()
        )

    one, other = (net.joints.state_dict() for net in nets)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_network_without_the_branch_is_left_alone(pack):
    net = FusionNet(replace(TINY, joint_neurons=0))

    teach_joint_branch(net, BranchDraws(pack, None), 2 * BATCH, 1, CPU)

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


def test_norms_that_are_held_keep_their_statistics_and_learn_on(pack):
    net = FusionNet(TINY)
    teach_joint_branch(net, BranchDraws(pack, None), 2 * BATCH, 1, CPU)
    numbers, truth = BranchDraws(pack, None)(6, np.random.default_rng(1))
    with torch.no_grad():
        wanted = net.joints.eval()(numbers)[1]

    net.joints.hold_norms()
    net.train()
    norm = net.joints.first.norm
    before = norm.running_mean.clone()
    branch_error(net, numbers, truth, CPU).backward()

    torch.testing.assert_close(net.joints(numbers)[1], wanted)
    assert torch.equal(norm.running_mean, before)
    assert norm.weight.grad.abs().sum() > 0


def test_half_of_the_draws_are_found_joints_where_there_are_some(pack):
    found = FoundJoints(torch.rand(5, 16, 3), torch.full((5, 17, 3), 7.0))
    both, alone = BranchDraws(pack, found), BranchDraws(None, found)

    of_found = [
        int((draws(9, np.random.default_rng(0))[1][..., 2] == 7).all(1).sum())
        for draws in (both, alone)
    ]

    assert of_found == [4, 9]
    assert both
    assert not BranchDraws(None, None)


def test_a_pack_without_poses_to_train_on_is_named(pack):
    other = replace(pack, clip_split=np.ones(3, int))
    with pytest.raises(BadInput) as failure:
        BranchDraws(other, None)
    assert str(failure.value) == ("the pack has no poses of split 0 to train on; give another pack")


def test_the_optimizers_order_does_not_depend_on_what_was_taught():
    net = FusionNet(TINY)
    taught, untaught = (_groups(net, SMALL, taught=taught) for taught in (True, False))

    order = [[id(p) for g in groups for p in g["params"]] for groups in (taught, untaught)]
    assert order[0] == order[1]
    branch = {id(p) for p in net.joints.parameters()}
    scales = [
        next(g.get("scale", 1.0) for g in groups if id(g["params"][0]) in branch)
        for groups in (taught, untaught)
    ]
    assert scales == [SMALL.joint_rate, 1.0]
