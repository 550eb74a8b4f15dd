"""Do the two streams of a fusion network say different things? (Tekin et al. 2017, figure 7)."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..models.fusion_net import FusionNet
from ..pipelines.picture_strokes import Colour, draw_text
from ..poses.errors import BadInput

_LEAST_SIDE_PX = 240
_MARGIN_PX = 24
_TEXT_PX = 9
_TEXT: Colour = (40, 40, 40)


@dataclass(frozen=True)
class StreamCorrelation:
    """Squared Pearson correlations between the features of both streams.

    Attributes:
        r_squared: (F, F) in 0..1, image features first, then those of the maps.
        n_image: how many of them are the image stream's.
        layer: the layer that they are of.
    """

    r_squared: np.ndarray
    n_image: int
    layer: int

    def means(self) -> dict[str, float]:
        """Return the mean over pairs within the image stream, within the map stream, and across.

        >>> StreamCorrelation(np.eye(3), 2, 4).means()
        {'image': 0.0, 'maps': nan, 'across': 0.0}
        """
        n, r = self.n_image, self.r_squared

        def within(block: np.ndarray) -> float:
            pairs = block[~np.eye(len(block), dtype=bool)]
            return float(pairs.mean()) if pairs.size else float("nan")

        return {
            "image": within(r[:n, :n]),
            "maps": within(r[n:, n:]),
            "across": float(r[:n, n:].mean()),
        }

    def picture(self, cell: int = 4) -> np.ndarray:
        """Return the matrix as a picture (H, W, 3): dark for 0, bright for 1, lines between.

        The streams' names stand above and to the left of their blocks, what the colours mean below.
        A feature is `cell` pixels wide, or more where there are few.
        """
        cell = max(cell, _LEAST_SIDE_PX // len(self.r_squared))
        large = _colours(self.r_squared.repeat(cell, 0).repeat(cell, 1))
        edge, side, m = self.n_image * cell, len(large), _MARGIN_PX
        large[edge - 1 : edge + 1] = large[:, edge - 1 : edge + 1] = 255
        canvas = np.full((side + 3 * m, side + 2 * m, 3), 255, np.uint8)
        canvas[m : m + side, m : m + side] = large
        _draw_scale(canvas[m + side :, m : m + side])
        _draw_names(canvas, (m + edge / 2, m + (edge + side) / 2))
        turned = np.ascontiguousarray(np.rot90(canvas, -1))
        _draw_names(turned, (2 * m + side - edge / 2, 2 * m + (side - edge) / 2))
        return np.ascontiguousarray(np.rot90(turned))


def _colours(values: np.ndarray) -> np.ndarray:
    """Return the colours (H, W, 3) of numbers (H, W) in 0..1."""
    grey = np.round(255 * values.clip(0, 1)).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)


def _draw_names(canvas: np.ndarray, middles_px: tuple[float, float]) -> None:
    """Write the streams' names above their blocks."""
    for name, x in zip(("image", "maps"), middles_px, strict=True):
        draw_text(canvas, name, (x, 0.7 * _MARGIN_PX), _TEXT_PX, _TEXT, align=0.5)


def _draw_scale(canvas: np.ndarray) -> None:
    """Draw the strip of colours from 0 to 1 and what it is of into the canvas below the matrix."""
    width = canvas.shape[1]
    canvas[8:18] = _colours(np.tile(np.linspace(0, 1, width), (10, 1)))
    for text, align in (("0", 0.0), ("squared correlation", 0.5), ("1", 1.0)):
        draw_text(canvas, text, (align * width, 34), _TEXT_PX, _TEXT, align=align)


@torch.inference_mode()
def stream_correlation(
    net: FusionNet, batches: Iterable[tuple[Tensor, Tensor]]
) -> StreamCorrelation:
    """Return how the features of the last convolutional layer of both streams go together.

    A feature is a channel; its values at all places of all images are what is correlated. A
    channel that never changes has correlation 0 with all others.

    Args:
        net: in evaluation mode, with layers in both streams; of a pruned network it is the
            last convolutional layer that is left in them.
        batches: images and maps as the network takes them.

    Raises:
        BadInput: a stream has no layer, or there are no images.
    """
    left = min(len(net.config.depth("image")), len(net.config.depth("maps")))
    layer = min(left, len(net.config.convs))
    if not layer:
        raise BadInput(
            f"this network's streams have no layer of their own (fusion "
            f"{net.config.fusion!r}); give one that was trained with a later fusion"
        )
    count, total, products = 0, torch.zeros(()), torch.zeros(())
    for images, maps in batches:
        image, other = net.stream_outputs(images, maps, layer)
        values = torch.cat([image, other], 1).double().movedim(1, -1).flatten(0, -2).cpu()
        count += len(values)
        total = total + values.sum(0)
        products = products + values.T @ values
    if not count:
        raise BadInput("there are no images to correlate the streams on; give some")
    mean = total / count
    covariance = products / count - mean[:, None] * mean
    deviation = covariance.diagonal().clamp_min(0).sqrt()
    still = deviation < 1e-9
    r = covariance / (deviation[:, None] * deviation).clamp_min(1e-18)
    r = torch.where(still[:, None] | still, 0.0, r)
    r.fill_diagonal_(1.0)
    n_image = net.config.width(layer, "image")
    return StreamCorrelation(r.square().clamp(0, 1).numpy(), n_image, layer)
