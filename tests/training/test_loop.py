"""The training loop: a killed run goes on as if nothing had happened."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from lift3d.models.tensor_file import read_tensors, write_tensors
from lift3d.poses.errors import BadInput, Lift3dError, WeightsMissing
from lift3d.training.distributed import Place
from lift3d.training.loop import LoopSettings, train_loop

PLACE = Place(0, 1, torch.device("cpu"))
SETTINGS = LoopSettings(
    samples=64, batch=4, rate=1e-2, warm_up=8, decay=0.9, seed=3, checkpoint_every=16
)


class Killed(Exception):
    """Stands for a kill in the middle of a training."""


def train(
    folder,
    stop_after=None,
    settings=SETTINGS,
    scale=1.0,
    on_checkpoint=None,
    dropout=0.0,
    place=PLACE,
):
    """Fit a small network to random data; returns its weights file's tensors."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 1))

    def loss_of(net, seen, generator):
        if stop_after is not None and seen >= stop_after:
            raise Killed
        x = torch.randn(4, 3, generator=generator)
        return scale * (net(x) - x.sum(1, keepdim=True)).square().mean()

    scored = on_checkpoint or (lambda state: {"score": 1.0})
    train_loop(net, loss_of, settings, folder, place, scored, lambda _: None)
    return read_tensors(folder / "checkpoint.safetensors")[0]


def test_a_killed_training_ends_where_an_undisturbed_one_does(tmp_path):
    whole = train(tmp_path / "whole")
    with pytest.raises(Killed):
        train(tmp_path / "killed", stop_after=40)
    resumed = train(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], resumed[name], rtol=0, atol=0)


def test_the_log_has_one_line_a_checkpoint(tmp_path):
    train(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["seen"] for row in rows] == [16, 32, 48, 64]
    assert all(row["score"] == 1.0 for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_a_line_that_a_kill_has_torn_is_no_row_of_the_log(tmp_path):
    with pytest.raises(Killed):
        train(tmp_path, stop_after=40)
    log = tmp_path / "log.jsonl"
    log.write_text(log.read_text() + '{"seen": 36, "lo')
    scored = []

    def reads_the_log(state):
        scored.append([json.loads(line)["seen"] for line in log.read_text().splitlines()])
        return {"score": 1.0}

    train(tmp_path, on_checkpoint=reads_the_log)
    assert scored == [[16, 32], [16, 32, 48]]
    assert [json.loads(line)["seen"] for line in log.read_text().splitlines()] == [16, 32, 48, 64]


@pytest.mark.parametrize("lacks", ["step", "average"])
def test_a_checkpoint_that_lacks_a_part_is_refused_in_one_line(tmp_path, lacks):
    train(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    tensors, about = read_tensors(path)
    kept = {name: part for name, part in tensors.items() if not name.startswith(lacks)}
    write_tensors(path, kept, {key: value for key, value in about.items() if key != lacks})
    with pytest.raises(WeightsMissing, match="is a checkpoint of another network"):
        train(tmp_path)


def test_a_finished_training_is_not_trained_again(tmp_path):
    first = train(tmp_path)
    again = train(tmp_path)
    for name in first:
        torch.testing.assert_close(first[name], again[name], rtol=0, atol=0)


def test_no_half_written_checkpoint_is_left(tmp_path):
    train(tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_a_checkpoint_of_another_network_is_refused_in_one_line(tmp_path):
    train(tmp_path)
    net = nn.Linear(2, 2)
    with pytest.raises(WeightsMissing) as error:
        train_loop(net, None, SETTINGS, tmp_path, PLACE, None, None)
    assert str(error.value) == (
        f"{tmp_path}/checkpoint.safetensors is a checkpoint of another network; go on with its "
        "settings or start in an empty folder"
    )


def test_killed_between_export_and_checkpoint_it_still_ends_the_same(tmp_path):
    whole = train(tmp_path / "whole")
    exported = []

    def on_checkpoint(state):
        exported.append(state)
        if len(exported) == 4:
            raise Killed
        return {}

    with pytest.raises(Killed):
        train(tmp_path / "killed", on_checkpoint=on_checkpoint)
    resumed = train(tmp_path / "killed")
    for name in whole:
        torch.testing.assert_close(whole[name], resumed[name], rtol=0, atol=0)


def test_another_seed_does_not_go_on_silently(tmp_path):
    train(tmp_path)
    with pytest.raises(BadInput) as error:
        train(tmp_path, settings=replace(SETTINGS, seed=4))
    assert str(error.value) == (
        f"{tmp_path}/checkpoint.safetensors was trained with seed 3, got 4; go on with its "
        "settings or start in an empty folder"
    )


def test_another_number_of_processes_does_not_go_on_silently(tmp_path):
    train(tmp_path)
    with pytest.raises(BadInput, match="was trained with processes 1, got 2; go on with its"):
        train(tmp_path, place=replace(PLACE, world=2))


def test_another_recipe_does_not_go_on_silently_but_a_longer_one_does(tmp_path):
    recipe = {"balance": {"lspet": 0.4}, "samples": 64, "decay": 0.9}
    train(tmp_path, settings=replace(SETTINGS, recipe=recipe))
    longer = replace(SETTINGS, samples=80, recipe={**recipe, "samples": 80})
    train(tmp_path, settings=longer)
    rows = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(row)["seen"] for row in rows] == [16, 32, 48, 64, 80]

    for other, said in ({"decay": 0.8}, "decay 0.9, got 0.8"), ({"balance": {}}, "other balance"):
        with pytest.raises(BadInput) as error:
            train(tmp_path, settings=replace(longer, recipe={**longer.recipe, **other}))
        assert str(error.value) == (
            f"{tmp_path}/checkpoint.safetensors was trained with {said}; go on with its settings "
            "or start in an empty folder"
        )


def test_dropout_draws_the_same_after_a_kill(tmp_path):
    whole = train(tmp_path / "whole", dropout=0.5)
    with pytest.raises(Killed):
        train(tmp_path / "killed", stop_after=40, dropout=0.5)
    resumed = train(tmp_path / "killed", dropout=0.5)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(tmp_path):
    train(tmp_path, settings=replace(SETTINGS, samples=16))
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(Lift3dError) as error:
        train(tmp_path, scale=float("inf"))
    assert str(error.value) == "the loss became inf; start again with a smaller --rate"
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsMissing, match=r"is no readable safetensors file"):
        train(tmp_path)


def test_a_folder_that_cannot_be_made_is_told_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be made") as error:
        train(tmp_path / "file" / "run", stop_after=0)
    assert str(error.value).endswith("choose another folder with -o")
