"""`lift3d run` with videos: results, choices, one line for whatever goes wrong."""

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lift3d.cli.main import main


@pytest.fixture
def lift3d(tmp_path, video_parts, capsys):
    """Return a function that runs `lift3d run` with scripted parts: (exit code, stderr)."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        command = ["run", *map(str, arguments), "--device", "cpu", "-o", str(tmp_path / "out")]
        command += ["--detector", f"{video_parts}:Moving", "--lifter", f"{video_parts}:Flat"]
        with pytest.raises(SystemExit) as stopped:
            main(command)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "Traceback" not in printed.err
        return stopped.value.code, printed.err

    return call


@pytest.fixture
def walk(make_video, tmp_path) -> Path:
    return make_video(tmp_path / "walk.mp4", 30)


def frames_of(path: Path) -> list[int]:
    return [json.loads(line)["frame"] for line in path.read_text().splitlines()[1:]]


def test_a_video_gives_lines_and_a_manifest(lift3d, walk, tmp_path):
    code, said = lift3d(walk)
    out = tmp_path / "out"
    assert code == 0
    assert said.startswith(f"{walk}: 30 frames, 1 person -> {out}/walk.jsonl (")
    assert said.splitlines()[-1] == f"1 done; results in {out}"
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "walk.jsonl"]
    entry = json.loads((out / "manifest.json").read_text())["files"]["walk"]
    assert (entry["status"], entry["frames"], entry["outputs"]) == ("done", 30, ["walk.jsonl"])


def test_photos_and_videos_of_a_folder_are_both_done(lift3d, make_video, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    make_video(folder / "walk.mp4", 10)
    cv2.imwrite(str(folder / "photo.png"), np.full((100, 100, 3), 20, np.uint8))
    code, said = lift3d(folder, "--no-pictures")
    assert code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["manifest.json", "photo.json", "walk.jsonl"]
    assert said.splitlines()[-1].startswith("2 done")


def test_a_photo_called_manifest_keeps_its_results_beside_a_videos(lift3d, walk, tmp_path):
    photo = tmp_path / "manifest.png"
    cv2.imwrite(str(photo), np.full((100, 100, 3), 20, np.uint8))
    assert lift3d(photo, walk, "--no-pictures")[0] == 0
    out = tmp_path / "out"
    assert json.loads((out / "manifest.png.json").read_text())["source"] == str(photo)
    assert list(json.loads((out / "manifest.json").read_text())["files"]) == ["walk"]


def test_line_breaks_in_names_leave_messages_of_one_line(lift3d, walk, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((100, 100, 3), 20, np.uint8))
    (folder / "a.png").rename(folder / "photo\n1.png")
    (folder / "bad\n2.png").write_text("hello")
    walk.rename(folder / "video\n3.mp4")
    (folder / "bad\x1b[2J4.mp4").write_text("hello")
    code, said = lift3d(folder, "no\nfile.png", "--no-pictures")
    assert code == 1
    begins = [line.partition(": ") for line in said.splitlines()]
    assert [first if first != "lift3d" else rest.split(": ")[0] for first, _, rest in begins] == [
        "no\\nfile.png",
        f"{folder}/bad\\n2.png",
        f"{folder}/photo\\n1.png",
        f"{folder}/bad\\x1b[2J4.mp4",
        f"{folder}/video\\n3.mp4",
        f"2 done, 3 failed; results in {tmp_path}/out",
    ]


def test_a_video_that_is_done_is_left_alone(lift3d, walk, tmp_path):
    lift3d(walk)
    code, said = lift3d(walk)
    assert code == 0
    assert said.startswith("0 done, 1 already there (--overwrite does them again)")


def test_what_a_stream_gave_before_is_not_replaced(lift3d, walk, tmp_path, monkeypatch):
    def piped(*options: str) -> tuple[int, str]:
        stdin = type("Stdin", (), {"buffer": io.BytesIO(walk.read_bytes())})
        monkeypatch.setattr("sys.stdin", stdin)
        return lift3d("-", *options)

    result = tmp_path / "out" / "stdin.jsonl"
    assert piped("--max-frames", "5")[0] == 0
    before = result.read_bytes()
    code, said = piped()
    assert code == 1
    assert said.splitlines()[0] == (
        f"lift3d: -: {result} holds an earlier recording; choose another folder with -o, or "
        "--overwrite"
    )
    assert result.read_bytes() == before
    for formats in ("json,csv", "csv,npz"):  # nor is another recording's table put beside it
        code, said = piped("--format", formats)
        assert code == 1
        assert f"lift3d: -: {result} holds an earlier recording" in said
    names = {path.name for path in result.parent.iterdir()}
    assert names == {"manifest.json", "stdin.jsonl"}
    assert result.read_bytes() == before
    assert piped("--overwrite")[0] == 0
    assert len(frames_of(result)) == 30


def test_a_photos_npz_is_not_taken_for_a_videos(lift3d, make_video, tmp_path):
    (tmp_path / "mine").mkdir()
    photo, video = tmp_path / "walk.png", make_video(tmp_path / "mine" / "walk.mp4", 5)
    cv2.imwrite(str(photo), np.full((100, 100, 3), 20, np.uint8))
    assert lift3d(photo, "--format", "npz", "--no-pictures")[0] == 0
    code, said = lift3d(video, "--format", "npz")
    assert code == 1
    assert f"walk.npz holds the results of {photo}" in said
    assert lift3d(video, "--format", "npz", "--overwrite")[0] == 0
    code, said = lift3d(photo, "--format", "npz", "--no-pictures")
    assert code == 1
    assert f"walk.npz holds the results of {video}" in said
    assert lift3d(photo, "--no-pictures")[0] == 0  # walk.json is in nobody's way


def test_the_options_choose_frames_and_formats(lift3d, walk, tmp_path):
    options = ["--stride", "4", "--start", "0.2", "--end", "0.9", "--max-frames", "3"]
    code, _ = lift3d(walk, *options, "--format", "json,npz,csv", "--fov-deg", "50")
    assert code == 0
    out = tmp_path / "out"
    assert frames_of(out / "walk.jsonl") == [5, 9, 13]
    assert (out / "walk.npz").exists()
    assert (out / "walk.csv").exists()
    header = json.loads((out / "walk.jsonl").read_text().splitlines()[0])
    assert header["camera"]["focal_from"] == "given field of view"
    assert header["settings"]["stride"] == 4


def test_bones_and_floor_are_chosen_on_the_command_line(lift3d, make_video, tmp_path):
    walk = make_video(tmp_path / "walk.mp4", 60)
    assert lift3d(walk, "--constant-bones", "--floor")[0] == 0
    header = json.loads((tmp_path / "out" / "walk.jsonl").read_text().splitlines()[0])
    assert header["settings"]["constant_bones"] is True
    assert header["settings"]["floor"] is True
    assert header["floor"]["contacts"] >= 10


def test_a_focal_length_places_the_people_of_photos_too(lift3d, tmp_path):
    picture = np.full((120, 160, 3), 20, np.uint8)
    picture[:, 74:86] = 220
    cv2.imwrite(str(tmp_path / "photo.png"), picture)
    assert lift3d(tmp_path / "photo.png", "--no-pictures", "--focal-px", "200")[0] == 0
    record = json.loads((tmp_path / "out" / "photo.json").read_text())
    assert record["camera"] == {
        "focal_px": 200.0,
        "centre_px": [79.5, 59.5],
        "focal_from": "given",
    }
    # ten millimetres a pixel, so that 200 px of focal length see a person from 2 m
    assert record["people"][0]["root_mm"][2] == pytest.approx(2000, rel=0.02)


def test_numbered_images_are_a_video_with_a_frame_rate(lift3d, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    for k in range(12):
        cv2.imwrite(str(folder / f"s{k}.png"), np.full((60, 80, 3), 20, np.uint8))
    code, _ = lift3d(folder, "--fps", "10")
    assert code == 0
    assert frames_of(tmp_path / "out" / "shots.jsonl") == list(range(12))


def test_a_broken_video_is_listed_and_the_others_are_done(lift3d, walk, tmp_path):
    (tmp_path / "broken.mp4").write_text("hello")
    code, said = lift3d(tmp_path / "broken.mp4", walk)
    assert code == 1
    assert (tmp_path / "out" / "walk.jsonl").exists()
    assert f"lift3d: {tmp_path}/broken.mp4: cannot be read as video" in said
    assert said.splitlines()[-1].startswith("1 done, 1 failed")


def test_a_camera_that_is_not_there_is_one_line(lift3d):
    code, said = lift3d("97")
    assert code == 1
    assert said.splitlines()[0] == (
        "lift3d: camera 97: cannot be opened; is it plugged in, and free?"
    )


def test_photos_as_csv_are_a_usage_error(lift3d, tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((100, 100, 3), 20, np.uint8))
    code, said = lift3d(tmp_path / "photo.png", "--format", "csv")
    assert code == 2
    assert "photos are written as json or npz, got --format csv" in said


def test_two_focal_lengths_are_one_line(lift3d, walk):
    code, said = lift3d(walk, "--focal-px", "900", "--fov-deg", "60")
    assert code == 2
    assert said == "lift3d: give focal_px or fov_deg, not both\n"


def test_a_second_run_into_the_folder_is_told(lift3d, walk, tmp_path):
    from lift3d.pipelines.run_lock import RunLock

    with RunLock(tmp_path / "out"):
        code, said = lift3d(walk)
    assert code == 2
    assert "is in use by another run (process" in said


def test_a_start_behind_the_end_is_one_line_and_writes_nothing(lift3d, walk, tmp_path):
    code, said = lift3d(walk, "--start", "60")

    assert code == 1
    assert said.splitlines()[0] == (
        f"lift3d: {walk}: the start, 60 s, lies behind the end, about 1.2 s; give an earlier one"
    )
    assert not (tmp_path / "out" / "walk.jsonl").exists()


def test_a_video_that_breaks_off_is_named_in_later_runs_too(lift3d, walk, make_video, tmp_path):
    broken = make_video(tmp_path / "broken.mkv", 100, columns=8)
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    first, said = lift3d(broken)
    assert first == 1
    problem = next(line for line in said.splitlines() if "truncated" in line)
    code, again = lift3d(broken, walk)
    assert code == 1
    assert f"{problem}; --overwrite does it again" in again.splitlines()
    assert again.splitlines()[-1].startswith("1 done, 1 failed")
    make_video(broken, 30, columns=8)
    assert lift3d(broken)[0] == 0
    assert frames_of(tmp_path / "out" / "broken.jsonl") == list(range(30))


def test_a_frame_rate_that_makes_no_sense_writes_nothing(lift3d, walk, tmp_path):
    code, said = lift3d(walk, "--fps", "0")
    assert (code, said) == (2, "lift3d: fps must be above 0 and below 10000, got 0.0\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--overlay", "--floor"])
def test_what_reads_twice_is_refused_for_stdin_before_anything_is_written(lift3d, tmp_path, option):
    code, said = lift3d("-", option)
    assert code == 2
    assert f"-: {option} " in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out" / "manifest.json").exists()
