import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lift3d.poses import SKELETONS, convert_joints, get_skeleton
from lift3d.poses.errors import BadInput

NAMES = tuple(SKELETONS)


def numbered(name):
    """Return a pose (J, 2) whose joint j lies at (j, 10 j)."""
    j = np.arange(SKELETONS[name].n_joints, dtype=float)
    return np.stack([j, 10 * j], axis=-1)


def joint(converted, target, name):
    return converted.joints[get_skeleton(target).index(name)].tolist()


@pytest.mark.parametrize(
    ("source", "target", "name", "x"),
    [
        ("mpii16", "h36m17", "neck_nose", 8),  # upper neck
        ("coco17", "h36m17", "neck_nose", 0),  # nose
        ("body25", "h36m17", "neck_nose", 0),  # nose
        ("h36m17", "mpii16", "upper_neck", 9),  # neck_nose
        ("lsp14", "h36m17", "thorax", 12),  # neck
        ("body25", "mpii16", "thorax", 1),  # neck
        ("coco17", "h36m17", "thorax", 5.5),  # shoulders 5 and 6
        ("h36m17", "lsp14", "neck", 8),  # thorax
        ("blazepose33", "lsp14", "neck", 11.5),  # shoulders 11 and 12
        ("coco17", "h36m17", "pelvis", 11.5),  # hips 11 and 12
        ("body25", "h36m17", "pelvis", 8),  # its own
        ("kth14", "humaneva15", "head_top", 13),
    ],
)
def test_joints_come_by_name_alias_or_midpoint(source, target, name, x):
    converted = convert_joints(numbered(source), None, source, target)
    assert joint(converted, target, name) == [x, 10 * x]


@pytest.mark.parametrize(
    ("source", "target", "missing"),
    [
        ("coco17", "h36m17", ("spine", "head_top")),
        ("mpii16", "h36m17", ("spine",)),
        ("lsp14", "h36m17", ("spine", "neck_nose")),
        ("humaneva15", "h36m17", ("spine", "neck_nose")),
        ("coco17", "mpii16", ("upper_neck", "head_top")),
        ("h36m17", "coco17", ("nose", "left_eye", "right_eye", "left_ear", "right_ear")),
        ("kth14", "lsp14", ()),
        ("coco17", "lsp14", ("head_top",)),
    ],
)
def test_what_the_source_cannot_supply_is_listed_and_nan(source, target, missing):
    converted = convert_joints(numbered(source), None, source, target)
    absent = np.isnan(converted.joints).all(axis=-1)
    names = tuple(np.array(get_skeleton(target).joints)[absent])
    assert converted.missing == names == missing
    np.testing.assert_array_equal(converted.confidence, np.where(absent, 0.0, 1.0))


def test_midpoint_has_the_smaller_confidence():
    confidence = np.ones(17)
    confidence[11], confidence[12] = 0.3, 0.8
    converted = convert_joints(numbered("coco17"), confidence, "coco17", "h36m17")
    assert converted.confidence[[0, 1, 4]].tolist() == [0.3, 0.8, 0.3]


def test_nan_stays_local_to_its_joint_and_to_midpoints_of_it():
    joints = np.stack([numbered("coco17")] * 2)
    joints[1, 11, 0] = np.nan  # left hip of the second pose
    converted = convert_joints(joints, None, "coco17", "h36m17")
    lost = np.isnan(converted.joints).all(axis=-1)
    assert np.argwhere(lost).tolist() == [[0, 7], [0, 10], [1, 0], [1, 4], [1, 7], [1, 10]]
    np.testing.assert_array_equal(converted.confidence, np.where(lost, 0.0, 1.0))


def test_equal_skeletons_copy_every_joint():
    joints = numbered("h36m17")
    converted = convert_joints(joints, None, "h36m17", get_skeleton("h36m17"))
    np.testing.assert_array_equal(converted.joints, joints)


def test_float32_stays_float32_and_the_input_unchanged():
    joints = numbered("coco17").astype(np.float32)
    joints[3, 1] = np.nan
    before = joints.copy()
    converted = convert_joints(joints, None, "coco17", "h36m17")
    assert converted.joints.dtype == converted.confidence.dtype == np.float32
    np.testing.assert_array_equal(joints, before)


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 2**32 - 1))
def test_flipping_and_converting_commute(source, target, seed):
    joints = np.random.default_rng(seed).normal(size=(SKELETONS[source].n_joints, 3))
    flip_first = convert_joints(joints[SKELETONS[source].flip_index], None, source, target)
    flip_last = convert_joints(joints, None, source, target)
    expected = flip_last.joints[SKELETONS[target].flip_index]
    np.testing.assert_array_equal(flip_first.joints, expected)


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 2**32 - 1))
def test_a_batch_equals_a_loop(source, target, seed):
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(2, 3, SKELETONS[source].n_joints, 2))
    confidence = rng.uniform(size=joints.shape[:-1])
    batch = convert_joints(joints, confidence, source, target)
    for i in np.ndindex(2, 3):
        one = convert_joints(joints[i], confidence[i], source, target)
        np.testing.assert_array_equal(batch.joints[i], one.joints)
        np.testing.assert_array_equal(batch.confidence[i], one.confidence)


@pytest.mark.parametrize(
    ("joints", "confidence", "message"),
    [
        (
            np.zeros((1, 17, 2)),
            None,
            "joints must have shape (..., 16, D) for skeleton 'mpii16', got (1, 17, 2); "
            "17 joints have the skeletons 'h36m17', 'coco17'",
        ),
        (
            np.zeros(16),
            None,
            "joints must have shape (..., 16, D) for skeleton 'mpii16', got (16,)",
        ),
        (
            np.zeros((1, 16, 2)),
            np.ones(16),
            "confidence must have shape (1, 16) as joints (1, 16, 2) have, got (16,); "
            "give one value a joint",
        ),
        (
            np.zeros((16, 2)),
            np.full(16, np.nan),
            "confidence must not be NaN for a joint that was found; "
            "give 0 where it is unknown whether a joint is right",
        ),
        ([["left"]], None, "joints must be an array of numbers, got [['left']]"),
    ],
)
def test_convert_rejects_arrays_that_do_not_fit(joints, confidence, message):
    with pytest.raises(BadInput) as error:
        convert_joints(joints, confidence, "mpii16", "h36m17")
    assert str(error.value) == message
