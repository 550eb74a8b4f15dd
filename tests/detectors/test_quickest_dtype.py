"""Which numbers a network gets: measured once, kept, and never in the way."""

import json
import os
from pathlib import Path

import pytest
import torch

from lift3d.detectors import quickest_dtype
from lift3d.detectors.quickest_dtype import dtype_for, measure, quickest_on_cpu
from lift3d.detectors.user_cache import cache_folder, keep_answer, read_answer
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.poses.errors import BadInput

SHAPE = (1, 3, 32, 32)


@pytest.fixture(scope="module")
def net():
    """Return a network that takes no time."""
    config = HourglassConfig(stacks=1, features=8, depth=1, outputs=2)
    return StackedHourglass(config).eval().requires_grad_(False)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return the user's cache folder, which is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lift3d" / "quickest"


@pytest.fixture
def measured(monkeypatch):
    """Return milliseconds that "measuring" gives from then on, and the calls of it.

    bfloat16 is worth a try.
    """
    ms, calls = {"float32": 10.0, "bfloat16": 5.0}, []

    def pretend(net, shape):
        calls.append(shape)
        return dict(ms)

    monkeypatch.setattr(quickest_dtype, "measure", pretend)
    monkeypatch.setattr(quickest_dtype, "may_pay", lambda: True)
    return ms, calls


@pytest.mark.parametrize(
    ("bfloat16_ms", "chosen"),
    [(5.0, "bfloat16"), (8.4, "bfloat16"), (8.6, "float32"), (90, "float32")],
)
def test_bfloat16_is_taken_where_it_is_clearly_quicker(net, cache, measured, bfloat16_ms, chosen):
    measured[0]["bfloat16"] = bfloat16_ms
    assert quickest_on_cpu(net, SHAPE) == chosen


def test_where_bfloat16_is_imitated_nothing_is_measured(net, cache, measured, monkeypatch):
    monkeypatch.setattr(quickest_dtype, "may_pay", lambda: False)
    assert quickest_on_cpu(net, SHAPE) == "float32"
    assert measured[1] == []


def test_what_was_measured_is_kept(net, cache, measured):
    ms, calls = measured
    assert quickest_on_cpu(net, SHAPE) == "bfloat16"
    ms["bfloat16"] = 100.0
    assert quickest_on_cpu(net, SHAPE) == "bfloat16"
    assert calls == [SHAPE]
    (file,) = cache.iterdir()
    assert json.loads(file.read_text())["answer"] == {
        "chosen": "bfloat16",
        "ms": {"float32": 10.0, "bfloat16": 5.0},
    }


def test_another_size_another_network_and_another_torch_are_measured(
    net, cache, measured, monkeypatch
):
    calls = measured[1]
    quickest_on_cpu(net, SHAPE)
    quickest_on_cpu(net, (2, 3, 32, 32))
    config = HourglassConfig(stacks=1, features=8, depth=2, outputs=2)
    quickest_on_cpu(StackedHourglass(config).eval(), SHAPE)
    monkeypatch.setattr(torch, "__version__", "99.0")
    quickest_on_cpu(net, SHAPE)
    assert len(calls) == 4


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"question": 1}', '{"answer": {"chosen": "bfloat16"}}']
)
def test_a_damaged_answer_is_found_anew(net, cache, measured, text):
    quickest_on_cpu(net, SHAPE)
    (file,) = cache.iterdir()
    file.write_text(text)
    assert quickest_on_cpu(net, SHAPE) == "bfloat16"
    assert len(measured[1]) == 2
    assert json.loads(file.read_text())["answer"]["chosen"] == "bfloat16"


def test_an_answer_that_is_none_of_the_types_is_found_anew(net, cache, measured):
    quickest_on_cpu(net, SHAPE)
    (file,) = cache.iterdir()
    kept = json.loads(file.read_text())
    kept["answer"]["chosen"] = "int3"
    file.write_text(json.dumps(kept))
    assert quickest_on_cpu(net, SHAPE) == "bfloat16"
    assert len(measured[1]) == 2


def test_a_folder_that_cannot_be_written_is_no_matter(net, cache, measured):
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where the folder should be")
    for _ in range(2):
        assert quickest_on_cpu(net, SHAPE) == "bfloat16"
    assert len(measured[1]) == 2


def test_a_user_without_a_home_is_no_matter(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    keep_answer("topic", {"a": 1}, {"b": 2})
    assert read_answer("topic", {"a": 1}) is None


def test_what_another_process_decided_meanwhile_counts(net, cache, measured, monkeypatch):
    def slowly(net, shape):
        with monkeypatch.context() as patch:
            patch.setattr(quickest_dtype, "measure", lambda *_: {"float32": 1.0, "bfloat16": 9.0})
            quickest_on_cpu(net, shape)
        return {"float32": 9.0, "bfloat16": 1.0}

    monkeypatch.setattr(quickest_dtype, "measure", slowly)
    assert quickest_on_cpu(net, SHAPE) == "float32"


def test_measuring_times_both_types(net):
    ms = measure(net, SHAPE)
    assert set(ms) == {"float32", "bfloat16"}
    assert all(0 < value < 60_000 for value in ms.values())


def test_measuring_leaves_the_random_numbers_alone(net):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    measure(net, SHAPE)
    assert (torch.rand(3) == expected).all()


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        ("cuda", "auto", torch.float16),
        ("mps", "auto", torch.float32),
        ("cpu", "auto", torch.bfloat16),
        ("cpu", "float32", torch.float32),
        ("cuda", "bfloat16", torch.bfloat16),
    ],
)
def test_devices_and_wishes(net, cache, measured, device, precision, expected):
    assert dtype_for(net, SHAPE, torch.device(device), precision) == expected
    assert len(measured[1]) == int((device, precision) == ("cpu", "auto"))


def test_an_unknown_precision_is_refused(net):
    with pytest.raises(BadInput) as error:
        dtype_for(net, SHAPE, torch.device("cpu"), "int8")
    text = "precision must be auto, float32, bfloat16, float16, got 'int8'"
    assert str(error.value) == text


def test_answers_belong_to_their_questions(cache):
    keep_answer("topic", {"a": 1}, {"b": 2})
    assert read_answer("topic", {"a": 1}) == {"b": 2}
    assert read_answer("topic", {"a": 2}) is None
    assert read_answer("other", {"a": 1}) is None
    assert [path.suffix for path in (cache.parent / "topic").iterdir()] == [".json"]


def test_a_cache_folder_that_is_not_absolute_does_not_count(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert "here" not in cache_folder().parts
    monkeypatch.setenv("XDG_CACHE_HOME", os.path.abspath("there"))
    assert cache_folder() == Path.cwd() / "there" / "lift3d"
