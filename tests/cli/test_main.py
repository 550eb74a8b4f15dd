"""The other commands, and how errors leave the program."""

import sys
from types import SimpleNamespace

import pytest

from lift3d import __version__
from lift3d.cli.main import COMMANDS, main
from lift3d.models import zoo as zoo_module
from lift3d.models.zoo import zoo


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    printed = capsys.readouterr()
    return stopped.value.code, printed.out, printed.err


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(capsys, command):
    code, out, _ = call(capsys, command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: lift3d {command}")


def test_help_lists_every_command(capsys):
    _, out, _ = call(capsys, "--help")
    assert all(f"  {name} " in out for name in COMMANDS)


def test_version_is_printed(capsys):
    assert call(capsys, "--version")[1] == f"lift3d, version {__version__}\n"


def test_an_unknown_command_is_a_usage_error(capsys):
    code, _, err = call(capsys, "lift")
    assert code == 2
    assert "No such command 'lift'" in err


def test_detectors_and_lifters_are_listed(capsys):
    assert call(capsys, "detectors", "list")[1].startswith("hourglass ")
    assert call(capsys, "lifters", "list")[1].startswith("consensus ")


def test_models_are_listed_with_licence_and_error(capsys):
    _, out, _ = call(capsys, "models", "list")
    assert all(name in out for name in zoo())
    assert out.count("licence: ") == len(zoo())


def test_models_verify_finds_all_sound(capsys):
    code, out, _ = call(capsys, "models", "verify")
    assert code == 0
    assert out.count(": ok") == len(zoo())


def test_models_verify_names_the_missing(capsys, monkeypatch, tmp_path):
    entries = zoo()
    monkeypatch.setattr(zoo_module, "HERE", tmp_path)
    code, _, err = call(capsys, "models", "verify")
    assert code == 1
    assert len(err.splitlines()) == len(entries)


def test_doctor_finds_this_installation_sound(capsys):
    code, out, _ = call(capsys, "doctor")
    assert code == 0
    assert "torch " in out
    assert "device cpu" in out
    assert "PROBLEM" not in out


@pytest.mark.parametrize(
    ("bfloat16", "openvino", "said"),
    [
        (True, False, None),
        (False, True, "openvino finds people in videos and many photos, on a processor"),
        (False, False, "pip install openvino"),
    ],
)
def test_doctor_tells_who_finds_people(capsys, monkeypatch, bfloat16, openvino, said):
    core = SimpleNamespace(get_property=lambda device, name: "a processor")
    monkeypatch.setattr("lift3d.models.bfloat16.may_pay", lambda: bfloat16)
    monkeypatch.setattr("lift3d.detectors.openvino_net.has_openvino", lambda: openvino)
    monkeypatch.setattr("lift3d.detectors.openvino_net.processor", lambda: core)
    code, out, _ = call(capsys, "doctor")
    assert code == 0
    assert (said or "device cpu") in out
    assert ("openvino" in out) == (said is not None)


def test_doctor_names_an_openvino_that_cannot_be_loaded(capsys, monkeypatch):
    def broken():
        raise OSError("no such library")

    monkeypatch.setattr("lift3d.models.bfloat16.may_pay", lambda: False)
    monkeypatch.setattr("lift3d.detectors.openvino_net.has_openvino", lambda: True)
    monkeypatch.setattr("lift3d.detectors.openvino_net.processor", broken)
    code, out, _ = call(capsys, "doctor")
    assert code == 1
    assert "PROBLEM: openvino cannot be loaded (no such library); run: pip install " in out


def test_doctor_names_doubled_opencv_wheels(capsys, monkeypatch):
    from lift3d.cli import doctor

    monkeypatch.setattr(doctor, "_installed", lambda name: "contrib" not in name)
    monkeypatch.setattr(doctor, "version", lambda name: "5.0")
    code, out, _ = call(capsys, "doctor")
    assert code == 1
    assert (
        "PROBLEM: opencv-python and opencv-python-headless overwrite each other's cv2; run: "
        "pip uninstall opencv-python opencv-python-headless && pip install opencv-python"
    ) in out


def test_an_unexpected_error_is_one_line_without_traceback(capsys, monkeypatch):
    def fail() -> None:
        raise RuntimeError("broken\nin two lines")

    monkeypatch.setattr("lift3d.models.zoo.zoo", fail)
    code, _, err = call(capsys, "models", "list")
    assert code == 1
    assert err == (
        "lift3d: unexpected RuntimeError: broken in two lines "
        "(run `lift3d --debug ...` for details)\n"
    )


def test_debug_shows_the_traceback(monkeypatch):
    def fail() -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("lift3d.models.zoo.zoo", fail)
    with pytest.raises(RuntimeError, match="broken"):
        main(["--debug", "models", "list"])


def test_doctor_names_what_cannot_be_loaded(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, out, _ = call(capsys, "doctor")
    assert code == 1
    assert "PROBLEM: torch cannot be loaded (" in out
    assert "PROBLEM: cv2 cannot be loaded (" in out
