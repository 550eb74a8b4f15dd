import numpy as np
import pytest
import torch

from lift3d.datasets.mocap import read_mocap
from lift3d.evaluation.lifting import lifting_test, mean_pose_lifter, score_lifter
from lift3d.evaluation.metrics_3d import mpjpe_similarity_mm
from lift3d.lifting import PPCALifter
from lift3d.models.tensor_file import read_tensors
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput
from lift3d.training.ppca import spaced_rows, train_ppca


@pytest.fixture(scope="module")
def pack_path(tmp_path_factory):
    """Write a pack of four clips: a tree of limbs of fixed direction, jittered and turned."""
    rng = np.random.default_rng(0)
    body = get_skeleton("h36m17")
    limbs = rng.normal(0, 250, (17, 3))
    limbs[:, 0] *= 0.3
    left, right = np.array(body.pairs).T
    limbs[right] = limbs[left] * [-1, 1, 1]
    jittered = limbs + rng.normal(0, 40, (400, 17, 3))
    poses_mm = np.zeros((400, 17, 3))
    for parent, child in body.bones:
        poses_mm[:, child] = poses_mm[:, parent] + jittered[:, child]
    path = tmp_path_factory.mktemp("mocap") / "pack.npz"
    np.savez(
        path,
        poses=poses_mm.astype(np.int16),
        clip=np.repeat(np.arange(4), [150, 50, 150, 50]),
        parents=np.array(body.parents),
        clip_names=np.array(["a", "b", "c", "d"]),
        clip_subject=np.array([1, 1, 2, 2]),
        clip_fps=np.full(4, 24.0),
        clip_grade=np.array([0, 1, 0, 2]),
        clip_split=np.array([0, 0, 1, 1]),
    )
    return path


def test_training_writes_a_lifter_that_beats_the_mean_pose(pack_path, tmp_path):
    output = tmp_path / "deep" / "ppca.safetensors"

    score = train_ppca(pack_path, output, components=6, seed=1)

    assert [path.name for path in output.parent.iterdir()] == ["ppca.safetensors"]
    lifter = PPCALifter.load(output)
    test = lifting_test(read_mocap(pack_path), seed=1)
    assert score.similarity_mm == pytest.approx(score_lifter(lifter, test).similarity_mm, abs=0.1)
    assert score.lifted == 1.0
    assert score.similarity_mm < 0.9 * score_lifter(mean_pose_lifter(lifter), test).similarity_mm


def test_training_twice_writes_the_same_numbers(pack_path, tmp_path):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"

    train_ppca(pack_path, one, components=3)
    train_ppca(pack_path, two, components=3)

    first, second = read_tensors(one)[0], read_tensors(two)[0]
    assert sorted(first) == ["basis", "mean", "noise", "size_mm", "variances"]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_baseline_is_the_mean_pose_in_the_best_of_all_rotations(pack_path):
    pack = read_mocap(pack_path)
    lifter = PPCALifter(components=3).fit(pack.poses_mm[:200])
    test = lifting_test(pack)

    score = score_lifter(mean_pose_lifter(lifter), test)

    mean_pose = np.broadcast_to(lifter.model_.mean, test.joints_mm.shape)
    assert score.similarity_mm == pytest.approx(
        mpjpe_similarity_mm(mean_pose, test.joints_mm).mean(), abs=1e-3
    )


def test_only_validation_clips_of_grade_0_are_measured(pack_path):
    assert np.unique(lifting_test(read_mocap(pack_path)).clip).tolist() == [2]


def test_hidden_and_noisy_joints_raise_the_error(pack_path):
    pack = read_mocap(pack_path)
    lifter = PPCALifter(components=6).fit(pack.poses_mm[:200])
    test = lifting_test(pack)

    clean, hidden, noisy, without = (
        score_lifter(lifter, test, **case).similarity_mm
        for case in ({}, {"hidden": 8}, {"noise_mm": 80.0}, {"without": ("left_wrist",)})
    )

    assert clean < min(hidden, noisy, without)


def test_every_clip_has_the_same_weight(pack_path):
    pack = read_mocap(pack_path)
    test = lifting_test(pack)
    split = type(test)(test.joints_px, test.joints_mm, np.repeat([0, 1], [10, 140]), test.mm_per_px)

    class Shifted:
        def lift_arrays(self, joints_px, confidence=None, *, skeleton):
            lifted_mm = test.joints_mm.copy()
            lifted_mm[:10, 1:] += [17 / 16 * 30, 0, 0]  # 30 mm in the mean over 17 joints
            return lifted_mm

    assert score_lifter(Shifted(), split).root_mm == pytest.approx(15.0)


def test_rows_are_spaced_evenly_over_each_clip(pack_path):
    pack = read_mocap(pack_path)

    assert spaced_rows(pack, split=0, per_clip=2).tolist() == [0, 149, 150, 199]
    assert spaced_rows(pack, split=0, per_clip=2, grades=(1,)).tolist() == [150, 199]
    assert len(spaced_rows(pack, split=0, per_clip=1000)) == 200


def test_a_pack_without_validation_is_named(pack_path):
    pack = read_mocap(pack_path)
    pack.clip_split[:] = 0

    with pytest.raises(BadInput) as error:
        lifting_test(pack)

    assert str(error.value) == (
        "the pack has no poses of split 1 and grade 0; nothing to measure on"
    )
