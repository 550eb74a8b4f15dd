"""Maps of the image stream, read where the joints lie."""

import torch

from lift3d.models.joint_glance import CHANNELS, JointGlance

SIZES = (4, 8)


def known_places():
    """Return maps whose two channels hold x and y as parts of the side."""
    grids = []
    for side in SIZES:
        at = (torch.arange(side) + 0.5) / side
        grids.append(torch.stack(torch.meshgrid(at, at, indexing="xy"))[None])
    return grids


def test_each_layer_is_read_at_the_joint():
    glance = JointGlance([2, 2])
    with torch.no_grad():
        for k, linear in enumerate(glance.maps):
            glance.norms[k] = torch.nn.Identity()
            linear.weight.zero_()
            linear.bias.zero_()
            linear.weight[2 * k, 0] = linear.weight[2 * k + 1, 1] = 1.0

    places = torch.tensor([[[0.3, 0.6], [0.75, 0.25]]])
    seen = glance(known_places(), places, torch.ones(1, 2)).view(2, CHANNELS)

    torch.testing.assert_close(seen[:, :4], places[0].repeat(1, 2))
    assert (seen[:, 4:] == 0).all()


def test_a_joint_that_is_not_there_shows_nothing():
    seen = JointGlance([2, 2])(known_places(), torch.rand(1, 3, 2), torch.tensor([[0.5, 0.0, 1.0]]))

    assert seen.view(3, CHANNELS).ne(0).any(1).tolist() == [True, False, True]


def test_autocast_does_not_round_it():
    torch.manual_seed(0)
    glance, places = JointGlance([2, 2]), torch.rand(1, 3, 2)
    with torch.autocast("cpu", torch.bfloat16):
        seen = glance(known_places(), places, torch.ones(1, 3))

    assert torch.equal(seen, glance(known_places(), places, torch.ones(1, 3)))
