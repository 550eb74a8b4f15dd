"""The command `lift3d`: a group whose commands are imported when they are called."""

import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from .. import __version__
from ..poses.errors import Lift3dError

COMMANDS = {
    "run": ("run", "Turn photos and videos into 3D poses."),
    "batch": ("batch", "Turn a folder of videos into 3D poses."),
    "detectors": ("parts", "List the 2D detectors."),
    "lifters": ("parts", "List the 3D lifters."),
    "models": ("models", "List and check the weights that ship."),
    "train": ("train", "Train networks and models from data."),
    "eval": ("evaluate", "Measure detectors and lifters on data."),
    "data": ("data", "Make people, bodies, backgrounds and sets to measure on."),
    "doctor": ("doctor", "Check this installation."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        return getattr(module, cmd_name if cmd_name != "eval" else "evaluate")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' help without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="lift3d")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-v", "--verbose", is_flag=True, help="Log what is going on.")
def cli(debug: bool, verbose: bool) -> None:
    """Turn photos and videos of people into 3D poses.

    Results go to files, progress and messages to the terminal's error stream. Exit code 0: all
    done; 1: some items failed, each is listed; 2: wrong usage.
    """
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; the console script `lift3d` calls it."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if "--debug" in arguments:  # wherever it stands
        arguments = ["--debug", *(text for text in arguments if text != "--debug")]
    sys.exit(_run(cli.main, arguments))


def _run(command: Callable[..., Any], arguments: list[str]) -> int:
    try:
        code = command(args=arguments, prog_name="lift3d", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was finished is kept", err=True)
        return 1
    except Lift3dError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"lift3d: {error}", err=True)
        return 2
    except Exception as error:
        if "--debug" in arguments:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(f"lift3d: unexpected {text} (run `lift3d --debug ...` for details)", err=True)
        return 1
    return code if isinstance(code, int) else 0
