"""Options that the commands below `lift3d train` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .shared_options import Decorator, FiniteRange, device_option, seed_option


def length_options(samples: int, batch: int) -> Decorator:
    """Return the options of how much is learned, with such values, and at which rate."""
    options = (
        click.option(
            "--samples",
            default=samples,
            show_default=True,
            type=click.IntRange(1),
            help="Samples in the whole training.",
        ),
        click.option(
            "--batch",
            default=batch,
            show_default=True,
            type=click.IntRange(2),
            help="Samples in a step.",
        ),
        click.option(
            "--rate",
            default=1e-3,
            show_default=True,
            type=FiniteRange(0, min_open=True),
            help="Peak learning rate.",
        ),
    )
    return _all(options)


def run_options(checkpoint_every: int) -> Decorator:
    """Return the options of a run: seed, checkpoints, device."""
    options = (
        seed_option(),
        click.option(
            "--checkpoint-every",
            default=checkpoint_every,
            show_default=True,
            type=click.IntRange(1),
            help="Samples between two checkpoints, each with a validation.",
        ),
        device_option(),
    )
    return _all(options)


def published_option(help_text: str) -> Decorator:
    """Return the option of the package that has a network's published weights."""
    return click.option(
        "--published",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help=help_text,
    )


def _all(options: tuple[Decorator, ...]) -> Decorator:
    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
