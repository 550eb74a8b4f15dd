"""Two runs never write into one folder; a lock of a dead process is no lock."""

import json
import os
import platform
import subprocess
import sys

import pytest

from lift3d.pipelines.run_lock import RunLock
from lift3d.poses.errors import BadInput, Lift3dError


def other_process(began=None):
    """Return what the lock of this very process's parent would say."""
    return {"pid": os.getppid(), "host": platform.node(), "began": began}


def lock_of_the_dead(folder):
    """Leave the lock of a process that is gone."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = {"pid": child.pid, "host": platform.node(), "began": "1"}
    (folder / ".lift3d.lock").write_text(json.dumps(dead))


def test_the_lock_is_there_while_a_run_is_and_then_gone(tmp_path):
    with RunLock(tmp_path / "out"):
        assert [path.name for path in (tmp_path / "out").iterdir()] == [".lift3d.lock"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_second_run_is_told_who_holds_the_folder(tmp_path):
    with RunLock(tmp_path):
        held = (tmp_path / ".lift3d.lock").read_text()
        with pytest.raises(BadInput) as error, RunLock(tmp_path):
            pass
        assert str(error.value) == (
            f"output folder {tmp_path} is in use by another run (process {os.getpid()} on "
            f"{platform.node()}); wait for it, or choose another folder with -o; if it is gone, "
            f"delete {tmp_path}/.lift3d.lock"
        )
        assert (tmp_path / ".lift3d.lock").read_text() == held


def test_another_process_is_kept_out(tmp_path):
    code = (
        "import sys\nfrom lift3d.pipelines.run_lock import RunLock\n"
        "try:\n    RunLock(sys.argv[1]).__enter__()\nexcept Exception as error:\n    print(error)"
    )
    with RunLock(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
        )
    assert f"is in use by another run (process {os.getpid()} on" in done.stdout


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    lock_of_the_dead(tmp_path)
    with RunLock(tmp_path):
        assert json.loads((tmp_path / ".lift3d.lock").read_text())["pid"] == os.getpid()


def test_where_files_cannot_be_linked_locks_hold_and_are_taken_over(tmp_path, monkeypatch):
    def refuse(*paths):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    lock_of_the_dead(tmp_path)
    with RunLock(tmp_path):
        assert json.loads((tmp_path / ".lift3d.lock").read_text())["pid"] == os.getpid()
        with pytest.raises(BadInput, match="is in use by another run"), RunLock(tmp_path):
            pass


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_a_process_that_got_a_dead_ones_number_does_not_hold_its_lock(tmp_path):
    (tmp_path / ".lift3d.lock").write_text(json.dumps(other_process(began="another time")))
    with RunLock(tmp_path):
        assert json.loads((tmp_path / ".lift3d.lock").read_text())["pid"] == os.getpid()


def test_a_lock_of_another_machine_is_not_judged(tmp_path):
    (tmp_path / ".lift3d.lock").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    with pytest.raises(BadInput, match=r"process 1 on elsewhere\); wait for it"), RunLock(tmp_path):
        pass
    assert (tmp_path / ".lift3d.lock").exists()


def test_shards_stand_side_by_side_but_not_beside_the_whole(tmp_path):
    with RunLock(tmp_path, "1-of-2"):
        with RunLock(tmp_path, "2-of-2"):
            pass
        with pytest.raises(BadInput), RunLock(tmp_path, "1-of-2"):
            pass
        with pytest.raises(BadInput), RunLock(tmp_path):
            pass
    with RunLock(tmp_path), pytest.raises(BadInput), RunLock(tmp_path, "2-of-2"):
        pass


def test_shards_of_another_number_are_in_the_way(tmp_path):
    with RunLock(tmp_path, "1-of-2"):
        with pytest.raises(BadInput), RunLock(tmp_path, "2-of-3"):
            pass
        with pytest.raises(BadInput), RunLock(tmp_path, "1-of-12"):
            pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Lift3dError) as error, RunLock(tmp_path / "file" / "out"):
        pass
    assert str(error.value) == (
        f"output folder {tmp_path}/file/out cannot be written to (Not a directory); "
        "choose another with -o"
    )
