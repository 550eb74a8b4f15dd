"""`lift3d detectors` and `lift3d lifters`: what can be named."""

import click


@click.group(short_help="List the 2D detectors.")
def detectors() -> None:
    """Show the 2D detectors that `--detector` knows by name."""


@detectors.command("list")
def list_detectors() -> None:
    """List the detectors: name, origin, what it is."""
    from ..pipelines.parts import list_detectors

    _show(list_detectors())


@click.group(short_help="List the 3D lifters.")
def lifters() -> None:
    """Show the 3D lifters that `--lifter` knows by name."""


@lifters.command("list")
def list_lifters() -> None:
    """List the lifters: name, origin, what it is."""
    from ..pipelines.parts import list_lifters

    _show(list_lifters())


def _show(parts: list) -> None:
    for part in parts:
        click.echo(f"{part.name:<14} {part.origin:<12} {part.summary}")
