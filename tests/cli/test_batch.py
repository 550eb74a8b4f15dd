"""`lift3d batch` as a user meets it: a folder of videos, stopped, killed, gone on with."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lift3d.cli.main import main


@pytest.fixture
def videos(make_video, tmp_path) -> Path:
    """Return a folder of three good videos, one of them deep in it, and a broken one."""
    folder = tmp_path / "videos"
    (folder / "deep").mkdir(parents=True)
    make_video(folder / "a.mp4", 60)
    make_video(folder / "b.mp4", 40, columns=2)
    make_video(folder / "deep" / "a.mp4", 20)
    (folder / "broken.mp4").write_text("hello")
    return folder


@pytest.fixture
def arguments(video_parts, videos):
    parts = ["--detector", f"{video_parts}:Moving", "--lifter", f"{video_parts}:Flat"]
    return ["batch", str(videos), "--device", "cpu", *parts]


@pytest.fixture
def batch(arguments, tmp_path, capsys):
    """Return a function that runs `lift3d batch` over the videos: (exit code, stderr)."""

    def call(*more: str, out: str = "out") -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "-o", str(tmp_path / out), *more])
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "Traceback" not in printed.err
        return stopped.value.code, printed.err

    return call


def results(folder: Path) -> dict[str, bytes]:
    """Return the data files below a folder by their relative paths."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.jsonl"))}


def entries(folder: Path) -> dict:
    """Return the entries of a manifest without their times."""
    files = json.loads((folder / "manifest.json").read_text())["files"]
    return {
        name: {key: value for key, value in entry.items() if key not in ("seconds", "finished")}
        for name, entry in files.items()
    }


def test_a_folder_is_worked_through_and_the_broken_one_listed(batch, tmp_path, videos):
    code, said = batch()
    assert code == 1
    out = tmp_path / "out"
    assert list(results(out)) == ["a.jsonl", "b.jsonl", "deep/a.jsonl"]
    assert f"{videos}/a.mp4: 60 frames, 1 person -> {out}/a.jsonl" in said
    table = said[said.index("\n\n") :].split()
    assert table[:6] == ["done", "3", "failed", "1", "videos", "4"]
    assert f"failed: {videos}/broken.mp4: cannot be read as video" in said
    assert entries(out)["broken"]["status"] == "failed"
    assert entries(out)["b"]["people"] == 2
    assert sorted(path.name for path in out.iterdir()) == [
        "a.jsonl",
        "b.jsonl",
        "deep",
        "manifest.json",
    ]


def test_a_second_run_does_nothing_again_and_failures_only_when_asked(batch, tmp_path, make_video):
    batch()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.jsonl")}
    code, said = batch()
    assert code == 1
    assert "--retry-failed tries it again" in said
    assert said.split()[said.split().index("already") : said.split().index("failed")] == [
        "already",
        "there",
        "3",
    ]
    code, said = batch("--retry-failed")
    assert code == 1
    assert "--retry-failed" not in said
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.jsonl")}
    make_video(tmp_path / "videos" / "broken.mp4", 5)  # a changed file is a new one
    assert batch()[0] == 0
    assert "broken.jsonl" in results(tmp_path / "out")


def test_a_video_that_broke_off_is_done_again_once_its_file_is_another(
    batch, tmp_path, videos, make_video
):
    broken = videos / "broken.mp4"
    whole = make_video(tmp_path / "whole.mkv", 100, columns=8).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    assert batch()[0] == 1
    assert entries(tmp_path / "out")["broken"]["status"] == "damaged"
    broken.write_bytes(whole)
    assert batch()[0] == 0
    assert entries(tmp_path / "out")["broken"]["frames"] == 100


@pytest.fixture
def damaged(videos, tmp_path, make_video):
    """Put a video that breaks off in the place of the broken one."""
    whole = make_video(tmp_path / "whole.mkv", 100, columns=8).read_bytes()
    (videos / "broken.mp4").write_bytes(whole[: len(whole) // 2])
    return videos / "broken.mp4"


def test_what_shards_found_damaged_is_not_forgotten_by_later_runs(
    batch, arguments, tmp_path, damaged, capsys
):
    codes = [batch("--shard", f"{part}/2")[0] for part in (1, 2)]
    assert sorted(codes) == [0, 1]
    for more in ([], ["--shard", "1/3"], ["--shard", "2/3"], ["--shard", "3/3"]):
        code, said = batch(*more)
        assert ("--retry-failed tries it again" in said) == code
        codes.append(code)
    assert codes[2:] in ([1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1])
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(damaged), *arguments[2:], "-o", str(tmp_path / "out")])
    assert stopped.value.code == 1
    assert "--overwrite does it again" in capsys.readouterr().err


def test_a_format_that_is_added_is_written_for_a_damaged_video_too(batch, tmp_path, damaged):
    assert batch()[0] == 1
    code, said = batch("--format", "jsonl,csv")
    assert code == 1
    assert "--retry-failed" not in said
    assert (tmp_path / "out" / "broken.csv").exists()
    assert "--retry-failed tries it again" in batch("--format", "jsonl,csv")[1]


def test_what_could_not_be_written_is_tried_again_by_the_same_command(batch, tmp_path, videos):
    (videos / "broken.mp4").unlink()
    (tmp_path / "out").mkdir()
    full = tmp_path / "out" / "b.jsonl.part"
    full.symlink_to("/dev/full")
    code, said = batch()
    assert code == 1
    assert f"{tmp_path}/out/b.jsonl: cannot be written: No space left on device; make room" in said
    assert entries(tmp_path / "out")["b"]["not_written"] is True
    full.unlink(missing_ok=True)
    code, said = batch()
    assert code == 0
    assert entries(tmp_path / "out")["b"]["not_written"] is False
    assert len(results(tmp_path / "out")) == 3


def test_a_link_to_nothing_stops_no_later_batch(batch, videos):
    (videos / "broken.mp4").unlink()
    (videos / "broken.mp4").symlink_to(videos / "nothing.mp4")
    batch()
    code, said = batch()
    assert code == 1
    assert f"{videos}/broken.mp4: no such file; check the spelling and the folder; --retry" in said
    assert said.split()[said.split().index("already") :][:3] == ["already", "there", "3"]


def test_a_folder_that_cannot_be_read_is_listed(batch, tmp_path, videos, monkeypatch):
    scandir = os.scandir

    def refuse(path="."):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    (videos / "broken.mp4").unlink()
    monkeypatch.setattr(os, "scandir", refuse)
    code, said = batch()
    assert code == 1
    problem = f"{videos}/deep: cannot be read: Permission denied; check its permissions"
    assert [line for line in said.splitlines() if "deep" in line] == [
        f"lift3d: {problem}",
        f"failed: {problem}",
    ]
    assert list(results(tmp_path / "out")) == ["a.jsonl", "b.jsonl"]


def test_an_empty_file_in_a_results_place_is_done_again(batch, tmp_path, videos):
    (videos / "broken.mp4").unlink()
    batch()
    before = results(tmp_path / "out")
    (tmp_path / "out" / "a.jsonl").write_text("")
    (tmp_path / "out" / "b.npz").touch()
    assert batch()[0] == 0
    assert results(tmp_path / "out") == before


def test_workers_shards_and_one_by_one_give_the_same(batch, tmp_path):
    batch("--workers", "2", "--smooth", "live", out="two")
    batch("--smooth", "live", "--shard", "1/2", out="shards")
    assert len(results(tmp_path / "shards")) < 3
    batch("--smooth", "live", "--shard", "2/2", out="shards")
    assert results(tmp_path / "two") == results(tmp_path / "shards")
    names = {path.name for path in (tmp_path / "shards").glob("manifest*")}
    assert names == {"manifest.1-of-2.json", "manifest.2-of-2.json"}


def test_one_video_on_two_workers_is_the_same_as_on_one(batch, tmp_path, videos):
    for path in [videos / "b.mp4", videos / "broken.mp4", videos / "deep" / "a.mp4"]:
        path.unlink()
    assert batch("--workers", "2", out="two")[0] == 0
    assert batch(out="one")[0] == 0
    assert results(tmp_path / "two") == results(tmp_path / "one")


def test_two_runs_into_one_folder_are_told_apart(batch, tmp_path):
    from lift3d.pipelines.run_lock import RunLock

    with RunLock(tmp_path / "out"):
        code, said = batch()
    assert code == 2
    assert said.startswith(
        f"lift3d: output folder {tmp_path}/out is in use by another run (process"
    )


def test_results_of_another_video_are_not_taken_for_done(batch, tmp_path, videos):
    batch()
    path = tmp_path / "out" / "a.jsonl"
    path.write_text(path.read_text().replace(f"{videos}/a.mp4", "/elsewhere/a.mp4"))
    code, said = batch()
    assert code == 1
    assert (
        f"lift3d: {videos}/a.mp4: {path} holds the results of /elsewhere/a.mp4; choose another "
        "folder with -o, or --overwrite"
    ) in said


@pytest.mark.parametrize("shard", ["3", "0/2", "3/2", "a/b"])
def test_a_shard_that_makes_no_sense_is_a_usage_error(batch, shard):
    code, said = batch("--shard", shard)
    assert code == 2
    assert f"--shard must be I/N with I from 1 to N, such as 2/8, got {shard!r}" in said


def test_an_unknown_format_is_one_line(batch):
    code, said = batch("--format", "xml")
    assert code == 2
    assert said == "lift3d: a video's formats are jsonl, npz, csv, parquet, got 'xml'\n"


def test_an_unreachable_cluster_is_one_line(batch):
    pytest.importorskip("ray")
    code, said = batch("--engine", "ray", "--address", "127.0.0.1:9")
    assert code == 2
    assert said == (
        "lift3d: no Ray cluster answers at 127.0.0.1:9 (Connection refused); start one with "
        "`ray start --head`, or check --address\n"
    )


@pytest.mark.slow
def test_a_batch_killed_again_and_again_ends_as_an_undisturbed_one(arguments, batch, tmp_path):
    batch("--workers", "2", out="whole")
    command = [sys.executable, "-m", "lift3d", *arguments, "-o", str(tmp_path / "killed")]
    command += ["--workers", "2"]
    slow = os.environ | {"LIFT3D_TEST_SECONDS": "0.03"}
    moments = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(command, env=slow, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(3, 6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "broken.mp4" in done.stderr
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    assert entries(tmp_path / "killed").keys() <= entries(tmp_path / "whole").keys()
    assert not list((tmp_path / "killed").rglob("*.part"))


def test_a_clusters_address_without_the_cluster_is_a_usage_error(batch, tmp_path):
    code, said = batch("--address", "here:1")
    assert code == 2
    assert said.splitlines()[-1].endswith("--address is a Ray cluster's; give --engine ray with it")
    assert not (tmp_path / "out").exists()
