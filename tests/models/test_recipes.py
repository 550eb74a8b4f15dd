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


class Sandbox:
    """A folder with empty packs, and a `lift3d` that notes how it is called."""

    def __init__(self, folder: Path) -> None:
        self.data, self.runs, self.calls = (folder / name for name in ("my data", "my runs", "c"))
        stub = folder / "bin" / "lift3d"
        for made in (self.data, stub.parent):
            made.mkdir()
        for file in (*(f"{pack}.npz" for pack in PACKS), *PACKAGES):
            (self.data / file).touch()
        stub.write_text(STUB)
        stub.chmod(0o755)
        path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "CALLS": str(self.calls)}

    def run(self, name: str, *more: str) -> list[list[str]]:
        """Return the arguments of each call that a recipe makes."""
        self.calls.write_text("")
        recipe = ["bash", str(RECIPES / f"{name}.sh"), str(self.data), *more]
        subprocess.run(recipe, check=True, env=self.environment)
        return [call.split("\n") for call in self.calls.read_text().split("\n\n") if call]


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path)


@pytest.mark.parametrize(
    ("name", "trainings"), [("hourglass-s", 7), ("hourglass-m", 5), ("fusion-s", 1)]
)
def test_every_command_of_a_recipe_is_one(name, trainings, sandbox):
    calls = sandbox.run(name, str(sandbox.runs))
    for group, command, *options in calls:
        parsed(group, command, options)
    assert [call[0] for call in calls] == ["data"] * 4 + ["train"] * trainings
    assert (sandbox.runs / name / "hourglass.safetensors").exists()
    assert {folder.name for folder in (sandbox.data / "people").iterdir()} == {"train", "val"}


def test_people_that_are_complete_are_not_made_again_and_others_go_on(sandbox):
    (sandbox.data / "people" / "val").mkdir(parents=True)
    (sandbox.data / "people" / "train.part").mkdir()
    (sandbox.data / "backgrounds" / "train.part").mkdir(parents=True)
    calls = sandbox.run("synthetic-people")
    assert [call[1] for call in calls] == ["backgrounds", "backgrounds", "synthesize"]
    assert calls[2][-1] == str(sandbox.data / "people" / "train.part")
    assert sandbox.run("synthetic-people") == []


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
        if recipe.name in ("hourglass.sh", "published.sh"):  # sourced by the others
            continue
        found = subprocess.run(["bash", str(recipe)], capture_output=True, text=True, check=False)
        assert found.returncode == 1
        assert "usage: bash models/recipes/" in found.stderr
