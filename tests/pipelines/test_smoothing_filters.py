"""The filters under the smoothers: against scipy's, against dense algebra, and by hand."""

import numpy as np
import pytest
from scipy.signal import savgol_filter

from lift3d import BadInput, get_skeleton
from lift3d.pipelines.gaps import GAP_TRUST, fill_gaps, neighbours
from lift3d.pipelines.one_euro import OneEuro, smoothing_share
from lift3d.pipelines.smoothing_lengths import restore_lengths, squared_noise
from lift3d.pipelines.zero_phase import butterworth, savitzky_golay, steps

RNG_SEED = 0


def signal(values):
    """Return values (T,) as one signal of one channel (T, 1, 1)."""
    return np.asarray(values, float)[:, None, None]


def amplitude(fps, hertz, order):
    """Return by how much a wave over 20 seconds is multiplied, and its part out of phase."""
    t = np.arange(int(20 * fps)) / fps
    wave = np.sin(2 * np.pi * hertz * t)
    smooth = butterworth(t, signal(wave), np.ones((len(t), 1)), cutoff_hz=5, order=order)[:, 0, 0]
    inner = (t >= 5) & (t < 15)
    sine, cosine = (f(2 * np.pi * hertz * t[inner]) for f in (np.sin, np.cos))
    return 2 * np.mean(smooth[inner] * sine), 2 * np.mean(smooth[inner] * cosine)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("hertz", [1.0, 2.0, 5.0, 8.0])
def test_the_response_is_that_of_butterworth_there_and_back(order, hertz):
    gain, shifted = amplitude(120, hertz, order)
    assert gain == pytest.approx(1 / (1 + (hertz / 5) ** (2 * order)), abs=2e-3)
    assert shifted == pytest.approx(0, abs=1e-6)


def test_the_cutoff_is_halved_at_video_rates_too():
    for fps in (25, 30):
        assert amplitude(fps, 5.0, 3)[0] == pytest.approx(0.5, abs=0.005)


def test_parabolas_and_waves_at_uneven_times_pass():
    t = np.cumsum(np.random.default_rng(RNG_SEED).uniform(0.01, 0.08, 150))
    parabola = 3 - 20 * t + 5 * t**2
    smooth = butterworth(t, signal(parabola), np.ones((150, 1)), cutoff_hz=5)
    np.testing.assert_allclose(smooth[:, 0, 0], parabola, atol=1e-4)


def test_two_samples_of_different_weight_and_their_mean():
    # cutoff near 0: what is left is a parabola through both; order 2, a line; weights do not matter
    t, w = np.array([0.0, 0.04]), np.array([[1.0], [0.2]])
    smooth = butterworth(t, signal([1.0, 3.0]), w, cutoff_hz=5, order=2)
    np.testing.assert_allclose(smooth[:, 0, 0], [1, 3], atol=1e-5)


def test_a_sample_of_weight_zero_does_not_count_even_if_it_is_nan():
    t, rng = np.arange(50) / 25, np.random.default_rng(RNG_SEED)
    y, w = signal(rng.normal(size=50)), np.ones((50, 1))
    w[20] = 0
    wild, lost = y.copy(), y.copy()
    wild[20], lost[20] = 1e6, np.nan
    a, b = (butterworth(t, x, w, cutoff_hz=5) for x in (wild, lost))
    np.testing.assert_allclose(a, b)
    assert np.isfinite(a).all()


def test_the_banded_solution_equals_a_dense_smoothing_spline():
    # order 2 is the cubic smoothing spline: scipy's minimises sum w (y - f)^2 + lam int f''^2
    from scipy.interpolate import make_smoothing_spline

    rng = np.random.default_rng(RNG_SEED)
    t = np.cumsum(rng.uniform(0.02, 0.06, 60))
    y, w = rng.normal(size=60), rng.uniform(0.2, 1, 60)
    spline = make_smoothing_spline(t, y, w=w * steps(t), lam=(2 * np.pi * 5) ** -4.0)
    ours = butterworth(t, signal(y), w[:, None], cutoff_hz=5, order=2)[:, 0, 0]
    np.testing.assert_allclose(ours, spline(t), atol=1e-6)


def test_signals_are_filtered_apart():
    t, rng = np.arange(40) / 25, np.random.default_rng(RNG_SEED)
    y, w = rng.normal(size=(40, 3, 2)), rng.uniform(0.1, 1, (40, 3))
    w[:, 2] = 0
    batch = butterworth(t, y, w, cutoff_hz=5)
    for s in range(2):
        alone = butterworth(t, y[:, s : s + 1], w[:, s : s + 1], cutoff_hz=5)
        np.testing.assert_allclose(batch[:, s], alone[:, 0])
    assert np.isnan(batch[:, 2]).all()


def test_savitzky_golay_equals_scipys_on_even_samples():
    t, y = np.arange(60) / 25, np.random.default_rng(RNG_SEED).normal(size=60)
    ours = savitzky_golay(t, signal(y), np.ones((60, 1)), window_s=8 / 25, degree=3)[:, 0, 0]
    np.testing.assert_allclose(ours, savgol_filter(y, 9, 3), atol=1e-5)


def test_savitzky_golay_passes_cubics_at_uneven_times_and_any_weights():
    rng = np.random.default_rng(RNG_SEED)
    t = np.cumsum(rng.uniform(0.02, 0.06, 80))
    cubic = 1 + 2 * t - t**2 + 0.5 * t**3
    smooth = savitzky_golay(t, signal(cubic), rng.uniform(0.1, 1, (80, 1)), window_s=0.4)
    np.testing.assert_allclose(smooth[:, 0, 0], cubic, atol=1e-5)


def test_gaps_are_filled_on_a_line_up_to_the_limit():
    t = np.array([0.0, 0.1, 0.2, 0.4, 1.4, 1.5])
    y = signal([0, np.nan, np.nan, 8, np.nan, 3])
    w = np.array([0.4, 0, 0, 0.8, 0, 1.0])[:, None]
    filled, weights = fill_gaps(t, y, w, 0.5)
    np.testing.assert_allclose(filled[:4, 0, 0], [0, 2, 4, 8])
    assert np.isnan(filled[4, 0, 0])  # 1.1 s from sample to sample
    np.testing.assert_allclose(weights[:, 0], [0.4, GAP_TRUST * 0.5, GAP_TRUST * 0.6, 0.8, 0, 1])


def test_gaps_at_the_ends_stay():
    found = np.array([[False], [True], [False]])
    assert np.isnan(neighbours(np.arange(3.0), found, 9.0)[2][[0, 2]]).all()


def test_one_euro_at_rest_is_a_first_order_low_pass():
    filter_, dt = OneEuro(1.0, 0.0, 1.0), 1 / (2 * np.pi)  # it moves half the way in each step
    given = [0.0, 8.0, 8.0, 8.0]
    out = [filter_.update(np.array([[x]]), np.ones(1), dt)[0][0, 0] for x in given]
    np.testing.assert_allclose(out, [0, 4, 6, 7])


def test_one_euro_by_hand_with_a_speed():
    filter_, dt = OneEuro(1.0, 0.5, 1.0), 1 / (2 * np.pi)
    filter_.update(np.array([[0.0]]), np.ones(1), dt)
    speed = 0.5 * 1.0 / dt  # half the way to the change of 1 in dt
    expected = smoothing_share(1.0 + 0.5 * speed, dt)
    out, moved = filter_.update(np.array([[1.0]]), np.ones(1), dt)
    assert out[0, 0] == pytest.approx(float(expected))
    assert moved[0] == pytest.approx(float(expected))


def test_one_euro_counts_confidence_relative_to_the_usual_one():
    moved = []
    for usual in (0.9, 0.3):
        filter_ = OneEuro(1.0, 0.0, 1.0)
        for _ in range(5):
            filter_.update(np.zeros((1, 1)), np.array([usual]), 0.04)
        moved.append(filter_.update(np.ones((1, 1)), np.array([usual / 3]), 0.04)[1][0])
    assert moved[0] == pytest.approx(moved[1])
    assert moved[0] == pytest.approx(float(smoothing_share(1.0, 0.04 / 3)), rel=1e-6)


def test_one_euro_waits_for_a_lost_signal_and_then_follows_by_the_longer_step():
    filter_ = OneEuro(1.0, 0.0, 1.0)
    filter_.update(np.zeros((1, 1)), np.ones(1), 0.04)
    lost, moved = filter_.update(np.full((1, 1), np.nan), np.zeros(1), 0.04)
    assert np.isnan(lost).all()
    assert moved[0] == 0
    moved = filter_.update(np.ones((1, 1)), np.ones(1), 0.04)[1]
    assert moved[0] == pytest.approx(float(smoothing_share(1.0, 0.08)))


def test_noise_of_bones_is_estimated_and_motion_is_not_taken_for_it():
    h36m17, rng = get_skeleton("h36m17"), np.random.default_rng(RNG_SEED)
    t = np.arange(4000) / 25
    body = rng.normal(0, 300, (17, 3)) + 40 * t[:, None, None]
    noise = squared_noise(t, body + rng.normal(0, 5, (4000, 17, 3)), h36m17)
    assert noise[:, 3].mean() == pytest.approx(2 * 3 * 25, rel=0.1)  # two ends, three axes
    assert noise[:, 0].max() == 0
    np.testing.assert_allclose(squared_noise(t, body, h36m17), 0, atol=1e-12)


def test_bones_are_only_stretched_and_never_by_more_than_half():
    h36m17 = get_skeleton("h36m17")
    joints = np.cumsum(np.ones((17, 3)), 0) * 10
    own = np.linalg.norm(joints[1] - joints[0])
    longer = np.zeros(17)
    longer[1], longer[4] = (1.2 * own) ** 2, 1e9
    result = restore_lengths(joints, longer, h36m17)
    assert np.linalg.norm(result[1] - result[0]) == pytest.approx(1.2 * own)
    before = np.linalg.norm(joints[4] - joints[0])
    assert np.linalg.norm(result[4] - result[0]) == pytest.approx(1.5 * before)
    np.testing.assert_allclose(result[7:], joints[7:])  # no length given: left alone


def test_another_filter_is_refused():
    from lift3d.pipelines.smoothing import OfflineSmoother

    with pytest.raises(BadInput, match="method must be"):
        OfflineSmoother(method="kalman")
