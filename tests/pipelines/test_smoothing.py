"""Smooth motion: response, lag, chunks, gaps, confidence, turning bodies, both smoothers."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d import BadInput, Pose2D, Pose3D, get_skeleton
from lift3d.pipelines.frame import Frame
from lift3d.pipelines.gaps import GAP_TRUST
from lift3d.pipelines.smoothing import LiveSmoother, OfflineSmoother
from lift3d.pipelines.smoothing_offline import _stretches
from lift3d.poses import WeakPerspective

H36M17 = get_skeleton("h36m17")
RIGHT_WRIST, RIGHT_ELBOW = H36M17.index("right_wrist"), H36M17.index("right_elbow")

# A standing body in camera axes, y down, mm, in the order of h36m17.
X = [0, -100, -110, -110, 100, 110, 110, 0, 0, 0, 0, 160, 180, 190, -160, -180, -190]
Y = [0, 0, 420, 840, 0, 420, 840, -230, -470, -560, -680, -450, -180, 60, -450, -180, 60]
BODY = np.stack([X, Y, np.zeros(17)], -1).astype(float)


def person(joints_mm, identity=0, confidence=1.0, root_mm=(0.0, 0.0, 4000.0)):
    trust = np.broadcast_to(np.asarray(confidence, float), 17).copy()
    joints_px = 0.25 * joints_mm[:, :2] + 500
    box = np.array([400, 300, 600, 700.0])
    pose2d = Pose2D(joints_px, trust, H36M17, box, score=0.8, person_id=identity)
    camera = WeakPerspective(0.25, np.array([500.0, 500.0]))
    root = None if root_mm is None else np.asarray(root_mm, float)
    return Pose3D(joints_mm, trust, H36M17, camera=camera, root_mm=root, pose2d=pose2d)


def clip(joints_mm, fps, **settings):
    return [Frame(k, k / fps, [person(j, **settings)]) for k, j in enumerate(joints_mm)]


def run(smoother, frames):
    if isinstance(smoother, LiveSmoother):
        return [smoother.update(frame) for frame in frames]
    done = [ready for frame in frames for ready in smoother.push(frame)]
    return done + smoother.finish()


def joints_of(frames, row=0):
    return np.stack([frame.people[row].joints_mm for frame in frames])


def acceleration(joints_mm):
    return np.linalg.norm(np.diff(joints_mm, 2, axis=0), axis=-1)[30:-10].mean()


def noisy_still(fps, sigma_mm, seconds=10, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma_mm, (int(seconds * fps), 17, 3))
    joints = BODY + noise
    return joints - joints[:, :1]


def waving(fps, hertz=2.0, amplitude_mm=150.0, seconds=10):
    """Return a person whose right forearm swings about the elbow, and the wrist's angle."""
    t = np.arange(int(seconds * fps)) / fps
    angle = amplitude_mm / 240 * np.sin(2 * np.pi * hertz * t)
    joints = np.repeat(BODY[None], len(t), 0)
    swing = 240 * np.stack([np.sin(angle), np.cos(angle), 0 * angle], -1)
    joints[:, RIGHT_WRIST] = joints[:, RIGHT_ELBOW] + swing
    return t, joints


def wave(t, joints_mm, hertz=2.0):
    """Return the complex amplitude of the wrist's x at a frequency over whole seconds."""
    inside = (t >= 2) & (t < 8)
    return np.mean(joints_mm[inside, RIGHT_WRIST, 0] * np.exp(-2j * np.pi * hertz * t[inside]))


def lag_and_gain(t, raw, smooth, fps, hertz=2.0):
    ratio = wave(t, smooth, hertz) / wave(t, raw, hertz)
    return -np.angle(ratio) / (2 * np.pi * hertz) * fps, abs(ratio)


SMOOTHERS = {
    "offline": OfflineSmoother,
    "savitzky-golay": lambda: OfflineSmoother(method="savitzky-golay"),
    "live": LiveSmoother,
}


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize("name", SMOOTHERS)
@pytest.mark.parametrize("sigma_mm", [5, 20])
def test_a_still_person_jitters_a_quarter_at_most(name, fps, sigma_mm):
    raw = noisy_still(fps, sigma_mm)
    smooth = joints_of(run(SMOOTHERS[name](), clip(raw, fps)))
    assert acceleration(smooth) <= 0.25 * acceleration(raw)


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize(
    ("name", "most_lag", "least_gain"),
    [("offline", 0.05, 0.98), ("savitzky-golay", 0.05, 0.95), ("live", 2.5, 0.6)],
)
def test_a_wave_of_two_hertz_lags_and_shrinks_little(name, most_lag, least_gain, fps):
    t, raw = waving(fps)
    lag, gain = lag_and_gain(t, raw, joints_of(run(SMOOTHERS[name](), clip(raw, fps))), fps)
    assert abs(lag) <= most_lag
    assert least_gain <= gain <= 1.02


@pytest.mark.parametrize("name", ["offline", "savitzky-golay"])
def test_frames_come_out_in_order_and_with_bounded_delay(name):
    smoother, waiting = SMOOTHERS[name](), []
    most, done = 0.0, []
    for frame in clip(noisy_still(25, 5, seconds=12), 25):
        waiting.append(frame)
        ready = smoother.push(frame)
        done += ready
        del waiting[: len(ready)]
        most = max(most, frame.time_s - waiting[0].time_s)
    assert most <= smoother.delay_s + 1e-6
    done += smoother.finish()
    assert [frame.index for frame in done] == list(range(300))
    assert smoother.finish() == []


@pytest.mark.parametrize("name", ["offline", "savitzky-golay"])
def test_a_stream_that_begins_later_gives_the_same_numbers_once_in_reach(name):
    frames = clip(noisy_still(25, 20, seconds=12), 25)
    whole = joints_of(run(SMOOTHERS[name](), frames))
    later = joints_of(run(SMOOTHERS[name](), frames[80:260]))
    delay = int(25 * SMOOTHERS[name]().delay_s) + 1
    inner = slice(80 + delay, 260 - delay)
    assert np.array_equal(whole[inner], later[delay : 180 - delay])


def test_the_stream_equals_the_filter_over_the_whole_clip():
    raw = noisy_still(25, 20, seconds=12)
    frames, whole = clip(raw, 25), OfflineSmoother()
    stream = joints_of(run(OfflineSmoother(), frames))
    (stretch,) = _stretches(frames, 0.5)
    reference = np.stack([pose.joints_mm for pose in whole._smooth(frames, stretch)])
    np.testing.assert_allclose(stream, reference, atol=1e-3)


def test_frames_of_uneven_times_are_smoothed_at_their_times():
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.uniform(0.02, 0.06, 250))
    raw = np.repeat(BODY[None], 250, 0)
    raw[:, RIGHT_WRIST, 2] = 100 * np.sin(2 * np.pi * t)
    frames = [Frame(k, float(t[k]), [person(raw[k])]) for k in range(250)]
    smooth = joints_of(run(OfflineSmoother(), frames))
    np.testing.assert_allclose(smooth[10:-10, RIGHT_WRIST, 2], raw[10:-10, RIGHT_WRIST, 2], atol=3)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_the_bones_of_a_fast_turning_body_do_not_shrink(name):
    fps, angle = 25, 2 * np.pi * 1.5 * np.arange(200) / 25  # one and a half turns a second
    c, s, zero = np.cos(angle), np.sin(angle), np.zeros(200)
    turn = np.moveaxis(np.array([[c, zero, s], [zero, zero + 1, zero], [-s, zero, c]]), -1, 0)
    raw = BODY @ np.swapaxes(turn, 1, 2)
    smooth = joints_of(run(SMOOTHERS[name](), clip(raw, fps)))
    shoulders = np.linalg.norm(smooth[:, 11] - smooth[:, 14], axis=-1)[30:-30]
    assert shoulders.min() > 0.97 * 320


@pytest.mark.parametrize("name", SMOOTHERS)
def test_bones_of_a_noisy_still_body_do_not_grow(name):
    smooth = joints_of(run(SMOOTHERS[name](), clip(noisy_still(25, 20), 25)))[50:]
    hip = np.linalg.norm(smooth[:, 1], axis=-1).mean()
    assert 97 < hip < 110  # the raw ones have 104: noise lengthens


def test_raw_poses_are_kept_beside_the_smoothed_ones():
    raw = noisy_still(25, 10, seconds=4)
    frames = clip(raw, 25)
    for name in SMOOTHERS:
        for frame, smooth in zip(frames, run(SMOOTHERS[name](), frames), strict=True):
            assert smooth.raw == frame.people
            assert smooth.people[0].pose2d is frame.people[0].pose2d
            assert smooth.time_s == frame.time_s


def with_gap(first, last, fps=25, frames=150):
    """Return a person raising the right wrist evenly, missing from frame `first` to `last`."""
    joints = np.repeat(BODY[None], frames, 0)
    joints[:, RIGHT_WRIST, 1] += 4.0 * np.arange(frames)
    return [
        replace(frame, people=[] if first <= frame.index <= last else frame.people)
        for frame in clip(joints, fps, confidence=0.8)
    ]


def test_a_short_gap_is_filled_and_marked():
    done = run(OfflineSmoother(), with_gap(60, 69))  # 0.44 s from sighting to sighting
    for frame in done[60:70]:
        (pose,) = frame.people
        assert frame.raw == [None]
        assert pose.pose2d.person_id == 0
        np.testing.assert_allclose(pose.confidence, 0.8 * GAP_TRUST)
        assert pose.joints_mm[RIGHT_WRIST, 1] == pytest.approx(60 + 4 * frame.index, abs=1)
        assert pose.camera.scale_px_per_mm == pytest.approx(0.25)
        np.testing.assert_allclose(pose.root_mm, [0, 0, 4000], atol=1e-3)
    assert done[59].raw != [None]
    assert done[70].raw != [None]


def test_a_longer_gap_stays_open_and_the_filter_starts_anew():
    frames = with_gap(60, 80)  # 0.88 s
    done = run(OfflineSmoother(), frames)
    assert [len(frame.people) for frame in done] == [len(frame.people) for frame in frames]
    alone = run(OfflineSmoother(), frames[81:])
    np.testing.assert_allclose(joints_of(done[81:]), joints_of(alone), atol=1e-6)


def test_a_joint_that_is_missed_for_a_moment_is_filled():
    raw = np.repeat(BODY[None], 100, 0)
    frames = clip(raw, 25)
    frames[50] = replace(
        frames[50], people=[person(np.where(np.arange(17)[:, None] == 16, np.nan, BODY))]
    )
    pose = run(OfflineSmoother(), frames)[50].people[0]
    np.testing.assert_allclose(pose.joints_mm[16], BODY[16], atol=1e-6)
    assert pose.confidence[16] == pytest.approx(GAP_TRUST)
    live = run(LiveSmoother(), frames)[50].people[0]
    assert np.isnan(live.joints_mm[16]).all()
    assert np.isfinite(live.joints_mm[15]).all()


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_wild_joint_of_low_confidence_does_little_harm(name):
    raw = np.repeat(BODY[None], 100, 0)
    raw[50, RIGHT_WRIST] += [300, 0, 0]
    sure, unsure = clip(raw, 25), clip(raw, 25)
    unsure[50] = replace(
        unsure[50], people=[person(raw[50], confidence=1 - 0.95 * (np.arange(17) == 16))]
    )
    harm = [
        abs(joints_of(run(SMOOTHERS[name](), frames))[:, RIGHT_WRIST, 0] + 190).max()
        for frames in (sure, unsure)
    ]
    assert harm[1] < 0.25 * harm[0]


def test_two_people_are_smoothed_apart_and_come_in_the_order_of_their_identity():
    raw = [noisy_still(25, 10, seconds=4, seed=seed) for seed in (1, 2)]
    both = [
        Frame(k, k / 25, [person(raw[1][k], 5), person(raw[0][k], 2)]) for k in range(len(raw[0]))
    ]
    done = run(OfflineSmoother(), both)
    alone = joints_of(run(OfflineSmoother(), clip(raw[0], 25)))
    assert [pose.pose2d.person_id for pose in done[0].people] == [2, 5]
    np.testing.assert_allclose(joints_of(done), alone, atol=1e-9)


def test_people_without_identity_pass_unchanged():
    pose = replace(person(BODY), pose2d=None)
    for name in SMOOTHERS:
        (frame,) = run(SMOOTHERS[name](), [Frame(0, 0.0, [pose])])
        assert frame.people == frame.raw == [pose]


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_clip_of_one_frame_comes_back_as_it_was(name):
    (frame,) = run(SMOOTHERS[name](), clip(BODY[None], 25))
    pose = frame.people[0]
    np.testing.assert_allclose(pose.joints_mm, BODY, atol=1e-6)
    np.testing.assert_allclose(pose.root_mm, [0, 0, 4000], atol=1e-6)
    np.testing.assert_allclose(pose.camera.offset_px, [500, 500], atol=1e-6)


@pytest.mark.parametrize("name", SMOOTHERS)
def test_root_and_camera_are_smoothed_without_lag_of_a_steady_walk(name):
    rng = np.random.default_rng(0)
    frames = []
    for k in range(200):
        root = np.array([10.0 * k - 1000, 0, 4000]) * (1 + 0.02 * rng.normal())
        frames.append(Frame(k, k / 25, [person(BODY, root_mm=root)]))
    done = run(SMOOTHERS[name](), frames)
    raw, smooth = (np.stack([f.people[0].root_mm for f in fs]) for fs in (frames, done))
    jitter = [np.diff(roots[:, 2], 2)[30:-10].std() for roots in (raw, smooth)]
    assert jitter[1] < 0.25 * jitter[0]
    if name != "live":
        true = (10.0 * np.arange(200) - 1000) / 4000
        np.testing.assert_allclose((smooth[:, 0] / smooth[:, 2])[10:-10], true[10:-10], atol=1e-3)


def test_a_hole_in_the_video_does_not_stop_the_stream():
    frames = clip(np.repeat(BODY[None], 20, 0), 25)
    late = [replace(frame, index=frame.index + 20, time_s=frame.time_s + 5000) for frame in frames]
    assert len(run(OfflineSmoother(), frames + late)) == 40


def test_memory_does_not_grow_with_the_video():
    smoother = OfflineSmoother()
    most = 0
    for k in range(1500):
        smoother.push(Frame(k, k / 25, []))
        most = max(most, len(smoother._frames))
    assert most <= 25 * (2 * smoother.delay_s) + 2  # a block and its reach, before and after


@pytest.mark.parametrize("name", ["offline", "live"])
def test_time_that_goes_back_is_refused(name):
    with pytest.raises(BadInput) as error:
        run(SMOOTHERS[name](), [Frame(0, 1.0, []), Frame(1, 0.5, [])])
    assert str(error.value) == (
        "time_s of frame 1 must be finite and not before the last frame's 1.0, got 0.5; "
        "give one smoother the frames of one video in order"
    )


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (OfflineSmoother, {"cutoff_hz": 0.0}, "cutoff_hz must be above 0, got 0.0"),
        (OfflineSmoother, {"window_s": -1.0}, "window_s must be above 0, got -1.0"),
        (OfflineSmoother, {"max_gap_s": -1.0}, "max_gap_s must be 0 or more, got -1.0"),
        (LiveSmoother, {"rise": float("nan")}, "rise must be 0 or more, got nan"),
        (LiveSmoother, {"min_cutoff_hz": 0.0}, "min_cutoff_hz must be above 0, got 0.0"),
        (
            OfflineSmoother,
            {"method": "median"},
            "method must be 'butterworth' or 'savitzky-golay', got 'median'",
        ),
    ],
)
def test_settings_out_of_range_are_refused(kind, settings, message):
    with pytest.raises(BadInput) as error:
        kind(**settings)
    assert str(error.value) == message


@pytest.mark.parametrize("method", ["butterworth", "savitzky-golay"])
def test_a_joint_that_is_missed_moves_no_other(method):
    knee = H36M17.index("left_knee")
    frames = clip(np.repeat(BODY[None], 100, 0), 25)
    for k in [*range(3), *range(40, 70)]:
        joints_mm, confidence = BODY.copy(), np.ones(17)
        joints_mm[knee], confidence[knee] = np.nan, 0
        frames[k] = Frame(k, k / 25, [person(joints_mm, confidence=confidence)])
    others = [j for j in range(17) if j != knee]
    smooth = joints_of(run(OfflineSmoother(method=method), frames))[:, others]
    assert np.abs(smooth - BODY[others]).max() < 0.01
