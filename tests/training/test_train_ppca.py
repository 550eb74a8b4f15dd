from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lift3d.cli.train import train
from lift3d.datasets.mocap import read_mocap
from lift3d.datasets.virtual_cameras import photograph
from lift3d.evaluation.lifting import mean_pose_lifter, score_lifter
from lift3d.evaluation.lifting_sets import CASES, clean_set, lifting_set
from lift3d.evaluation.metrics_3d import mpjpe_similarity_mm
from lift3d.lifting import PPCALifter
from lift3d.models.tensor_file import read_tensors
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput
from lift3d.training import ppca as recipe
from lift3d.training.ppca import (
    CHI2_90,
    calibrated_sigma,
    held_out_rows,
    select_sizes,
    spaced_rows,
    squared_distances,
    train_ppca,
)


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

    score = train_ppca(pack_path, output, clusters=2, components=6, seed=1)

    assert [path.name for path in output.parent.iterdir()] == ["ppca.safetensors"]
    lifter = PPCALifter.load(output)
    test = clean_set(read_mocap(pack_path), seed=1)
    assert score.similarity_mm == pytest.approx(score_lifter(lifter, test).similarity_mm, abs=0.1)
    assert score.lifted == 1.0
    assert score.similarity_mm < 0.9 * score_lifter(mean_pose_lifter(lifter), test).similarity_mm


def test_training_twice_writes_the_same_numbers(pack_path, tmp_path):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"

    train_ppca(pack_path, one, clusters=2, components=3)
    train_ppca(pack_path, two, clusters=2, components=3)

    first, second = read_tensors(one)[0], read_tensors(two)[0]
    assert sorted(first) == [
        "basis",
        "mean",
        "noise",
        "sigma_factor",
        "size_mm",
        "size_sd_mm",
        "variances",
        "weights",
    ]
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_baseline_is_the_mean_pose_in_the_best_of_all_rotations(pack_path):
    pack = read_mocap(pack_path)
    lifter = PPCALifter(clusters=1, components=3).fit(pack.poses_mm[:200])
    test = clean_set(pack)

    score = score_lifter(mean_pose_lifter(lifter), test)

    mean_pose = np.broadcast_to(lifter.model_.mean, test.joints_mm.shape)
    assert score.similarity_mm == pytest.approx(
        mpjpe_similarity_mm(mean_pose, test.joints_mm).mean(), abs=1e-3
    )


def test_only_validation_clips_of_grade_0_are_measured(pack_path):
    assert np.unique(clean_set(read_mocap(pack_path)).clip).tolist() == [2]


def test_hidden_and_noisy_joints_raise_the_error(pack_path):
    pack = read_mocap(pack_path)
    lifter = PPCALifter(clusters=1, components=6, n_rotations=20).fit(pack.poses_mm[:200])

    errors = {case: score_lifter(lifter, lifting_set(pack, case)).similarity_mm for case in CASES}

    assert errors["true"] < min(errors["noise-5"], errors["hidden-4"], errors["detector"])


def test_every_clip_has_the_same_weight(pack_path):
    pack = read_mocap(pack_path)
    test = clean_set(pack)
    split = replace(test, clip=np.repeat([0, 1], [10, 140]))

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
        clean_set(pack)

    assert str(error.value) == (
        "the pack has no poses of split 1 and grade 0; nothing to measure on"
    )


@pytest.fixture
def people(pack_path):
    """Return the pack with three training subjects, of whom 3 has the better clip."""
    pack = read_mocap(pack_path)
    pack.clip_split[:] = 0
    pack.clip_subject[:] = [7, 3, 3, 9]
    return pack


def test_one_subject_in_so_many_is_held_out_and_only_its_best_clips_count(people):
    rows = np.arange(400)

    learned, held = held_out_rows(people, rows, fold=0, folds=3)

    assert np.unique(people.clip[learned]).tolist() == [0, 3]
    assert np.unique(people.clip[held]).tolist() == [2]  # clip 1 is of grade 1
    assert np.unique(people.clip[held_out_rows(people, rows, fold=1, folds=3)[1]]).tolist() == [0]


def test_of_one_subject_nobody_is_held_out(people):
    people.clip_subject[:] = 5

    learned, held = held_out_rows(people, np.arange(400), fold=0, folds=3)

    assert len(learned) == 400
    assert not len(held)


def test_the_calibrated_ellipsoids_hold_nine_of_ten_joints_of_unseen_people(people):
    lifter = PPCALifter(
        clusters=1, components=6, n_rotations=20, tilts_deg=(0.0, 20.0), rolls_deg=(0.0,)
    )

    factor = calibrated_sigma(lifter, people, np.arange(400), seed=3)

    lifter.fit(people.poses_mm[people.clip != 2])
    lifter.sigma_factor_ = factor
    views = photograph(people.poses_mm[people.clip == 2], seed=1)
    inside = squared_distances(lifter, views.joints_px, views.joints_mm) < CHI2_90
    assert 0.8 < inside.mean() < 0.97


def test_distances_need_covariances(people):
    lifter = PPCALifter(clusters=1, components=3, n_rotations=8, refine_steps=0)
    lifter.fit(people.poses_mm)

    with pytest.raises(BadInput) as error:
        squared_distances(lifter, np.ones((1, 17, 2)), np.ones((1, 17, 3)))

    assert str(error.value) == (
        "a lifter without refinement has no covariances; set refine_steps above 0"
    )


def test_selection_tries_every_pair_of_sizes_and_likes_what_the_poses_have(people):
    poses_mm = people.poses_mm

    tried = select_sizes(
        poses_mm[:200], poses_mm[200:], noise=0.03, clusters=(1, 2), components=(2, 12)
    )

    sizes = [(one.clusters, one.components) for one in tried]
    assert sizes == [(1, 2), (2, 2), (1, 12), (2, 12)]
    assert tried[2].log_likelihood > tried[0].log_likelihood + 1
    assert all(1 <= one.made <= one.clusters for one in tried)


def test_selection_without_anybody_held_out_is_named(people):
    with pytest.raises(BadInput) as error:
        select_sizes(people.poses_mm, people.poses_mm[:0], noise=0.03)

    assert str(error.value) == (
        "selection needs training poses of more than one subject, got those of one; "
        "give more subjects or set clusters and components"
    )


def test_the_command_selects_sizes(pack_path, tmp_path, monkeypatch):
    arrays = dict(np.load(pack_path))
    arrays["clip_split"] = np.array([0, 0, 0, 1])
    arrays["clip_grade"] = np.zeros(4, int)
    np.savez(tmp_path / "pack.npz", **arrays)
    monkeypatch.setitem(recipe.select_sizes.__kwdefaults__, "clusters", (1,))
    monkeypatch.setitem(recipe.select_sizes.__kwdefaults__, "components", (2, 8))
    output = tmp_path / "ppca.safetensors"

    command = ["ppca", "--mocap", str(tmp_path / "pack.npz"), "-o", str(output), "--select"]
    done = CliRunner().invoke(train, command)

    assert done.exit_code == 0, done.output
    settings = PPCALifter.load(output).settings()
    assert (settings["clusters"], settings["components"]) == (1, 8)


def test_the_command_takes_sizes(pack_path, tmp_path):
    output = tmp_path / "ppca.safetensors"
    sizes = ["-K", "2", "--components", "5"]

    done = CliRunner().invoke(train, ["ppca", "--mocap", str(pack_path), "-o", str(output), *sizes])

    assert done.exit_code == 0, done.output
    assert f"weights: {output}" in done.output
    lifter = PPCALifter.load(output)
    assert lifter.model_.size == 5
    assert lifter.settings()["clusters"] == 2
