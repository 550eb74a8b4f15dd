"""Learning rate and resolution over the course of a training."""

from dataclasses import dataclass
from math import cos, pi

from ..poses.errors import BadInput


@dataclass(frozen=True)
class Phase:
    """A stretch of training at one image size."""

    size: int
    samples: int


def parse_phases(text: str) -> tuple[Phase, ...]:
    """Read phases from text: "128:200000,192:60000" is 200,000 samples at 128 px, then at 192.

    Raises:
        BadInput: the text has another form.

    >>> parse_phases("128:200,192:60")
    (Phase(size=128, samples=200), Phase(size=192, samples=60))
    """
    try:
        pairs = [part.split(":") for part in text.split(",")]
        phases = tuple(Phase(int(size), int(samples)) for size, samples in pairs)
    except ValueError:
        phases = ()
    if not phases or any(p.size < 1 or p.samples < 1 for p in phases):
        raise BadInput(f"phases must look like 128:200000,192:60000 (size:samples), got {text!r}")
    return phases


def size_at(phases: tuple[Phase, ...], sample: int) -> int:
    """Return the image size for the given number of samples already seen."""
    for phase in phases:
        if sample < phase.samples:
            return phase.size
        sample -= phase.samples
    return phases[-1].size


def learning_rate(sample: int, total: int, peak: float, warm_up: int) -> float:
    """Return the rate: a linear rise over `warm_up` samples, then half a cosine down to 1 %."""
    if sample < warm_up:
        return peak * (sample + 1) / warm_up
    done = min(1.0, (sample - warm_up) / max(1, total - warm_up))
    return peak * (0.01 + 0.99 * 0.5 * (1 + cos(pi * done)))
