"""Options that commands of several groups share."""

import math
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
PART = "Name, package.module:Name or file.py:Name."


class FiniteRange(click.FloatRange):
    """Take numbers within a range; NaN, which click lets through, and infinity lie in none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number that a word stands for."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


def device_option(default: str = "auto") -> Decorator:
    """Return the option of the device that networks run on."""
    return click.option(
        "--device",
        default=default,
        show_default=True,
        help="auto (CUDA, else the CPU), cpu, cuda, cuda:N or mps.",
    )


def seed_option(default: int = 1) -> Decorator:
    """Return the option of the seed."""
    return click.option(
        "--seed",
        default=default,
        show_default=True,
        type=click.IntRange(0),
        help="Of every random draw.",
    )
