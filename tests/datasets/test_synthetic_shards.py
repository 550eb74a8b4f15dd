"""Shards of synthetic people; the people are drawn by a stand-in, so that the files are quick."""

import json
import multiprocessing
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.datasets.synthetic import capsule_body, shards, workers
from lift3d.datasets.synthetic.people import SyntheticPeople
from lift3d.datasets.synthetic.sample import sample_from
from lift3d.datasets.synthetic.shards import ShardPeople, read_shards, write_shards
from lift3d.poses.errors import BadInput, DecodeError


@pytest.fixture(scope="module")
def people() -> SyntheticPeople:
    body = capsule_body()
    pack = MocapPack(
        body.joints_mm[None].astype(np.float32), np.zeros(1, int), np.array(["01_01"]),
        np.array([1]), np.array([24.0]), np.array([0]), np.array([0]), np.array([""]),
    )  # fmt: skip
    return SyntheticPeople(body, pack, size=32, seed=1)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 2)


def test_shards_hold_jpg_json_and_mask_and_come_back_in_order(
    people: SyntheticPeople, tmp_path: Path
) -> None:
    seen: list[int] = []
    assert write_shards(people, 3, tmp_path, progress=seen.append) == 3
    assert seen[-1] == 3
    with tarfile.open(tmp_path / "people-000001.tar") as tar:
        assert tar.getnames() == ["000002.jpg", "000002.json", "000002.mask.png"]
    assert not list(tmp_path.glob("*.part"))
    back = list(read_shards(tmp_path))
    assert [sample.index for sample in back] == [0, 1, 2]
    assert back[2].jpeg == people.sample(2).jpeg
    stored = ShardPeople(tmp_path)
    assert len(stored) == 3
    assert stored.sample(4).index == 1
    with pytest.raises(IndexError):
        stored[3]


def test_a_stopped_run_goes_on_and_gives_the_same_bytes(
    people: SyntheticPeople, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shards(people, 3, tmp_path / "whole")

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(people, 3, tmp_path / "halves", progress=stop)
    assert [p.name for p in sorted((tmp_path / "halves").glob("people*"))] == ["people-000000.tar"]
    assert write_shards(people, 3, tmp_path / "halves") == 1
    for name in ("people-000000.tar", "people-000001.tar", "set.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "halves" / name).read_bytes()


def test_a_folder_keeps_its_set(people: SyntheticPeople, tmp_path: Path) -> None:
    write_shards(people, 1, tmp_path)
    with pytest.raises(BadInput) as error:
        write_shards(replace(people, seed=2), 1, tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds another set (seed 1, asked for 2); choose another folder with -o"
    )


@pytest.mark.parametrize("change", ["split", "grade", "skin", "targets"])
def test_another_body_or_another_part_of_the_poses_is_another_set(
    people: SyntheticPeople, tmp_path: Path, change: str
) -> None:
    write_shards(people, 2, tmp_path)
    body, pack = people.body, people.mocap
    other = {
        "split": lambda: replace(people, mocap=replace(pack, clip_split=1 - pack.clip_split)),
        "grade": lambda: replace(people, mocap=replace(pack, clip_grade=1 + pack.clip_grade)),
        "skin": lambda: replace(people, body=replace(body, skin_bone=body.skin_bone[::-1])),
        "targets": lambda: replace(people, body=replace(body, joints_mm=body.joints_mm + 1)),
    }[change]()
    with pytest.raises(BadInput, match="holds another set"):
        write_shards(other, 2, tmp_path)


def test_tars_without_their_description_are_not_gone_on_with(
    people: SyntheticPeople, tmp_path: Path
) -> None:
    write_shards(people, 2, tmp_path)
    (tmp_path / "set.json").unlink()
    with pytest.raises(DecodeError, match="has no readable set"):
        write_shards(people, 2, tmp_path)


@pytest.mark.parametrize(
    "text", ["{}", "3", '{"count": "x"}', '{"count": 1.5}', '{"count": 0}', "[" * 100_000]
)
def test_a_description_of_another_form_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "set.json").write_text(text)
    with pytest.raises(DecodeError, match=r"has no readable set\.json; expected a folder of"):
        ShardPeople(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"joints_px": [[1, 2]]},
        {"joints_mm": [[float("nan")] * 3] * 17},
        {"skeleton": "coco17"},
        {"size": float("inf")},
        {"R": 10**400},
        {"visible": "yes"},
        {"photo_size": []},
    ],
)
def test_a_sample_of_another_form_is_one_line(people: SyntheticPeople, change: dict) -> None:
    made = people.sample(0)
    mask = cv2.imencode(".png", made.mask.astype(np.uint8))[1].tobytes()
    assert sample_from(made.jpeg, mask, made.to_json()).index == 0
    text = json.dumps(json.loads(made.to_json()) | change)
    with pytest.raises(DecodeError, match="a sample's JSON is damaged"):
        sample_from(made.jpeg, mask, text)


def test_a_set_of_which_nothing_was_made_holds_no_folder(
    people: SyntheticPeople, tmp_path: Path
) -> None:
    write_shards(people, 1, tmp_path)
    (tmp_path / "people-000000.tar").unlink()
    assert write_shards(replace(people, seed=2), 1, tmp_path) == 1
    assert json.loads((tmp_path / "set.json").read_text())["seed"] == 2


def test_missing_and_damaged_shards_are_named(people: SyntheticPeople, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"has no readable set\.json"):
        next(read_shards(tmp_path))
    (tmp_path / "set.json").write_text(json.dumps({"count": 2}))
    with pytest.raises(DecodeError, match=r"people-000000\.tar is not there; run"):
        next(read_shards(tmp_path))
    (tmp_path / "people-000000.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DecodeError, match=r"people-000000\.tar is damaged"):
        next(read_shards(tmp_path))


def test_people_of_the_validation_subjects_are_not_trained_on(
    people: SyntheticPeople, tmp_path: Path
) -> None:
    write_shards(people, 1, tmp_path / "train")
    assert len(ShardPeople.to_train_on(tmp_path / "train")) == 1

    about = json.loads((tmp_path / "train" / "set.json").read_text())
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "set.json").write_text(json.dumps({**about, "split": 1}))
    with pytest.raises(BadInput) as failure:
        ShardPeople.to_train_on(tmp_path / "val")
    assert str(failure.value) == (
        f"{tmp_path / 'val'} holds people of the validation subjects; train on those that "
        "`lift3d data synthesize` makes without --validation"
    )


def test_a_number_of_workers_below_0_is_refused(people: SyntheticPeople) -> None:
    with pytest.raises(BadInput) as error:
        next(people.stream(range(2), -1))
    assert str(error.value) == "workers must be 0 or more, got -1"


@pytest.mark.slow
def test_workers_give_the_same_samples_in_order(people: SyntheticPeople) -> None:
    alone = [sample.jpeg for sample in people.stream(range(5))]
    assert [sample.jpeg for sample in people.stream(range(5), 2)] == alone


def test_a_worker_stops_waiting_when_its_parent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def is_alive(self) -> bool:
            return False

    monkeypatch.setattr(workers.multiprocessing, "parent_process", Gone)
    full = multiprocessing.get_context("spawn").Queue(1)
    assert not workers._put(full, "nobody reads this")
    full.close()


def test_a_worker_waits_for_room_while_its_parent_lives() -> None:
    room = multiprocessing.get_context("spawn").Queue(1)
    assert workers._put(room, "somebody reads this")
    assert room.get(timeout=10) == "somebody reads this"
    room.close()
