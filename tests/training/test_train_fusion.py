"""The recipe of the fusion network on tiny people: it learns, resumes, settles and exports."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.datasets.synthetic.sample import CropCamera, Sample
from lift3d.evaluation.fusion import PictureSet
from lift3d.lifting.fusion import FusionLifter
from lift3d.models.fusion_config import ConvShape, FusionConfig
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import LoadedHourglass
from lift3d.models.load_fusion import load_fusion
from lift3d.poses.errors import BadInput, DecodeError
from lift3d.training.augment import Augmentation
from lift3d.training.fusion import FusionRecipe, train_fusion
from lift3d.training.fusion_maps import MapDraws
from lift3d.training.fusion_plot import plot_fusion
from lift3d.training.fusion_validation import FusionData
from lift3d.training.synthetic_pictures import StoredPeople, SyntheticPictures, scaled_person

CPU = torch.device("cpu")
CALM = Augmentation((0.95, 1.05), 0.01, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0)
TINY = FusionConfig((ConvShape(4, 4, 3, 2), ConvShape(6, 6, 3, 4)), ((16, 16),), input_size=64)
SMALL = FusionRecipe(
    config=TINY,
    augmentation=CALM,
    draws=MapDraws(exact=1.0, hidden=0.0, headless=0.0),
    samples=32,
    batch=4,
    warm_up=4,
    rate=2e-3,
    decay=0.9,
    settled=0.5,
    seed=3,
)


@pytest.fixture(scope="module")
def people(stroke_people):
    return FusionData(stroke_people, PictureSet.of(stroke_people.sample(k) for k in range(4)))


@pytest.fixture(scope="module")
def both_worlds(stroke_people):
    torch.manual_seed(0)
    config = HourglassConfig(stacks=1, features=16, depth=2, output="softmax")
    net = StackedHourglass(config).eval().requires_grad_(False)
    rng = np.random.default_rng(0)
    photos = CropSet(
        rng.integers(0, 256, (6, 96, 96, 3), np.uint8),
        rng.uniform(10, 80, (6, 16, 2)).astype(np.float32),
        np.array(["lspet"] * 6),
        np.arange(6).astype(str),
    )
    known = PictureSet.of(stroke_people.sample(k) for k in range(4))
    return FusionData(stroke_people, known, photos, photos, LoadedHourglass(net, "mpii16", 64))


def train(recipe, data, folder, **settings):
    return train_fusion(recipe, data, folder, CPU, **{"checkpoint_every": 8, **settings})


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_training_learns_alpha_and_beta_settles_and_exports(people, tmp_path):
    path = train(SMALL, people, tmp_path)

    rows = log_of(tmp_path)
    assert [row["seen"] for row in rows] == [8, 16, 24, 32]
    assert rows[0]["alpha"] != pytest.approx(0.1, abs=1e-5)
    assert rows[1]["alpha"] > rows[0]["alpha"]
    assert rows[0]["beta"] != 1.5
    assert 0 < rows[1]["w1"] < rows[1]["w3"] < 1
    point = sum(rows[3][f"w{k}"] == 0 for k in (1, 2, 3))
    assert {rows[3][f"w{k}"] for k in (1, 2, 3)} <= {0.0, 1.0}
    net, about = load_fusion(path, CPU)
    whole, _ = load_fusion(tmp_path / "fusion-whole.safetensors", CPU)
    assert net.config.fusion == point
    given = torch.randn(2, 3, 64, 64), torch.rand(2, 16, 64, 64)
    torch.testing.assert_close(net(*given), whole(*given), atol=1e-5, rtol=0)
    assert about["validation"]["root_mm"] == rows[3]["root_mm"]
    assert about["recipe"]["seed"] == 3
    assert FusionLifter.load(path).net_.config.fusion == point
    assert cv2.imread(str(tmp_path / "fusion.png")).shape == (520, 1400, 3)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(people, tmp_path):
    whole = train(SMALL, people, tmp_path / "whole").read_bytes()

    class Stop(Exception):
        pass

    def stop_at_20(state):
        if state["seen"] > 20:
            raise Stop

    with pytest.raises(Stop):
        train(SMALL, people, tmp_path / "cut", progress=stop_at_20)
    again = train(SMALL, people, tmp_path / "cut").read_bytes()

    assert again == whole


def test_training_lowers_the_error(people, tmp_path):
    losses = []
    recipe = replace(
        SMALL, config=replace(TINY, fusion=1), samples=16 * 45, batch=16, warm_up=32, rate=6e-3
    )
    train(
        recipe, people, tmp_path, checkpoint_every=10**9,
        progress=lambda state: losses.append(state["loss"]),
    )  # fmt: skip

    assert np.mean(losses[-8:]) < 0.6 * np.mean(losses[:4])


@pytest.mark.parametrize("fusion", [0, 3, "image", "maps"])
def test_the_baselines_are_settings_of_the_same_recipe(people, tmp_path, fusion):
    recipe = replace(SMALL, config=replace(TINY, fusion=fusion), samples=8)

    net, _ = load_fusion(train(recipe, people, tmp_path), CPU)

    assert net.config.fusion == fusion
    assert "alpha" not in log_of(tmp_path)[0]
    assert not (tmp_path / "fusion-whole.safetensors").exists()


def test_real_photos_and_a_detector_join_in(both_worlds, tmp_path):
    recipe = replace(SMALL, photo_share=0.5, samples=16)

    train(recipe, both_worlds, tmp_path)

    row = log_of(tmp_path)[-1]
    assert np.isfinite(row["loss"])
    assert 0 <= row["pck_projected"] <= 1
    assert 0 <= row["pck_detector"] <= 1


def stored_sample(index):
    """Return a person as shards hold them, which other processes can be sent."""
    rng = np.random.default_rng(index)
    picture = rng.integers(0, 256, (64, 64, 3), np.uint8)
    camera = CropCamera(np.eye(3), (64, 64), np.full(2, 31.5), 64.0, 64, np.eye(3), 0.0, 0.0)
    return Sample(
        cv2.imencode(".jpg", picture)[1].tobytes(),
        np.ones((64, 64), bool),
        rng.uniform(0, 63, (17, 2)),
        rng.normal(0, 300, (17, 3)),
        np.array([0.0, 0, 3000]),
        np.ones(17, bool),
        camera,
        seed=0,
        index=index,
        source="",
    )


@pytest.mark.slow
def test_processes_give_the_same_people_as_none():
    people = StoredPeople([stored_sample(k) for k in range(4)], seed=1)
    alone, shared = (
        SyntheticPictures(people, 32, workers).batches(start=5, count=2, stride=4)
        for workers in (0, 2)
    )
    for _ in range(3):
        one, other = next(alone), next(shared)
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.joints_mm, other.joints_mm)


@pytest.mark.slow
def test_what_goes_wrong_in_a_process_comes_in_one_line():
    people = StoredPeople([replace(stored_sample(0), jpeg=b"none")], seed=1)
    with pytest.raises(DecodeError) as failure:
        next(SyntheticPictures(people, 32, workers=1).batches(start=0, count=1, stride=1))
    assert str(failure.value) == "the picture of sample 0 is damaged; make it again"


def test_batches_begin_anywhere_and_step_by_the_stride(stroke_people):
    batches = SyntheticPictures(stroke_people, 64).batches(start=4, count=2, stride=6)

    next(batches)
    second = next(batches)

    wanted = [stroke_people.sample(k).joints_mm for k in (10, 11)]
    np.testing.assert_allclose(second.joints_mm, wanted, rtol=1e-6)


def test_stored_people_come_once_a_round_in_another_order_each(stroke_people):
    class Five:
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return index

    stored = StoredPeople(Five(), seed=1)
    rounds = [[stored.sample(5 * r + k) for k in range(5)] for r in range(3)]

    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in rounds)
    assert len({tuple(order) for order in rounds}) > 1


def test_a_picture_that_is_scaled_takes_its_joints_along(stroke_people):
    person = stroke_people.sample(0)

    image, joints_px, joints_mm = scaled_person(person, 32)

    assert image.shape == (32, 32, 3)
    np.testing.assert_allclose(joints_px, (person.joints_px + 0.5) / 2 - 0.5, atol=1e-4)
    np.testing.assert_allclose(joints_mm, person.joints_mm, rtol=1e-6)


def test_a_picture_that_is_not_square_is_named(stroke_people):
    person = replace(stroke_people.sample(0), image=np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(BadInput) as failure:
        scaled_person(person, 32)
    assert str(failure.value) == (
        "pictures of synthetic people must be square RGB uint8, got (8, 9, 3) uint8; make the set "
        "anew"
    )


def test_a_training_of_another_recipe_is_not_gone_on_with(people, tmp_path):
    train(replace(SMALL, samples=8), people, tmp_path)

    with pytest.raises(BadInput) as failure:
        train(replace(SMALL, rate=1e-2), people, tmp_path)

    assert str(failure.value) == (
        f"{tmp_path / 'checkpoint.safetensors'} was trained with rate {SMALL.rate}, got 0.01; "
        "go on with its settings or start in an empty folder"
    )


def test_a_batch_without_synthetic_people_is_refused(both_worlds, tmp_path):
    with pytest.raises(BadInput) as failure:
        train(replace(SMALL, photo_share=0.99), both_worlds, tmp_path)
    assert str(failure.value) == (
        "photo_share must be from 0 to below 1 and leave synthetic people in each batch of 4, "
        "got 0.99"
    )


def test_a_log_without_a_trainable_fusion_has_no_course(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"seen": 8, "loss": 1.0}\n')
    with pytest.raises(BadInput) as failure:
        plot_fusion(log, tmp_path / "course.png")
    assert str(failure.value) == (f"{log} has no alpha and beta; only trainable fusion learns them")
    with pytest.raises(DecodeError, match="is no log of a training"):
        plot_fusion(tmp_path / "nowhere.jsonl", tmp_path / "course.png")
