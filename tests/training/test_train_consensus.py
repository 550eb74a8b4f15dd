import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.lifting import ConsensusLifter
from lift3d.lifting.joint_groups import random_groups
from lift3d.models.tensor_file import read_tensors
from lift3d.poses.errors import BadInput
from lift3d.training.consensus import ConsensusRecipe, joint_groups, train_consensus
from lift3d.training.lifting_samples import training_rows

CPU = torch.device("cpu")
SMALL = ConsensusRecipe(size=13, least=2, width=16, samples=64, batch=16, warm_up=16, seed=3)


def train(recipe, pack, folder, **kw):
    return train_consensus(recipe, pack, folder, CPU, 32, lambda state: None, **kw)


def test_a_training_writes_weights_that_lift_and_its_log(pack, tmp_path):
    path = train(SMALL, pack, tmp_path)

    lifted = ConsensusLifter.load(path).lift_arrays(
        np.random.default_rng(0).normal(0, 9, (3, 17, 2)), skeleton="h36m17"
    )
    assert np.isfinite(lifted).all()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["seen"] for row in rows] == [32, 64]
    assert rows[0]["true_root_mm"] > 0
    about = read_tensors(tmp_path / "checkpoint.safetensors")[1]
    assert about["settings"]["recipe"]["size"] == 13


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(pack, tmp_path):
    whole = train(SMALL, pack, tmp_path / "whole").read_bytes()

    class Stop(Exception):
        pass

    def stop_at_40(state):
        if state["seen"] > 40:
            raise Stop

    with pytest.raises(Stop):
        train_consensus(SMALL, pack, tmp_path / "cut", CPU, 32, stop_at_40)
    again = train(SMALL, pack, tmp_path / "cut").read_bytes()

    assert again == whole


def test_training_lowers_the_loss(pack, tmp_path):
    recipe = replace(SMALL, samples=64 * 60, batch=64, rate=3e-3)
    losses = []
    train_consensus(recipe, pack, tmp_path, CPU, 10**9, lambda s: losses.append(s["loss"]))

    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])


def test_held_out_subjects_and_the_validation_part_are_not_trained_on(pack):
    assert training_rows(pack).tolist() == list(range(80))
    assert training_rows(pack, (1,)).tolist() == list(range(40, 80))


def test_every_joint_is_in_enough_groups_and_random_groups_differ(pack):
    rows = training_rows(pack)
    near, even = (
        joint_groups(replace(SMALL, grouping=grouping), pack, rows)
        for grouping in ("similarity", "random")
    )

    assert (np.bincount(np.concatenate(near)) >= 2).all()
    assert near != even


def test_groups_given_by_hand_are_taken(pack, tmp_path):
    groups = random_groups(17, size=9, least=1, seed=5)

    path = train(SMALL, pack, tmp_path, groups=groups)

    assert ConsensusLifter.load(path).hypotheses_.groups == groups


def test_without_training_poses_the_pack_is_refused(pack, tmp_path):
    with pytest.raises(BadInput) as failure:
        train(replace(SMALL, hold_out=(1, 2)), pack, tmp_path)

    assert str(failure.value) == ("the pack has no poses of split 0 to train on; give another pack")


def test_one_shared_network_lifts_every_group(pack, tmp_path):
    path = train(replace(SMALL, shared=True), pack, tmp_path)

    networks = ConsensusLifter.load(path).hypotheses_.networks
    assert len(networks.matrices[0]) > 1
    assert all(torch.equal(m[0], m[1]) for m in networks.matrices)


def test_the_norms_of_the_weights_can_be_limited(pack, tmp_path):
    train(replace(SMALL, max_norm=0.3), pack, tmp_path)

    tensors, _ = read_tensors(tmp_path / "checkpoint.safetensors")
    norm = tensors["net/last.weight"].norm(dim=1)
    assert norm.max() < 0.3 + 0.02  # a step after the limit


def test_a_training_of_other_groups_is_not_gone_on_with(pack, tmp_path):
    one, other = (random_groups(17, size=13, least=2, seed=seed) for seed in (5, 6))
    assert len(one) == len(other)  # the networks have the same sizes
    train(SMALL, pack, tmp_path, groups=one)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()

    with pytest.raises(BadInput) as failure:
        train(replace(SMALL, samples=128), pack, tmp_path, groups=other)

    assert str(failure.value) == (
        f"{tmp_path / 'checkpoint.safetensors'} was trained with other groups; go on with its "
        "settings or start in an empty folder"
    )
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_groups_of_different_sizes_are_refused(pack, tmp_path):
    groups = (tuple(range(17)), tuple(range(12)))

    with pytest.raises(BadInput) as failure:
        train(SMALL, pack, tmp_path, groups=groups)

    assert str(failure.value) == "groups must all have the same number of joints, got [17, 12]"


def test_one_lifter_of_the_whole_body_is_trained_and_has_one_sigma(pack, tmp_path):
    path = train(SMALL, pack, tmp_path, groups=(tuple(range(17)),))

    joints_px = np.random.default_rng(0).normal(0, 9, (3, 17, 2))
    sigma_mm = ConsensusLifter.load(path).lift_with_sigma(joints_px, skeleton="h36m17")[1]
    assert (sigma_mm[:, 0] == 0).all()
    assert (sigma_mm[:, 1:] == sigma_mm[0, 1]).all()
    assert sigma_mm[0, 1] > 0


@pytest.mark.parametrize("grouping", ["similarity", "random"])
def test_so_few_groups_that_joints_are_left_out_are_refused(pack, grouping):
    recipe = replace(SMALL, size=8, most=2, grouping=grouping)
    with pytest.raises(BadInput, match="every one of the 17 joints must be in a group"):
        joint_groups(recipe, pack, training_rows(pack))
