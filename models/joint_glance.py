"""What the image stream's maps hold where the joints lie."""

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 48  # of each joint


class JointGlance(nn.Module):
    """Read maps of several sizes at the joints, and make a few numbers of each joint.

    A network that sees its maps as a whole must learn where each joint is before it can say
    anything of it; here the joints' places are known.

    Args:
        widths: channels of each layer's maps.

    >>> glance = JointGlance([8, 4])
    >>> layers = [torch.zeros(2, 8, 6, 6), torch.zeros(2, 4, 3, 3)]
    >>> glance(layers, torch.zeros(2, 16, 2), torch.ones(2, 16)).shape
    torch.Size([2, 768])
    """

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.maps = nn.ModuleList(nn.Linear(width, CHANNELS) for width in widths)

    def forward(self, layers: list[Tensor], places: Tensor, height: Tensor) -> Tensor:
        """Return (N, J * CHANNELS), 0 for joints that are not there; float32 even under autocast.

        Args:
            layers: (N, width, S, S) each, of any sizes.
            places: (N, J, 2) from 0 to 1 of the maps' sides, x and y.
            height: (N, J), 0 where there is no joint.
        """
        with torch.autocast(places.device.type, enabled=False):
            grid = (2 * places - 1)[:, :, None]
            seen = sum(
                linear(norm(_read(layer.float(), grid)))
                for layer, norm, linear in zip(layers, self.norms, self.maps, strict=True)
            )
            return (functional.relu(seen) * (height > 0)[..., None]).flatten(1)


def _read(layer: Tensor, grid: Tensor) -> Tensor:
    """Return (N, J, width) of maps (N, width, S, S) at places (N, J, 1, 2) from -1 to 1."""
    read = functional.grid_sample(layer, grid, align_corners=False, padding_mode="border")
    return read[..., 0].mT
