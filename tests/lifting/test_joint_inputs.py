import torch

from lift3d.lifting.joint_inputs import joint_inputs


def square():
    return torch.tensor([[[0.0, 0], [4, 0], [4, 4], [0, 4]]], dtype=torch.float64)


def test_a_square_is_moved_to_its_middle_and_divided_by_its_radius():
    made = joint_inputs(square(), torch.ones(1, 4, dtype=torch.float64))

    assert made.centre_px.tolist() == [[2.0, 2.0]]
    torch.testing.assert_close(made.unit_px, torch.tensor([8.0**0.5], dtype=torch.float64))
    side = 0.5**0.5
    expected = [[-side, -side, 1], [side, -side, 1], [side, side, 1], [-side, side, 1]]
    torch.testing.assert_close(made.features[0], torch.tensor(expected, dtype=torch.float64))


def test_neither_the_place_nor_the_size_in_the_image_counts():
    joints = torch.randn(3, 17, 2, dtype=torch.float64)
    confidence = torch.rand(3, 17, dtype=torch.float64)

    one = joint_inputs(joints, confidence).features
    two = joint_inputs(250 * joints + 1000, confidence).features

    torch.testing.assert_close(one, two)


def test_hidden_joints_are_zero_and_count_for_nothing():
    joints = torch.cat([square(), torch.full((1, 2, 2), torch.nan, dtype=torch.float64)], dim=1)
    joints[0, 5] = 1e6
    confidence = torch.tensor([[1.0, 1, 1, 1, 1, 0]], dtype=torch.float64)

    made = joint_inputs(joints, confidence)

    assert made.features[0, 4:].tolist() == [[0, 0, 0], [0, 0, 0]]
    torch.testing.assert_close(
        made.features[:, :4], joint_inputs(square(), confidence[:, :4]).features
    )


def test_confidences_weigh_the_middle():
    made = joint_inputs(square(), torch.tensor([[1.0, 0.5, 0.5, 1.0]], dtype=torch.float64))

    torch.testing.assert_close(made.centre_px, torch.tensor([[4 / 3, 2.0]], dtype=torch.float64))


def test_three_joints_or_one_point_are_not_usable():
    few = torch.tensor([[1.0, 1, 1, 0]], dtype=torch.float64)
    point = torch.full((1, 4, 2), 7.0, dtype=torch.float64)

    assert not joint_inputs(square(), few).usable.item()
    assert not joint_inputs(point, torch.ones(1, 4)).usable.item()
    assert joint_inputs(point, torch.ones(1, 4)).features[..., :2].abs().max() == 0


def test_gradients_reach_the_joints():
    joints = square().requires_grad_()
    weights = torch.tensor([[1.0, 0.7, 0.2, 0.9]], dtype=torch.float64)

    assert torch.autograd.gradcheck(lambda j: joint_inputs(j, weights).features, joints)
