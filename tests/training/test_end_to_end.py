import pytest
import torch
from torch import nn

from lift3d.detectors.crop_inference import raw_confidence, to_maps
from lift3d.detectors.heatmap import decode_expectation
from lift3d.lifting.joint_groups import random_groups
from lift3d.lifting.joint_inputs import joint_inputs
from lift3d.models.encoder_hourglass import EncoderHourglass, EncoderHourglassConfig
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.residual_mlp import ResidualMLP, ResidualMLPConfig
from lift3d.poses import convert_joints
from lift3d.poses.errors import BadInput
from lift3d.training.end_to_end import EndToEnd, EndToEndLoss
from lift3d.training.group_loss import GroupLoss

GROUPS = random_groups(17, size=13, least=2, seed=0)


@pytest.fixture
def make():
    def build(frozen=0, output="softmax"):
        torch.manual_seed(0)
        config = HourglassConfig(stacks=2, features=16, output=output, depth=2)
        lifters = ResidualMLPConfig(39, 39, width=16, groups=len(GROUPS), dropout=0.0)
        net = EndToEnd(StackedHourglass(config), ResidualMLP(lifters), GROUPS, "mpii16", frozen)
        loss = EndToEndLoss(
            GroupLoss(GROUPS, aggregation=1.0, together=0.0, device=torch.device("cpu")),
            output,
            stride=4,
        )
        return net, loss

    return build


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return torch.randn(4, 3, 64, 64), 64 * torch.rand(4, 16, 2), 300 * torch.randn(4, 17, 3)


def gradient(module):
    return sum(p.grad.abs().sum().item() for p in module.parameters() if p.grad is not None)


def test_one_graph_gives_maps_joints_and_hypotheses(make, batch):
    found = make()[0](batch[0])

    assert [tuple(score.shape) for score in found.scores] == [(4, 16, 16, 16)] * 2
    assert found.joints_px.shape == (4, 16, 2)
    assert found.lifted.shape == (4, len(GROUPS), 13, 3)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_the_lifters_get_the_joints_and_confidences_that_the_two_stages_apart_give(
    make, batch, output
):
    net = make(output=output)[0].eval()
    net = EndToEnd(net.detector, net.lifters, GROUPS, "lsp14").eval()  # its pelvis is a midpoint
    net.detector.stacks[-1].score = torch.nn.Conv2d(16, 14, 1)
    taken = []
    net.lifters.register_forward_pre_hook(lambda module, inputs: taken.append(inputs[0]))

    with torch.no_grad():
        scores = net.detector(batch[0])[-1]
        found = net(batch[0])

    maps = to_maps(scores, output)
    sure = raw_confidence(maps, decode_expectation(maps), output).numpy()
    apart = convert_joints(found.joints_px.numpy(), sure, "lsp14", "h36m17")
    wanted = joint_inputs(torch.tensor(apart.joints), torch.tensor(apart.confidence)).features
    index = torch.tensor(GROUPS)
    torch.testing.assert_close(taken[0], wanted[:, index].flatten(2), rtol=1e-4, atol=1e-4)


def test_the_3d_losses_alone_send_gradients_into_the_hourglass(make, batch):
    net, loss = make()
    images, _, joints_mm = batch

    loss.groups(net(images).lifted, joints_mm / 250).backward()

    assert gradient(net.detector.conv) > 0
    assert gradient(net.detector.stacks[0]) > 0
    assert gradient(net.lifters) > 0


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "linear"])
def test_some_steps_lower_the_end_to_end_loss(make, batch, output):
    net, loss = make(output=output)
    images, joints_px, joints_mm = batch
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(12):
        value = loss(net(images), joints_px, joints_mm)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())

    assert losses[-1] < 0.98 * losses[0]


def test_alpha_weighs_the_2d_loss(make, batch):
    net, loss = make()
    found = net.eval()(batch[0])
    others = loss.groups(found.lifted, batch[2] / 250)

    parts = [EndToEndLoss(loss.groups, "softmax", 4, a)(found, *batch[1:]) for a in (1.0, 100.0)]

    torch.testing.assert_close(parts[1] - others, 100 * (parts[0] - others))


def test_what_is_frozen_neither_learns_nor_moves_its_statistics(make, batch):
    net, loss = make(frozen=1)
    images, joints_px, joints_mm = batch
    before = {key: value.clone() for key, value in net.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 1e-2)

    net.train()
    loss(net(images), joints_px, joints_mm).backward()
    optimizer.step()

    same = {key for key, value in net.state_dict().items() if torch.equal(value, before[key])}
    assert all(key in same for key in before if key.startswith("detector.stacks.0."))
    assert all(key in same for key in before if key.startswith("detector.conv."))
    assert "detector.stacks.1.score.weight" not in same
    assert "lifters.last.weight" not in same


def test_more_frozen_stacks_than_there_are_is_named(make):
    with pytest.raises(BadInput) as failure:
        make(frozen=3)

    assert str(failure.value) == "frozen must be from 0 to the hourglass's 2 stacks, got 3"


def test_a_network_with_an_encoder_is_not_frozen_in_part():
    net = EncoderHourglass(EncoderHourglassConfig(features=16, stacks=2))
    with pytest.raises(BadInput, match="only a stacked hourglass without an encoder"):
        EndToEnd(net, nn.Identity(), GROUPS, "mpii16", frozen=1)
