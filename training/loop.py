"""The training loop that the recipes share: steps, moving average, checkpoints, resume."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..poses.errors import BadInput, Lift3dError
from ..poses.whole_files import whole_file
from .average import move_average, start_average
from .checkpoint import load_checkpoint, save_checkpoint
from .distributed import Place
from .kept_memory import keep_freed_memory
from .schedule import learning_rate

log = logging.getLogger(__name__)

LENGTH = ("samples", "phases", "calm_samples")  # what a training may be gone on with otherwise

Progress = Callable[[dict[str, float]], None]
LossOf = Callable[[nn.Module, int, torch.Generator], Tensor]
OnCheckpoint = Callable[[dict[str, Tensor]], dict[str, float]]


@dataclass(frozen=True)
class LoopSettings:
    """How a training runs.

    Attributes:
        samples: in the whole training.
        batch: samples in a step, over all processes.
        rate: peak learning rate of AdamW.
        warm_up: samples over which the rate rises.
        decay: of the moving average of the weights.
        seed: of every random draw.
        checkpoint_every: samples between two checkpoints.
        recipe: all that decides what the training gives, as JSON has it.
    """

    samples: int
    batch: int
    rate: float
    warm_up: int
    decay: float
    seed: int
    checkpoint_every: int
    recipe: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, recipe: Any, checkpoint_every: int, **drawn: Any) -> "LoopSettings":
        """Return the settings of a recipe, which has all the others as attributes.

        What else must be the same to go on (what the recipe has `drawn`, how much data there is)
        is kept with it.
        """
        names = [
            each.name for each in fields(cls) if each.name not in ("checkpoint_every", "recipe")
        ]
        shared = {name: getattr(recipe, name) for name in names}
        whole = json.loads(json.dumps({**asdict(recipe), **drawn}))
        return cls(**shared, checkpoint_every=checkpoint_every, recipe=whole)


def train_loop(
    net: nn.Module,
    loss_of: LossOf,
    settings: LoopSettings,
    folder: Path,
    place: Place,
    on_checkpoint: OnCheckpoint,
    progress: Progress,
    groups: list[dict[str, Any]] | None = None,
) -> None:
    """Train a network, or go on with the training that `folder` holds.

    Every step draws from a generator seeded by (seed, step, rank), so a training that was killed
    and started again draws what it would have drawn. `checkpoint.safetensors` is written whole or
    not at all, after `on_checkpoint`; `log.jsonl` gets a line with each one, its loss
    that of the first process's last batch. On a CPU the process keeps the memory of its largest
    step.

    Args:
        net: on the place's device, in its first state.
        loss_of: called with the network (perhaps wrapped for several processes), the number of
            samples seen and the step's generator; returns the loss of a batch.
        settings: sizes, rates, seed.
        folder: for the checkpoint and the log.
        place: this process among the processes of the training.
        on_checkpoint: called by the first process with the averaged state; returns scores to log.
        progress: called after each step with seen, total, loss and samples_per_s.
        groups: the optimizer's groups of parameters, each with a `scale` of the learning rate; all
            parameters in one group where there are none.

    Raises:
        WeightsMissing: the folder holds a checkpoint of another network.
        BadInput: the checkpoint was trained by another recipe (only its length may differ) or
            another number of processes, or the batch is not a multiple of that number.
        Lift3dError: the loss is no longer finite; the last checkpoint stays.
    """
    if settings.batch % place.world:
        raise BadInput(f"batch must be a multiple of {place.world} processes, got {settings.batch}")
    keep_freed_memory(place.device)
    average = start_average(net)
    optimizer = torch.optim.AdamW(
        groups or [{"params": list(net.parameters())}], settings.rate, weight_decay=1e-2
    )
    make_output_folder(folder)
    checkpoint = folder / "checkpoint.safetensors"
    step = 0
    if checkpoint.exists():
        about = load_checkpoint(checkpoint, net, average, optimizer)
        _check_same(settings, place.world, about, checkpoint)
        step = int(about["step"])
        log.info("go on from %d samples of %s", step * settings.batch, checkpoint)
        if place.rank == 0:
            _write_log(folder / "log.jsonl")
    parallel = DistributedDataParallel(net) if place.world > 1 else net
    last_saved, total_steps = step, -(-settings.samples // settings.batch)
    while step < total_steps:
        started = time.perf_counter()
        seen = step * settings.batch
        rate = learning_rate(seen, settings.samples, settings.rate, settings.warm_up)
        seed = _mix(settings.seed, step, place.rank)
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout draws from torch's own generator
        net.train()
        loss = _step(parallel, optimizer, rate, loss_of(parallel, seen, generator))
        move_average(average, net, step, settings.decay)
        step += 1
        seen += settings.batch
        speed = settings.batch / (time.perf_counter() - started)
        progress(
            {"seen": seen, "total": settings.samples, "loss": loss, "samples_per_s": speed},
        )
        due = (step - last_saved) * settings.batch >= settings.checkpoint_every
        if (due or step == total_steps) and place.rank == 0:
            last_saved = step
            row = {"seen": seen, "loss": loss, **on_checkpoint(average)}
            about = {"step": step, "settings": asdict(settings), "processes": place.world}
            save_checkpoint(checkpoint, net, average, optimizer, about)
            log.info("%s", row)
            _write_log(folder / "log.jsonl", row)


def _write_log(path: Path, *rows: dict[str, float]) -> None:
    """Add rows to a log; a last line that a kill has torn goes."""
    text = path.read_text() if path.exists() else ""
    lines = [text[: text.rfind("\n") + 1], *(json.dumps(row) + "\n" for row in rows)]
    with whole_file(path) as part:
        part.write_text("".join(lines))


def make_output_folder(folder: Path) -> None:
    """Make the folder of a training before it begins; raise BadInput where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be made ({error.strerror}); choose another folder with -o"
        ) from None


def _check_same(
    settings: LoopSettings, processes: int, about: dict[str, Any], checkpoint: Path
) -> None:
    """Refuse to go on with what would not draw and learn as the first run did."""
    shared = {"batch": settings.batch, "seed": settings.seed, "processes": processes}
    now = {**shared, **settings.recipe}
    found = about.get("settings", {})
    before = {**about, **found, **found.get("recipe", {})}
    for name, value in now.items():
        if name not in LENGTH and name in before and not agrees(before[name], value):
            short = isinstance(value, str | int | float)
            other = f"{name} {before[name]}, got {value}" if short else f"other {name}"
            raise BadInput(
                f"{checkpoint} was trained with {other}; go on with its settings or start in an "
                "empty folder"
            )


def agrees(before: Any, now: Any) -> bool:
    """Say whether settings are as they were kept; what was not there then is not compared.

    >>> agrees({"zoom": 1}, {"zoom": 1, "upright": 0.0}), agrees({"zoom": 1}, {"zoom": 2})
    (True, False)
    """
    if isinstance(before, dict) and isinstance(now, dict):
        return before.keys() <= now.keys() and all(agrees(before[k], now[k]) for k in before)
    return bool(before == now)


def _step(net: nn.Module, optimizer: torch.optim.Optimizer, rate: float, loss: Tensor) -> float:
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    if not loss.isfinite():
        raise Lift3dError(f"the loss became {loss.item()}; start again with a smaller --rate")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    return float(loss.detach())


def _mix(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0])
