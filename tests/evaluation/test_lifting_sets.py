from dataclasses import fields, replace

import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.evaluation.lifting import score_lifter, scores_by_kind
from lift3d.evaluation.lifting_sets import (
    CASES,
    height_mm,
    kind_of,
    lifting_set,
    read_lifting_set,
)
from lift3d.poses.errors import BadInput, DecodeError


@pytest.fixture
def pack():
    poses = np.random.default_rng(0).normal(0, 300, (60, 17, 3)).astype(np.float32)
    return MocapPack(
        poses_mm=poses,
        clip=np.repeat([0, 1, 2], 20),
        clip_names=np.array(["a", "b", "c"]),
        clip_subject=np.array([1, 2, 2]),
        clip_fps=np.full(3, 25.0),
        clip_grade=np.zeros(3, int),
        clip_split=np.array([0, 1, 1]),
        clip_description=np.array(["walk", "slow walk", "bend over"]),
    )


def test_a_set_has_the_validation_poses_with_their_kinds(pack):
    made = lifting_set(pack)

    assert made.joints_px.shape == (40, 17, 2)
    assert made.kind.tolist() == ["walking"] * 20 + ["everyday acts"] * 20
    assert (made.confidence == 1).all()
    np.testing.assert_array_equal(made.joints_mm[:, 0], 0)


def test_all_cases_show_the_same_views_of_the_same_poses(pack):
    sets = {case: lifting_set(pack, case) for case in CASES}

    for made in sets.values():
        np.testing.assert_array_equal(made.joints_mm, sets["true"].joints_mm)
    assert len({made.digest() for made in sets.values()}) == len(CASES)


def test_noise_has_the_stated_size(pack):
    true, noisy = lifting_set(pack), lifting_set(pack, "noise-5")
    off_mm = (noisy.joints_px - true.joints_px) * true.mm_per_px[:, None, None]

    share = off_mm.std(axis=(1, 2)) / height_mm(true.joints_mm)

    np.testing.assert_allclose(share.mean(), 0.05, rtol=0.05)


@pytest.mark.parametrize(("case", "hidden"), [("hidden-2", 2), ("hidden-4", 4)])
def test_so_many_joints_of_each_pose_are_hidden(pack, case, hidden):
    made = lifting_set(pack, case)

    assert (np.isnan(made.joints_px).all(axis=-1).sum(axis=1) == hidden).all()
    assert ((made.confidence == 0).sum(axis=1) == hidden).all()


def test_the_seed_decides_the_set(pack):
    assert lifting_set(pack, seed=1).digest() == lifting_set(pack, seed=1).digest()
    assert lifting_set(pack, seed=1).digest() != lifting_set(pack, seed=2).digest()


def test_a_saved_set_comes_back_as_it_was(pack, tmp_path):
    made = lifting_set(pack, "detector")
    made.save(tmp_path / "sets" / "one.npz")

    again = read_lifting_set(tmp_path / "sets" / "one.npz")

    assert again.digest() == made.digest()
    assert again.kind.tolist() == made.kind.tolist()
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["one.npz"]


def test_the_height_is_the_length_of_the_bones_in_a_line():
    joints_mm = np.zeros((1, 17, 3))
    joints_mm[0, [10, 9, 8, 7], 1] = [-800, -600, -450, -200]  # head, neck, thorax, spine
    joints_mm[0, [1, 4], 1] = 10  # hips
    joints_mm[0, [2, 5], 1] = 410
    joints_mm[0, [3, 6], 1] = 800

    assert height_mm(joints_mm).tolist() == [800 + 790]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("walk on uneven terrain", "rough ground"),
        ("run/jog", "running"),
        ("punch/strike", "sport"),
        ("", "everyday acts"),
    ],
)
def test_the_description_says_the_kind(text, kind):
    assert kind_of(text) == kind


def test_an_unknown_case_is_named(pack):
    with pytest.raises(BadInput) as failure:
        lifting_set(pack, "fog")

    assert str(failure.value) == f"no case is called 'fog'; there are {', '.join(CASES)}"


def test_a_file_that_is_no_set_is_named(tmp_path):
    path = tmp_path / "set.npz"
    path.write_text("no npz")

    with pytest.raises(DecodeError) as failure:
        read_lifting_set(path)

    assert str(failure.value) == f"{path} is no readable npz pack; fetch it again"


def test_pitches_in_falling_order_are_refused(pack):
    with pytest.raises(BadInput) as failure:
        lifting_set(pack, pitch_deg=(40.0, -10.0))

    assert str(failure.value) == "pitch must go from low to high, got 40.0 to -10.0"


def test_a_set_whose_arrays_do_not_fit_is_named(pack, tmp_path):
    path = tmp_path / "set.npz"
    made = lifting_set(pack)
    replace(made, clip=made.clip[:3]).save(path)

    with pytest.raises(DecodeError) as failure:
        read_lifting_set(path)

    assert str(failure.value) == (
        f"joints_px in {path} must be finite numbers or NaN of shape (3, 17, 2) beside clip (3,), "
        "got float32 (40, 17, 2); mend the pack"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda made: {"joints_mm": made.joints_mm * np.nan},
            "joints_mm in {} must be finite numbers, got 2040 of 2040 that are not; ",
        ),
        (lambda made: {"confidence": made.confidence - 5}, "confidence in {} must lie in 0..1; "),
        (
            lambda made: {"joints_px": made.joints_px.astype(str)},
            "joints_px in {} must be finite numbers or NaN of shape (40, 17, 2) beside clip (40,), "
            "got <U32 (40, 17, 2); ",
        ),
        (
            lambda made: {f.name: getattr(made, f.name)[:0] for f in fields(made)},
            "{} holds no poses; ",
        ),
    ],
)
def test_a_set_of_what_poses_cannot_be_is_named(pack, tmp_path, change, message):
    path = tmp_path / "set.npz"
    made = lifting_set(pack)
    replace(made, **change(made)).save(path)

    with pytest.raises((BadInput, DecodeError)) as failure:
        read_lifting_set(path)

    assert str(failure.value).startswith(message.format(path))


def test_scores_by_kind_show_the_lifter_the_joints_of_the_skeleton_asked_for(pack):
    seen = []

    class Lifter:
        def lift_arrays(self, joints_px, confidence=None, *, skeleton):
            seen.append((skeleton, joints_px.shape))
            return np.random.default_rng(0).normal(0, 300, (len(joints_px), 17, 3))

    scores = scores_by_kind(Lifter(), lifting_set(pack), skeleton="coco17")
    whole = score_lifter(Lifter(), lifting_set(pack), skeleton="lsp14")

    assert seen == [("coco17", (40, 17, 2)), ("lsp14", (40, 14, 2))]
    assert sorted(scores) == ["everyday acts", "walking"]
    # one clip of each kind: a clip counts as much as another
    np.testing.assert_allclose(whole.root_mm, np.mean([s.root_mm for s in scores.values()]))
