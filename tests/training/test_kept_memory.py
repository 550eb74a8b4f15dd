"""Memory that a training frees stays with it."""

import subprocess
import sys

import pytest
import torch

from lift3d.training import kept_memory
from lift3d.training.kept_memory import keep_freed_memory

STEPS = """
import resource, sys
import torch
from lift3d.training.kept_memory import keep_freed_memory

kept = sys.argv[1] == "keep" and keep_freed_memory(torch.device("cpu"))
def step():
    torch.ones(16 * 2**20)  # 64 MiB
for _ in range(30):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    step()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def steps(how: str) -> tuple[bool, int]:
    """Return whether memory is kept in a process, and its page faults in four later steps."""
    done = subprocess.run(
        [sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_what_a_step_frees_the_next_one_has_at_once():
    kept, faults = steps("keep")
    if not kept:
        pytest.skip("this Linux has no glibc")
    assert faults < 50
    assert steps("leave")[1] > 100  # large pages, where the system has them by default: 128


def test_without_glibc_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(kept_memory.sys, "platform", "linux")
    monkeypatch.setattr(kept_memory.ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory(torch.device("cpu"))


@pytest.mark.parametrize(("platform", "device"), [("win32", "cpu"), ("linux", "cuda")])
def test_other_systems_and_gpus_are_left_alone(monkeypatch, platform, device):
    monkeypatch.setattr(kept_memory.sys, "platform", platform)
    monkeypatch.setattr(kept_memory.ctypes, "CDLL", None)
    assert not keep_freed_memory(torch.device(device))
