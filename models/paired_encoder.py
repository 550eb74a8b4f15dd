"""Two published encoders side by side: what one does not know of people, the other may."""

import torch
from torch import Tensor, nn

from .blazepose_encoder import BlazePoseEncoder
from .efficientnet_lite import EfficientNetLite
from .movenet_encoder import MoveNetEncoder

Encoder = BlazePoseEncoder | MoveNetEncoder | EfficientNetLite


class PairedEncoder(nn.Module):
    """Two encoders that look at the same image; the maps of each scale are stacked.

    Args:
        first: of a network that was trained already; in a training it stays as it is.
        second: begins with published weights, and learns.

    >>> from .encoders import build_encoder
    >>> pair = build_encoder("blazepose+movenet-thunder")
    >>> pair.channels
    (64, 88, 256, 2144)
    """

    def __init__(self, first: Encoder, second: Encoder) -> None:
        super().__init__()
        self.parts = nn.ModuleList([first, second])
        self.channels = tuple(a + b for a, b in zip(first.channels, second.channels, strict=True))

    def hold(self) -> None:
        """Stop learning in the first encoder, and in the second what it holds itself."""
        first, second = self.parts
        first.requires_grad_(False)
        second.hold()  # type: ignore[operator]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to maps of a quarter, 1/8, 1/16 and 1/32 of their size."""
        return [
            torch.cat(maps, 1) for maps in zip(*(part(images) for part in self.parts), strict=True)
        ]
