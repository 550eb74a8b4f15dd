"""Choose the device that networks run on."""

import torch

from ..poses.errors import BadInput


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of a name: "auto" (CUDA, else the CPU), "cpu", "cuda:1", "mps".

    A CUDA device has its index, so that it is the same one in every thread.

    Raises:
        BadInput: there is no such device on this machine.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInput(f"device must be auto, cpu, cuda, cuda:N or mps, got {name!r}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise BadInput(
            f"device {name!r} asked for, but {count} CUDA devices found; try --device cpu"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BadInput("device 'mps' asked for, but none is found; try --device cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise BadInput(f"device must be auto, cpu, cuda, cuda:N or mps, got {name!r}")
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device
