"""Where trainings run in bfloat16."""

import pytest
import torch

from lift3d.models import bfloat16
from lift3d.models.bfloat16 import bfloat16_cost, quick_autocast


@pytest.fixture
def capability(monkeypatch):
    """Return a function that sets what the processor can do; nothing is remembered of it."""
    bfloat16_cost.cache_clear()
    yield lambda name: monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: name)
    bfloat16_cost.cache_clear()


def test_without_avx512_nothing_is_timed(capability, monkeypatch):
    capability("AVX2")
    monkeypatch.setattr(torch, "randn", None)  # no convolution can be made
    assert bfloat16_cost() == float("inf")


def test_a_convolution_is_timed_in_both(capability):
    capability("AVX512")
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    assert 0.01 < bfloat16_cost() < 10_000
    assert torch.get_num_threads() == threads
    after = torch.rand(3)
    torch.manual_seed(0)
    assert (after == torch.rand(3)).all()


@pytest.mark.parametrize(("cost", "expected"), [(0.5, torch.bfloat16), (0.9, torch.float32)])
def test_a_cpu_trains_in_what_is_clearly_quicker(monkeypatch, cost, expected):
    monkeypatch.setattr(bfloat16, "bfloat16_cost", lambda: cost)
    layer, x = torch.nn.Conv2d(2, 2, 1), torch.zeros(1, 2, 4, 4)
    with quick_autocast(torch.device("cpu")):
        assert layer(x).dtype == expected


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_trains_in_bfloat16_where_it_has_it(monkeypatch, native):
    asked = []
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda **wanted: asked.append(wanted) or native
    )
    monkeypatch.setattr(torch, "autocast", lambda *given, enabled: (*given, enabled))
    assert quick_autocast(torch.device("cuda:0")) == ("cuda", torch.bfloat16, native)
    assert asked == [{"including_emulation": False}]
    assert quick_autocast(torch.device("mps")) == ("mps", torch.bfloat16, False)
