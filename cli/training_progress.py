"""The progress bar of the recipes."""

import contextlib
import os
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def training_progress(name: str) -> Iterator[Callable[[dict[str, float]], None]]:
    """Show a bar with loss, speed and time left on the error stream."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(name),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("loss {task.fields[loss]:.3f}, {task.fields[speed]:.0f}/s"),
        TimeRemainingColumn(),
    )
    smooth: dict[str, float] = {}
    first = os.environ.get("RANK", "0") == "0"  # of several processes one shows the bar
    with Progress(*columns, console=Console(stderr=True), disable=not first) as bar:
        task = bar.add_task(name, total=1, loss=0.0, speed=0.0)

        def update(state: dict[str, float]) -> None:
            for key in ("loss", "samples_per_s"):
                smooth[key] = 0.98 * smooth.get(key, state[key]) + 0.02 * state[key]
            bar.update(
                task,
                completed=state["seen"],
                total=state["total"],
                loss=smooth["loss"],
                speed=smooth["samples_per_s"],
            )

        yield update
