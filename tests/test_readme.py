"""What the README shows runs: its Python blocks, and its commands as far as their arguments."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import click
import numpy as np
import pytest

from lift3d import Pipeline, read_image
from lift3d.cli.main import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the README's blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


COMMANDS = [
    command.strip()
    for text in [*blocks("bash"), *re.findall(r"`((?:lift3d|python) [^`]+)`", README)]
    for command in re.split(r"&&|\n", text)
]


def called(program: str) -> list[str]:
    """Return the README's commands of a program, each once."""
    return sorted({command for command in COMMANDS if command.startswith(f"{program} ")})


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return a new working folder with the examples in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_paths(arguments: list[str]) -> None:
    """Make the files and folders that a command names: what ends in "/" is a folder."""
    for argument in arguments:
        path = Path(argument)
        if argument.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        elif path.suffix in {".npz", ".mat", ".json", ".safetensors", ".tgz"} and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def parse(arguments: list[str]) -> click.Context:
    """Parse a command's arguments as a call would, and call nothing."""
    command: click.Command | None = cli
    words = ["lift3d"]
    while isinstance(command, click.Group):
        words.append(arguments.pop(0))
        command = command.get_command(click.Context(command), words[-1])
    assert command is not None, f"there is no command {' '.join(words)}"
    return command.make_context(words[-1], arguments)


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_a_python_block_runs(code, folder):
    names: dict = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    assert names["lift3d"].__version__


def test_the_json_shown_is_what_the_example_gives(folder):
    shown = json.loads(blocks("json")[0])["people"][0]
    person = Pipeline(device="cpu").run(read_image("examples/person.jpg"))[0]
    close = np.testing.assert_allclose  # a shade apart where a processor has 16 bits
    close(person.pose2d.score, shown["score"], atol=0.01)
    close(person.pose2d.box_xyxy_px, shown["box_xyxy_px"], atol=2)
    close(person.pose2d.joints_px[0], shown["joints_px"][0], atol=2)
    close(person.pose2d.confidence[0], shown["confidence_2d"][0], atol=0.01)
    close(person.joints_mm[:2], shown["joints_mm"][:2], atol=8)
    close(person.confidence[:2], shown["confidence"][:2], atol=0.02)
    close(person.camera.scale_px_per_mm, shown["camera"]["scale_px_per_mm"], rtol=0.01)


@pytest.mark.parametrize("command", called("lift3d"))
def test_a_lift3d_command_is_understood(command, folder):
    arguments = shlex.split(command)[1:]
    make_paths(arguments)
    assert parse(arguments).args == []


@pytest.mark.parametrize("command", called("python"))
def test_a_script_is_there_and_knows_its_options(command):
    _, script, *arguments = shlex.split(command)
    text = (ROOT / script).read_text(encoding="utf-8")
    assert [a for a in arguments if a.startswith("--") and f'"{a}"' not in text] == []


def test_the_main_commands_are_what_they_always_were():
    assert blocks("bash")[:2] == [
        "pip install -c constraints.txt . && lift3d run examples/person.jpg -o out\n",
        'pip install -c constraints.txt -e ".[test]" && pytest\n',
    ]


def test_every_file_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)", README)
    assert links
    assert [link for link in links if not os.path.exists(ROOT / link)] == []
