import pickle

import numpy as np
import pytest

from lift3d.poses import SKELETONS, Skeleton, get_skeleton
from lift3d.poses.errors import BadInput

SIZES = {
    "h36m17": 17,
    "coco17": 17,
    "mpii16": 16,
    "lsp14": 14,
    "humaneva15": 15,
    "kth14": 14,
    "blazepose33": 33,
    "body25": 25,
}


def test_there_are_eight_skeletons_of_the_official_sizes():
    assert {name: len(skeleton) for name, skeleton in SKELETONS.items()} == SIZES


def test_h36m17_has_the_published_parents_and_pairs():
    skeleton = get_skeleton("h36m17")
    assert skeleton.parents == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
    assert skeleton.pairs == ((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16))


@pytest.mark.parametrize(
    ("name", "joint", "index"),
    [
        ("coco17", "right_ankle", 16),
        ("mpii16", "upper_neck", 8),
        ("lsp14", "head_top", 13),
        ("humaneva15", "right_ankle", 13),
        ("kth14", "neck", 12),
        ("blazepose33", "left_hip", 23),
        ("blazepose33", "right_foot_index", 32),
        ("body25", "pelvis", 8),
        ("body25", "right_heel", 24),
    ],
)
def test_joints_stand_at_their_official_index(name, joint, index):
    assert get_skeleton(name).index(joint) == index


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_every_joint_but_the_root_is_the_child_of_one_bone(skeleton):
    children = sorted(child for _, child in skeleton.bones)
    assert children == [j for j in range(len(skeleton)) if j != skeleton.root]


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_flip_index_exchanges_the_sides_and_nothing_else(skeleton):
    swap = {"left": "right", "right": "left"}
    for joint, other in zip(skeleton.joints, skeleton.flip_index, strict=True):
        side, _, point = joint.partition("_")
        assert skeleton.joints[other] == (f"{swap[side]}_{point}" if side in swap else joint)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_the_tree_is_its_own_mirror_image(skeleton):
    flip = skeleton.flip_index
    mirrored = {(flip[parent], flip[child]) for parent, child in skeleton.bones}
    assert mirrored == set(skeleton.bones)


def test_flip_index_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        get_skeleton("coco17").flip_index[0] = 3


def test_skeletons_survive_pickling():
    skeleton = get_skeleton("mpii16")
    copy = pickle.loads(pickle.dumps(skeleton))
    assert copy == skeleton
    np.testing.assert_array_equal(copy.flip_index, skeleton.flip_index)


def test_get_skeleton_returns_a_skeleton_as_it_is():
    own = Skeleton("stick", ("a", "b"), (-1, 0), ())
    assert get_skeleton(own) is own


def test_unknown_skeleton_lists_the_closest_first_and_then_all():
    with pytest.raises(BadInput) as error:
        get_skeleton("coco18")
    assert str(error.value) == (
        "no skeleton is called 'coco18'; there are 'coco17', 'h36m17', 'mpii16', 'lsp14', "
        "'humaneva15', 'kth14', 'blazepose33', 'body25'"
    )


def test_unknown_joint_lists_the_closest_first():
    with pytest.raises(BadInput) as error:
        Skeleton("stick", ("hip", "knee"), (-1, 0), ()).index("nee")
    assert str(error.value) == "skeleton 'stick' has no joint 'nee'; it has 'knee', 'hip'"


@pytest.mark.parametrize(
    ("joints", "parents", "pairs", "message"),
    [
        (
            ("a", "a"),
            (-1, 0),
            (),
            "skeleton 'stick' names a joint twice; give each joint one name",
        ),
        (
            ("a", "b"),
            (-1,),
            (),
            "parents must have one entry for each of the 2 joints of skeleton 'stick', got 1; "
            "the root's entry is -1",
        ),
        (
            ("a", "b", "c"),
            (-1, 2, 1),
            (),
            "parents of skeleton 'stick' must lead every joint to one root (-1), got (-1, 2, 1); "
            "check for a second -1, a cycle or an index >= 3",
        ),
        (
            ("a", "b"),
            (-1, 0),
            ((0, 2),),
            "pairs of skeleton 'stick' must be (left, right) indices below 2, each in one pair, "
            "got ((0, 2),); leave joints in the middle out",
        ),
    ],
)
def test_skeleton_rejects_what_is_no_tree(joints, parents, pairs, message):
    with pytest.raises(BadInput) as error:
        Skeleton("stick", joints, parents, pairs)
    assert str(error.value) == message
