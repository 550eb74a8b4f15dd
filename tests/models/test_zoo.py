"""The zoo: every file is what its entry says; damage is named by its hash."""

import shutil
from pathlib import Path

import pytest
import torch

from lift3d.models import zoo as zoo_module
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import load_hourglass
from lift3d.models.tensor_file import read_tensors, write_tensors
from lift3d.models.zoo import ZooEntry, sha256_of, verified_path, zoo, zoo_entry
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.training.export import export_hourglass

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", list(zoo()))
def test_every_shipped_file_is_what_the_zoo_says(name):
    entry = zoo_entry(name)
    assert verified_path(name).stat().st_size == entry.bytes


@pytest.mark.parametrize("name", list(zoo()))
def test_every_entry_has_a_card_and_says_what_a_user_must_know(name):
    about = zoo_entry(name).about
    assert (zoo_module.HERE / about["card"]).is_file()
    assert all(about[key] for key in ("summary", "data", "licence", "error", "measured"))


def test_all_shipped_weights_stay_under_60_megabytes():
    assert sum(entry.bytes for entry in zoo().values()) < 60e6


def test_unknown_weights_are_refused_with_a_list():
    with pytest.raises(BadInput, match=r"^no weights are called 'resnet'; there are people, "):
        verified_path("resnet")


@pytest.fixture
def copied(tmp_path, monkeypatch) -> ZooEntry:
    """Return an entry whose file lies in a folder of the test's."""
    entry = zoo_entry("ppca-cmu")
    (tmp_path / "weights").mkdir()
    shutil.copy(entry.path, tmp_path / entry.file)
    monkeypatch.setattr(zoo_module, "HERE", tmp_path)
    return entry


def test_a_damaged_file_is_named_with_both_hashes(copied):
    data = bytearray(copied.path.read_bytes())
    data[-1] ^= 1
    copied.path.write_bytes(data)
    with pytest.raises(WeightsMissing) as error:
        verified_path("ppca-cmu")
    assert str(error.value) == (
        f"weights 'ppca-cmu' at {copied.path} are damaged or another file: sha256 should be "
        f"{copied.sha256}, is {sha256_of(copied.path)}; install lift3d anew"
    )


def test_a_missing_file_is_named(copied):
    copied.path.unlink()
    with pytest.raises(WeightsMissing) as error:
        verified_path("ppca-cmu")
    assert str(error.value) == (
        f"weights 'ppca-cmu' are missing at {copied.path}; install lift3d anew"
    )


def test_exported_weights_rebuild_the_network(tmp_path):
    config = HourglassConfig(stacks=1, features=16, output="softmax")
    net = StackedHourglass(config).eval()
    path = tmp_path / "net.safetensors"
    export_hourglass(path, config, net.state_dict(), "mpii16", 128, {"note": 1})
    loaded = load_hourglass(path, CPU)
    assert (loaded.skeleton, loaded.input_size, loaded.net.config) == ("mpii16", 128, config)
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(loaded.net(images)[0], net(images)[0], atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("skeleton", "size"), [("coco17", 128), ("foo", 128), ("mpii16", 0), ("mpii16", 70)]
)
def test_weights_that_do_not_fit_themselves_are_refused(tmp_path, skeleton, size):
    config = HourglassConfig(stacks=1, features=16, output="softmax")
    path = tmp_path / "net.safetensors"
    export_hourglass(path, config, StackedHourglass(config).state_dict(), skeleton, size, {})
    with pytest.raises(WeightsMissing, match="does not fit its own configuration"):
        load_hourglass(path, CPU)


def test_weights_of_another_kind_are_refused():
    path = zoo_entry("ppca-cmu").path
    with pytest.raises(WeightsMissing) as error:
        load_hourglass(path, CPU)
    assert str(error.value) == (
        f"{path} holds 'ppca' weights, expected 'hourglass'; "
        "train some with `lift3d train hourglass`"
    )


def test_a_text_file_is_no_weights_file(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_text("hello")
    with pytest.raises(WeightsMissing, match=r"is no readable safetensors file"):
        load_hourglass(path, CPU)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    tensors = {"b": torch.ones(2), "a": torch.zeros(3)}
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    write_tensors(first, tensors, {"x": 1, "y": [2]})
    write_tensors(second, dict(reversed(tensors.items())), {"y": [2], "x": 1})
    assert first.read_bytes() == second.read_bytes()
    assert read_tensors(Path(first))[1] == {"x": 1, "y": [2]}
