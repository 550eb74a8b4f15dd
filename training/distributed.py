"""One process or several: what `torchrun` set up, and the device of this process."""

import os
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class Place:
    """Where this process stands among the processes of a training."""

    rank: int
    world: int
    device: torch.device


def join_processes(device: torch.device) -> Place:
    """Join the process group if `torchrun` started this process, else stand alone."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Place(0, 1, device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return Place(distributed.get_rank(), world, device)


def leave_processes() -> None:
    """Leave the process group, if one was joined."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
