"""The recipes of the weights that ship call the command line as it is."""

import os
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from lift3d.cli.main import cli

RECIPES = Path(__file__).parents[2] / "models" / "recipes"
PACKS = ("crops192", "photos448", "mocap_cmu17", "body_makehuman")
PACKAGES = ("pose-0.5.1675469404.tgz", "human-models-3.0.4.tgz")
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="recipes are for bash")
STUB = """#!/usr/bin/env bash
# Notes its arguments, one a line, and leaves what a training or a generator would.
{ printf '%s\\n' "$@"; echo; } >> "$CALLS"
while [ $# -gt 1 ]; do
  [ "$1" = -o ] && mkdir -p "$2" && touch "$2/hourglass.safetensors"
  shift
done
"""


@pytest.mark.parametrize(
    ("name", "trainings"), [("hourglass-s", 7), ("hourglass-m", 4), ("fusion-s", 1)]
)
def test_every_command_of_a_recipe_is_one(name, trainings, tmp_path):
    data, runs, bin_folder = tmp_path / "my data", tmp_path / "my runs", tmp_path / "bin"
    for folder in (data, bin_folder):
        folder.mkdir()
    for file in (*(f"{pack}.npz" for pack in PACKS), *PACKAGES):
        (data / file).touch()
    (bin_folder / "lift3d").write_text(STUB)
    (bin_folder / "lift3d").chmod(0o755)
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "CALLS": str(tmp_path / "calls")}
    recipe = ["bash", str(RECIPES / f"{name}.sh"), str(data), str(runs)]
    subprocess.run(recipe, check=True, env=environment)
    calls = [call.split("\n") for call in (tmp_path / "calls").read_text().strip().split("\n\n")]
    for group, command, *options in calls:
        parsed(group, command, options)
    assert [call[0] for call in calls] == ["data"] * 4 + ["train"] * trainings
    assert (runs / name / "hourglass.safetensors").exists()


def parsed(group: str, command: str, options: list[str]) -> click.Context:
    """Return a command's context; a command or an option that is not there fails."""
    context = click.Context(cli)
    commands = cli.get_command(context, group)
    assert isinstance(commands, click.Group)
    found = commands.get_command(context, command)
    assert found is not None
    return found.make_context(command, list(options))


def test_a_recipe_without_data_says_how_it_is_called():
    for recipe in RECIPES.glob("*.sh"):
        if recipe.name == "published.sh":  # sourced by the others
            continue
        found = subprocess.run(["bash", str(recipe)], capture_output=True, text=True, check=False)
        assert found.returncode == 1
        assert "usage: bash models/recipes/" in found.stderr
