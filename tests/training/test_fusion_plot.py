"""The course of a fusion as a picture: below zero, with gaps, with long numbers."""

import json
import math

import numpy as np

from lift3d.pipelines.images import read_image
from lift3d.training.fusion_plot import EDGE, HEIGHT, WIDTH, plot_fusion

ALPHA, BETA = (230, 159, 0), (0, 114, 178)


def drawn_course(folder, alpha):
    """Return the picture (H, W, 3) of a training with these alphas."""
    rows = [
        {"seen": 10_000_000 * k, "alpha": value, "beta": -0.5, "w1": 0.5}
        for k, value in enumerate(alpha)
    ]
    log, picture = folder / "log.jsonl", folder / "course.png"
    log.write_text("\n".join(json.dumps(row) for row in rows))
    plot_fusion(log, picture)
    return read_image(picture)


def test_values_below_zero_are_between_the_axes(tmp_path):
    for alpha in ([-1.0, 0.2, 1.0], [-1.0, -2.0, -3.0]):
        drawn = drawn_course(tmp_path, alpha)
        y, _ = np.nonzero((drawn == ALPHA).all(axis=-1))
        assert y.min() >= EDGE - 5
        assert EDGE + 300 < y.max() <= HEIGHT - EDGE + 5
        y, _ = np.nonzero((drawn == BETA).all(axis=-1))
        assert EDGE + 20 < y.mean() < HEIGHT - EDGE - 20


def test_values_that_are_not_finite_are_gaps(tmp_path):
    drawn = drawn_course(tmp_path, [1.0, 1.0, math.nan, 1.0, math.inf])
    _, x = np.nonzero((drawn == ALPHA).all(axis=-1))
    quarter = (WIDTH // 2 - EDGE // 2 - EDGE) / 4
    assert x.min() < EDGE + 5
    assert len(x[(x > EDGE + 1.1 * quarter) & (x < EDGE + 2.9 * quarter)]) == 0
    assert abs(x.max() - EDGE - 3 * quarter) < 6  # a dot: the last that is finite


def test_the_last_number_of_samples_is_in_the_picture(tmp_path):
    drawn = drawn_course(tmp_path, [1.0] * 120)  # more than a thousand million samples
    assert (drawn[:, -EDGE // 2 + 8 :] == 255).all()
