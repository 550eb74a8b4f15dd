"""The course of a fusion over the training (Tekin et al. 2017, figure 4)."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..pipelines.picture_strokes import Colour, draw_line, draw_text
from ..pipelines.writers import write_png
from ..poses.errors import BadInput, DecodeError

WIDTH, HEIGHT, EDGE = 1400, 520, 90
_FRAME: Colour = (176, 176, 176)
_TEXT: Colour = (40, 40, 40)
_ALPHA: Colour = (230, 159, 0)
_BETA: Colour = (0, 114, 178)


def plot_fusion(log: Path, picture: Path) -> None:
    """Draw alpha and beta, and the weights w_l, over the samples of a training.

    Values that are not finite are gaps.

    Args:
        log: the training's `log.jsonl`.
        picture: PNG file to write.

    Raises:
        DecodeError: the log is missing or damaged.
        BadInput: it is of a training without trainable fusion.
    """
    rows = [row for row in read_log(log) if "alpha" in row]
    if not rows:
        raise BadInput(f"{log} has no alpha and beta; only trainable fusion learns them")
    layers = sum(key.startswith("w") and key[1:].isdecimal() for key in rows[0])
    seen = [row["seen"] for row in rows]
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    middle = WIDTH // 2
    both = [([row["alpha"] for row in rows], _ALPHA), ([row["beta"] for row in rows], _BETA)]
    title = "alpha (orange), beta (blue)"
    _panel(canvas, (EDGE, middle - EDGE // 2), seen, both, _limits(both), title)
    weights = [([row[f"w{k}"] for row in rows], _shade(k, layers)) for k in range(1, layers + 1)]
    title = f"w_1 (dark) to w_{layers} (bright)"
    _panel(canvas, (middle + EDGE, WIDTH - EDGE // 2), seen, weights, (0.0, 1.0), title)
    write_png(picture, canvas)


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows of a training's log.

    Raises:
        DecodeError: the file is missing or damaged.
    """
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise DecodeError(f"{path} is no log of a training ({error})") from None


def _limits(lines: Sequence[tuple[list[float], Colour]]) -> tuple[float, float]:
    """Return the least and the greatest finite value of the lines; 0 is between them."""
    values = np.array([values for values, _ in lines], float)
    finite = values[np.isfinite(values)]
    return float(finite.min(initial=0.0)), float(finite.max(initial=0.0))


def _panel(
    canvas: np.ndarray,
    span: tuple[int, int],
    seen: Sequence[float],
    lines: Sequence[tuple[list[float], Colour]],
    limits: tuple[float, float],
    title: str,
) -> None:
    """Draw lines over the samples into the canvas, from limit to limit, between two columns."""
    bottom, top = limits
    left, right, high, low = *span, EDGE, HEIGHT - EDGE
    last = max(seen)
    for part in (0.0, 0.5, 1.0):
        y = low + part * (high - low)
        draw_line(canvas, np.array([left, y]), np.array([right, y]), _FRAME, 1)
        draw_text(
            canvas, f"{bottom + part * (top - bottom):.2f}", (left - 8, y + 6), 13, _TEXT, align=1.0
        )
        x = left + part * (right - left)
        align = 1.0 if part == 1.0 else 0.5  # a long number would leave the picture
        draw_text(canvas, f"{part * last:,.0f}", (x, low + 28), 13, _TEXT, align=align)
    draw_text(canvas, title, ((left + right) / 2, high - 24), 15, _TEXT, align=0.5)
    draw_text(canvas, "samples", ((left + right) / 2, low + 58), 13, _TEXT, align=0.5)
    for values, colour in lines:
        across = left + np.asarray(seen) / max(last, 1) * (right - left)
        up = low + (np.asarray(values) - bottom) / max(top - bottom, 1e-9) * (high - low)
        points = np.stack([across, up], -1)
        finite = np.isfinite(up)
        for k in np.flatnonzero(finite[:-1] & finite[1:]):
            draw_line(canvas, points[k], points[k + 1], colour, 3)
        for end in points[finite][-1:]:
            draw_line(canvas, end, end, colour, 9)  # a log of one row is a dot


def _shade(layer: int, layers: int) -> Colour:
    """Return the colour of a layer's line, from dark blue to orange."""
    part = (layer - 1) / max(1, layers - 1)
    dark, bright = np.array([20, 40, 90]), np.array([245, 170, 40])
    r, g, b = np.round(dark + part * (bright - dark)).astype(int)
    return int(r), int(g), int(b)
