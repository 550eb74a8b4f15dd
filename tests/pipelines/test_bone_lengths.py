"""Constant bone lengths: medians, sides, memory, poses that keep their directions."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d import BadInput, Pose2D, Pose3D, get_skeleton
from lift3d.pipelines.bone_lengths import BoneLengths, bone_lengths_mm, with_lengths
from lift3d.pipelines.frame import Frame

H36M17 = get_skeleton("h36m17")
BODY = np.random.default_rng(0).normal(0, 200, (17, 3))
BODY -= BODY[0]


def pose(joints_mm, identity=0, confidence=None):
    trust = np.ones(17) if confidence is None else confidence
    pose2d = Pose2D(np.zeros((17, 2)), np.ones(17), H36M17, person_id=identity)
    return Pose3D(joints_mm, trust, H36M17, pose2d=pose2d)


def stretched(factor):
    """Return the body with every bone's length multiplied."""
    return with_lengths(BODY, factor * bone_lengths_mm(BODY, H36M17), H36M17)


def test_new_lengths_keep_every_direction_and_the_root():
    lengths = np.linspace(100, 260, 17)
    result = with_lengths(BODY, lengths, H36M17)
    np.testing.assert_allclose(bone_lengths_mm(result, H36M17)[1:], lengths[1:])
    np.testing.assert_array_equal(result[0], BODY[0])
    for parent, child in H36M17.bones:
        a, b = (x[child] - x[parent] for x in (BODY, result))
        assert a @ b == pytest.approx(np.linalg.norm(a) * np.linalg.norm(b))


def test_a_batch_gives_what_single_poses_give():
    lengths = np.random.default_rng(1).uniform(50, 300, (4, 17))
    batch = with_lengths(np.stack([BODY] * 4), lengths, H36M17)
    for k in range(4):
        np.testing.assert_allclose(batch[k], with_lengths(BODY, lengths[k], H36M17))


def test_a_missing_joint_stays_missing_and_its_child_stays_in_place():
    body = BODY.copy()
    body[2] = np.nan
    result = with_lengths(body, np.full(17, 100.0), H36M17)
    assert np.isnan(result[2]).all()
    np.testing.assert_array_equal(result[3], BODY[3])


def test_lengths_are_medians_over_all_frames_left_and_right_as_one():
    bones = BoneLengths()
    for k, factor in enumerate([0.9, 1.0, 1.1, 1.02, 5.0]):
        bones.add(Frame(k, k / 25, [pose(stretched(factor))]))
    own = bone_lengths_mm(BODY, H36M17)
    assert bones.lengths_mm(0)[8] == pytest.approx(1.02 * own[8], rel=2e-3)
    hips = sorted([f * own[j] for f in (0.9, 1.0, 1.1, 1.02, 5.0) for j in (1, 4)])
    assert hips[4] * 0.995 <= bones.lengths_mm(0)[1] <= hips[5] * 1.005
    assert bones.lengths_mm(0)[1] == bones.lengths_mm(0)[4]


def test_sightings_of_low_confidence_count_less():
    bones = BoneLengths()
    for k in range(9):
        trust, factor = (0.1, 2.0) if k < 6 else (0.9, 1.0)
        bones.add(Frame(k, k / 25, [pose(stretched(factor), confidence=np.full(17, trust))]))
    assert bones.lengths_mm(0)[8] == pytest.approx(bone_lengths_mm(BODY, H36M17)[8], rel=3e-3)


def test_the_order_of_the_frames_does_not_matter():
    frames = [Frame(0, k / 25, [pose(stretched(f))]) for k, f in enumerate((1, 1.2, 0.8, 0.95))]
    results = []
    for order in (frames, frames[::-1]):
        bones = BoneLengths()
        for frame in order:
            bones.add(replace(frame, time_s=0.0))
        results.append(bones.lengths_mm(0))
    np.testing.assert_array_equal(*results)


def test_after_two_passes_every_frame_has_the_same_lengths():
    rng = np.random.default_rng(2)
    frames = [
        Frame(k, k / 25, [pose(stretched(rng.uniform(0.9, 1.1)), 3), pose(BODY * 1.3, 4)])
        for k in range(30)
    ]
    bones = BoneLengths()
    for frame in frames:
        bones.add(frame)
    done = [bones.apply(frame) for frame in frames]
    lengths = np.array([[bone_lengths_mm(p.joints_mm, H36M17) for p in f.people] for f in done])
    assert np.ptp(lengths, axis=0).max() < 1e-6
    assert (lengths[0, 1, 1:] > 1.15 * lengths[0, 0, 1:]).all()  # people are measured apart


def test_live_lengths_settle():
    bones, rng = BoneLengths(), np.random.default_rng(3)
    lengths = []
    for k in range(200):
        done = bones.update(Frame(k, k / 25, [pose(stretched(rng.uniform(0.8, 1.2)))]))
        lengths.append(bone_lengths_mm(done.people[0].joints_mm, H36M17)[8])
    own = bone_lengths_mm(BODY, H36M17)[8]
    assert np.ptp(lengths[100:]) < 0.03 * own
    assert lengths[-1] == pytest.approx(own, rel=0.05)


def test_filled_poses_do_not_count():
    bones = BoneLengths()
    bones.add(Frame(0, 0.0, [pose(BODY)], raw=[pose(BODY)]))
    for k in range(1, 5):
        bones.add(Frame(k, k / 25, [pose(2 * BODY)], raw=[None]))
    assert bones.lengths_mm(0)[8] == pytest.approx(bone_lengths_mm(BODY, H36M17)[8], rel=3e-3)


def test_people_who_are_gone_keep_their_lengths_and_little_memory():
    bones = BoneLengths()
    for k in range(100):
        bones.add(Frame(k, 3.0 * k, [pose(BODY, identity=k)]))
    assert len(bones._people) <= 5
    assert bones.lengths_mm(0)[8] == pytest.approx(bone_lengths_mm(BODY, H36M17)[8], rel=3e-3)


def test_people_not_measured_stay_and_asking_for_them_is_an_error():
    bones = BoneLengths()
    frame = Frame(0, 0.0, [pose(BODY, identity=9), replace(pose(BODY), pose2d=None)])
    assert bones.apply(frame).people == frame.people
    with pytest.raises(BadInput) as error:
        bones.lengths_mm(9)
    assert str(error.value) == "no person 9 was measured; add their frames first"
