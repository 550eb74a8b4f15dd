import pytest
import torch

from lift3d.lifting.consensus import solve_consensus
from lift3d.lifting.joint_groups import group_membership
from lift3d.poses.errors import BadInput
from lift3d.training.group_loss import GroupLoss

ALL = tuple(range(17))


def loss_of(groups, aggregation=0.0, together=0.0):
    return GroupLoss(groups, aggregation=aggregation, together=together, device=torch.device("cpu"))


def test_a_whole_body_off_by_a_shift_costs_nothing():
    truth = torch.randn(4, 17, 3)

    loss = loss_of((ALL,), aggregation=1.0, together=1.0)(truth[:, None] + 5, truth)

    assert loss.item() == pytest.approx(0, abs=2e-4)


def test_the_loss_is_the_mean_distance_of_the_centred_joints():
    truth = torch.zeros(1, 17, 3)
    lifted = torch.zeros(1, 1, 17, 3)
    lifted[0, 0, 0] = torch.tensor([0.0, 3.0, 4.0])  # the mean moves by 5 / 17 with it

    loss = loss_of((ALL,))(lifted, truth)

    assert loss.item() == pytest.approx((5 * 16 / 17 + 16 * 5 / 17) / 17, rel=1e-3)


def test_groups_that_agree_on_a_wrong_pose_pay_for_the_pose_alone():
    truth, wrong = torch.zeros(1, 17, 3), torch.randn(1, 17, 3)
    groups = (tuple(range(12)), tuple(range(5, 17)))
    lifted = torch.stack([wrong[:, list(group)] for group in groups], dim=1)
    lifted[:, 1] += 7  # each group stands where it likes

    with_, without = (loss_of(groups, w)(lifted, truth) for w in (1.0, 0.0))

    assert with_.item() == pytest.approx(without.item(), abs=2e-4)


def test_groups_that_disagree_pay_the_distance_from_their_best_compromise():
    truth = torch.zeros(1, 17, 3)
    lifted = torch.zeros(1, 2, 17, 3)
    lifted[0, 0, 3, 0], lifted[0, 1, 3, 0] = 1.0, -1.0  # compromise at 0

    with_, without = (loss_of((ALL, ALL), w)(lifted, truth) for w in (1.0, 0.0))

    assert without.item() > 0.05
    assert with_.item() == pytest.approx(2 * without.item(), rel=1e-3)


def test_one_group_has_nobody_to_agree_with():
    truth, lifted = torch.zeros(1, 17, 3), torch.randn(1, 1, 17, 3)

    with_, without = (loss_of((ALL,), w, w)(lifted, truth) for w in (1.0, 0.0))

    assert with_.item() == without.item()


def test_the_common_pose_is_compared_relative_to_the_root():
    truth = torch.zeros(1, 17, 3)
    lifted = torch.zeros(1, 2, 17, 3)
    lifted[0, :, 3, 0] = torch.tensor([17.0, -17.0])  # they cancel in the common pose
    apart = loss_of((ALL, ALL), together=1.0)(lifted, truth)
    lifted[0, :, 3, 0] = 17.0  # 17 mm for one joint of 17
    agreed = loss_of((ALL, ALL), together=1.0)(lifted, truth)

    alone = loss_of((ALL, ALL))(lifted, truth)
    assert apart.item() == pytest.approx(alone.item(), abs=1e-3)
    assert agreed.item() == pytest.approx(alone.item() + 1.0, abs=1e-3)


def test_groups_that_were_used_for_lifting_before_can_be_trained():
    groups = (tuple(range(11)), tuple(range(6, 17)))
    with torch.inference_mode():
        solve_consensus(torch.randn(2, 2, 17, 3), group_membership(groups, 17))
    lifted = torch.randn(3, 2, 11, 3, requires_grad=True)

    loss_of(groups, 1.0, 1.0)(lifted, torch.randn(3, 17, 3)).backward()

    assert lifted.grad.abs().sum() > 0


def test_joints_in_another_order_are_refused():
    with pytest.raises(BadInput, match=r"rising order, got \(2, 0, 1\); `given_groups` sorts"):
        loss_of(((0, 1, 2), (2, 0, 1)))
