import pytest
import torch

from lift3d.models.residual_mlp import FusedMLP, GroupedLinear, ResidualMLP, ResidualMLPConfig


def test_one_network_of_16_joints_has_the_parameters_of_the_literature():
    net = ResidualMLP(ResidualMLPConfig(inputs=32, outputs=48))

    assert sum(p.numel() for p in net.parameters()) == 4_291_632


def test_groups_at_once_give_what_each_network_gives_alone():
    torch.manual_seed(0)
    layer = GroupedLinear(groups=3, inputs=4, outputs=2)
    x = torch.randn(5, 3, 4)

    alone = [x[:, g] @ layer.weight[g] + layer.bias[g] for g in range(3)]

    torch.testing.assert_close(layer(x), torch.stack(alone, dim=1))


def test_a_group_does_not_see_another_groups_inputs():
    torch.manual_seed(0)
    net = ResidualMLP(ResidualMLPConfig(inputs=4, outputs=2, width=8, groups=2)).eval()
    x = torch.randn(3, 2, 4)
    changed = x.clone()
    changed[:, 1] += 1

    assert torch.equal(net(x)[:, 0], net(changed)[:, 0])
    assert not torch.equal(net(x)[:, 1], net(changed)[:, 1])


def test_each_group_has_a_batch_norm_of_its_own():
    torch.manual_seed(0)
    net = ResidualMLP(ResidualMLPConfig(inputs=4, outputs=2, width=8, groups=2, dropout=0.0))
    x = torch.randn(64, 2, 4)
    scaled = x.clone()
    scaled[:, 1] *= 100

    torch.testing.assert_close(net(x)[:, 0], net(scaled)[:, 0])


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    net = ResidualMLP(ResidualMLPConfig(inputs=4, outputs=2, width=64))
    x = torch.randn(8, 1, 4)

    assert not torch.equal(net(x), net(x))
    assert torch.equal(net.eval()(x), net.eval()(x))


def test_the_fused_networks_give_what_the_trained_ones_give():
    torch.manual_seed(0)
    net = ResidualMLP(ResidualMLPConfig(inputs=6, outputs=5, width=16, groups=3, dropout=0.0))
    for _ in range(20):  # batch statistics other than 0 and 1
        net(3 + 2 * torch.randn(32, 3, 6))
    net.eval()
    x = torch.randn(7, 3, 6)

    fused = FusedMLP.of(net)(x.transpose(0, 1))  # (G, N, inputs)

    torch.testing.assert_close(fused.transpose(0, 1), net(x), rtol=1e-4, atol=1e-4)


def test_every_weight_gets_a_gradient():
    net = ResidualMLP(ResidualMLPConfig(inputs=4, outputs=2, width=8, groups=2, dropout=0.0))

    net(torch.randn(16, 2, 4)).square().sum().backward()

    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("largest", [0.5, 1.0])
def test_limited_norms_are_at_most_the_limit_and_small_ones_stay(largest):
    net = ResidualMLP(ResidualMLPConfig(inputs=2, outputs=2, width=2, blocks=0))
    net.last.weight.data = torch.tensor([[[3.0, 0.1], [4.0, 0.0]]])  # norms 5 and 0.1

    net.limit_norms(largest)

    expected = torch.tensor([[[0.6 * largest, 0.1], [0.8 * largest, 0.0]]])
    torch.testing.assert_close(net.last.weight.data, expected)
