"""How a network's state is kept in its file: in 16 bits, large filters perhaps in 8."""

import pytest
import torch
from safetensors.torch import save_file

from lift3d.models.tensor_file import (
    KEY,
    STEP,
    expanded,
    in_bytes,
    in_half,
    read_tensors,
    write_tensors,
)
from lift3d.poses.errors import WeightsMissing


def test_large_filters_are_kept_in_8_bits_and_come_back_to_half_a_step(tmp_path):
    torch.manual_seed(1)
    state = {
        "encoder.large.weight": torch.randn(256, 256, 1, 1)
        * torch.logspace(-4, 2, 256).view(-1, 1, 1, 1),
        "encoder.depthwise.weight": torch.randn(8192, 1, 3, 3),
        "encoder.shift": torch.randn(64),
        "encoder.small.weight": torch.randn(8, 64, 1, 1),
        "encoder.count": torch.tensor(7),
    }
    path = tmp_path / "net.safetensors"
    write_tensors(path, in_bytes(state), {})
    stored, _ = read_tensors(path)
    assert {name for name, value in stored.items() if value.dtype == torch.int8} == {
        "encoder.large.weight"
    }
    back = expanded(stored)
    assert back.keys() == state.keys()
    step = stored["encoder.large.weight" + STEP][:, None, None, None]
    difference = (back["encoder.large.weight"] - state["encoder.large.weight"]).abs()
    assert (difference <= 0.501 * step).all()
    for name in ("encoder.small.weight", "encoder.depthwise.weight"):
        assert torch.equal(back[name], state[name].half().float())
    assert back["encoder.count"].dtype == torch.int64


def test_filters_of_nothing_but_zeros_stay_so():
    state = {"encoder.w": torch.zeros(256, 256, 1, 1)}
    assert torch.equal(expanded(in_bytes(state))["encoder.w"], state["encoder.w"])


@pytest.mark.parametrize("metadata", ["[1]", "3", "null"])
def test_metadata_that_is_no_object_is_one_line(tmp_path, metadata):
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(1)}, path, {KEY: metadata})
    with pytest.raises(WeightsMissing, match="its metadata is no object"):
        read_tensors(path)


def test_numbers_that_16_bits_do_not_hold_keep_32():
    state = {"large": torch.tensor([1.0, -70_000.0]), "small": torch.tensor([1.0, -60_000.0])}
    kept = in_half(state)
    assert torch.equal(kept["large"], state["large"])
    assert kept["small"].dtype == torch.float16
