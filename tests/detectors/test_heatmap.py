"""Heatmaps on 5 x 5 tables worked by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lift3d.detectors.heatmap import (
    DECODERS,
    cells_to_px,
    decode,
    decode_argmax,
    decode_dark,
    decode_expectation,
    decode_quadratic,
    encode_gaussian,
    local_mass,
    px_to_cells,
    softmax_maps,
)
from lift3d.poses.errors import BadInput

A, B, C, D, E = (math.exp(-k / 2) for k in (1, 2, 4, 5, 8))

# A Gaussian of variance 1 at cell (2, 2): exp(-distance^2 / 2).
CENTRED = torch.tensor(
    [
        [E, D, C, D, E],
        [D, B, A, B, D],
        [C, A, 1, A, C],
        [D, B, A, B, D],
        [E, D, C, D, E],
    ]
)

CROSS = torch.tensor(
    [
        [0.0, 0, 0, 0, 0],
        [0.0, 0, 2, 0, 0],
        [0.0, 1, 4, 3, 0],
        [0.0, 0, 2, 0, 0],
        [0.0, 0, 0, 0, 0],
    ]
)


def test_encode_gives_the_table_worked_by_hand():
    maps = encode_gaussian(torch.tensor([2.0, 2.0]), (5, 5), variance=1.0)
    torch.testing.assert_close(maps, CENTRED)


def test_encode_puts_x_on_columns_and_y_on_rows():
    maps = encode_gaussian(torch.tensor([[1.0, 3.0]]), (5, 4))
    assert maps.shape == (1, 5, 4)
    assert maps[0, 3, 1] == 1


def test_encode_of_a_missing_joint_is_zero_and_stays_local():
    maps = encode_gaussian(torch.tensor([[math.nan, 2.0], [2.0, 2.0]]), (5, 5))
    assert (maps[0] == 0).all()
    torch.testing.assert_close(maps[1], CENTRED)


def test_normalised_encoding_sums_to_one_even_at_the_border():
    maps = encode_gaussian(torch.tensor([[0.0, 0.0], [2.3, 3.9]]), (5, 5), normalise=True)
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(2))


def test_encode_rejects_three_coordinates():
    with pytest.raises(BadInput) as error:
        encode_gaussian(torch.zeros(4, 3), (5, 5))
    assert str(error.value) == "cells must have shape (..., 2), got (4, 3)"


def test_encode_rejects_a_variance_of_zero():
    with pytest.raises(BadInput, match=r"^variance must be positive, got 0$"):
        encode_gaussian(torch.zeros(4, 2), (5, 5), variance=0)


def test_argmax_gives_x_before_y():
    maps = torch.zeros(2, 3, 4, 6)
    maps[1, 2, 3, 5] = 1
    assert decode_argmax(maps)[1, 2].tolist() == [5, 3]


def test_quadratic_gives_the_vertex_worked_by_hand():
    # x: parabola through 1, 4, 3 -> 0.5 * (1 - 3) / (1 - 8 + 3) = 0.25; y is symmetric.
    assert decode_quadratic(CROSS).tolist() == [2.25, 2.0]


def test_dark_takes_the_newton_step_worked_by_hand():
    # Logs: x 0, ln 4, ln 3 -> slope ln(3) / 2, bend ln 3 - 2 ln 4; corners ln(1e-10) cancel in dxy.
    step = -(math.log(3) / 2) / (math.log(3) - 2 * math.log(4))
    x, y = decode_dark(CROSS).tolist()
    assert x == pytest.approx(2 + step, abs=1e-5)
    assert y == 2


@settings(max_examples=50, deadline=None)
@given(st.floats(2, 8), st.floats(2, 6), st.floats(0.5, 4))
def test_dark_is_exact_for_any_gaussian_away_from_the_border(x, y, variance):
    cells = torch.tensor([x, y], dtype=torch.float64)
    maps = encode_gaussian(cells, (9, 11), variance)
    np.testing.assert_allclose(decode_dark(maps), cells, atol=1e-6)


def test_dark_with_blur_still_finds_a_gaussian():
    cells = torch.tensor([5.3, 4.6], dtype=torch.float64)
    maps = encode_gaussian(cells, (11, 11), 1.0)
    np.testing.assert_allclose(decode_dark(maps, blur_variance=1.0), cells, atol=0.02)


@pytest.mark.parametrize("decode_refined", [decode_dark, decode_quadratic])
def test_at_the_border_the_argmax_is_kept(decode_refined):
    maps = encode_gaussian(torch.tensor([0.2, 2.0]), (5, 5))
    assert decode_refined(maps).tolist() == [0, 2]


def test_expectation_is_the_mean_worked_by_hand():
    # CROSS sums to 12; x: (1 * 1 + 2 * 8 + 3 * 3) / 12 = 26 / 12; y: (1 * 2 + 2 * 8 + 3 * 2) / 12.
    assert decode_expectation(CROSS).tolist() == pytest.approx([26 / 12, 2.0])


def test_expectation_does_not_care_about_the_maps_scale():
    torch.testing.assert_close(decode_expectation(CROSS), decode_expectation(7 * CROSS))


def test_expectation_has_the_gradient_worked_by_hand():
    # d x / d h[q] = (q_x - x) / sum(h): equation 13 is a weighted mean.
    maps = CROSS.clone().requires_grad_()
    decode_expectation(maps)[0].backward()
    columns = torch.arange(5.0).expand(5, 5)
    expected = (columns - 26 / 12) / 12
    positive = CROSS > 0
    torch.testing.assert_close(maps.grad[positive], expected[positive])


def test_expectation_passes_gradcheck():
    maps = encode_gaussian(torch.tensor([1.7, 2.2], dtype=torch.float64), (5, 5)).requires_grad_()
    assert torch.autograd.gradcheck(decode_expectation, maps)


def test_expectation_of_an_empty_map_is_nan():
    assert decode_expectation(torch.zeros(5, 5)).isnan().all()


@pytest.mark.parametrize("method", DECODERS)
def test_every_decoder_finds_the_centre_and_keeps_leading_axes(method):
    maps = CENTRED.expand(3, 2, 5, 5)
    torch.testing.assert_close(decode(maps, method), torch.full((3, 2, 2), 2.0))


def test_decode_rejects_an_unknown_method():
    with pytest.raises(BadInput) as error:
        decode(CENTRED, "median")
    assert str(error.value) == (
        "method must be one of argmax, quadratic, dark, expectation, got 'median'"
    )


def test_softmax_maps_sum_to_one_over_the_map():
    maps = softmax_maps(torch.randn(2, 3, 4, 5))
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(2, 3))


def test_local_mass_sums_the_square_around_a_position():
    maps = torch.zeros(5, 5)
    maps[2, 2], maps[0, 0], maps[4, 3] = 0.5, 0.2, 0.3
    assert local_mass(maps, torch.tensor([2.2, 1.9]), radius=1) == pytest.approx(0.5)
    assert local_mass(maps, torch.tensor([2.0, 2.0]), radius=2) == pytest.approx(1.0)
    assert local_mass(maps, torch.tensor([0.0, 0.0]), radius=1) == pytest.approx(0.2)


def test_the_first_cell_of_stride_4_lies_at_pixel_one_and_a_half():
    assert cells_to_px(torch.tensor([0.0, 2.0]), 4).tolist() == [1.5, 9.5]


def test_px_to_cells_undoes_cells_to_px():
    cells = torch.tensor([[0.25, 3.0], [7.5, -1.0]])
    torch.testing.assert_close(px_to_cells(cells_to_px(cells, 4), 4), cells)
