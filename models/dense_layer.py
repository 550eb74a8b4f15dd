"""A fully connected layer as the fusion network has them."""

from torch import Tensor, nn
from torch.nn import functional


class DenseLayer(nn.Module):
    """Fully connected layer, batch norm, ReLU, dropout; maps are laid out in a row first."""

    def __init__(self, width_in: int, width_out: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.map = nn.Linear(width_in, width_out, bias=not batch_norm)
        self.norm: nn.Module = nn.BatchNorm1d(width_out) if batch_norm else nn.Identity()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, ...) with width_in numbers each to (N, width_out)."""
        x = functional.relu(self.norm(self.map(x.flatten(1))))
        return functional.dropout(x, self.dropout, self.training) if self.dropout else x
