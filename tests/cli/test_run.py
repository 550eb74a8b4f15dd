"""`lift3d run` as a user meets it: results, and one line for whatever goes wrong."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from lift3d.cli import run as run_module
from lift3d.cli.main import main
from lift3d.models import zoo as zoo_module
from lift3d.models.zoo import zoo


@pytest.fixture
def photos(tmp_path, bright, dark) -> Path:
    """Return a folder with a photo of a person and one of nobody."""
    folder = tmp_path / "photos"
    folder.mkdir()
    cv2.imwrite(str(folder / "person.png"), bright)
    cv2.imwrite(str(folder / "empty.png"), dark)
    return folder


@pytest.fixture
def lift3d(tmp_path, scripted, capsys):
    """Return a function that runs `lift3d run` with the scripted detector: (exit code, stderr)."""

    def call(*arguments: str | Path, detector: str = f"{scripted}:Scripted") -> tuple[int, str]:
        command = ["run", *map(str, arguments), "--detector", detector, "--device", "cpu"]
        if "-o" not in arguments:
            command += ["-o", str(tmp_path / "out")]
        with pytest.raises(SystemExit) as stopped:
            main(command)
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "Traceback" not in printed.err
        return stopped.value.code, printed.err

    return call


def test_a_folder_gives_data_and_pictures_for_each_photo(lift3d, photos, tmp_path):
    code, said = lift3d(photos)
    assert code == 0
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "empty.3d.png",
        "empty.json",
        "empty.overlay.png",
        "person.3d.png",
        "person.json",
        "person.overlay.png",
    ]
    assert "person.png: 1 person" in said
    assert "empty.png: no person found" in said
    assert said.splitlines()[-1] == f"2 done; results in {out}"


def test_the_json_holds_what_the_schema_says(lift3d, photos, tmp_path):
    lift3d(photos / "person.png", "--height-mm", "1800")
    record = json.loads((tmp_path / "out" / "person.json").read_text())
    person = record["people"][0]
    assert np.shape(person["joints_mm"]) == (17, 3)
    assert np.shape(person["joints_px"]) == (16, 2)
    assert person["person_id"] == 0
    assert person["score"] == 0.9
    assert record["image_size_px"] == [160, 220]
    assert record["skeleton_3d"]["name"] == "h36m17"
    assert list(record["weights_sha256"]) == ["consensus-cmu"]
    assert person["camera"]["scale_px_per_mm"] > 0


def test_no_person_gives_a_valid_json_with_an_empty_list(lift3d, photos, tmp_path):
    code, said = lift3d(photos / "empty.png")
    assert code == 0
    assert "no person found" in said
    assert json.loads((tmp_path / "out" / "empty.json").read_text())["people"] == []


def test_npz_holds_the_same_numbers_as_json(lift3d, photos, tmp_path):
    lift3d(photos / "person.png", "--format", "json,npz", "--no-pictures")
    with np.load(tmp_path / "out" / "person.npz", allow_pickle=False) as arrays:
        joints_mm = arrays["joints_mm"][0]
    record = json.loads((tmp_path / "out" / "person.json").read_text())
    np.testing.assert_allclose(joints_mm, record["people"][0]["joints_mm"])
    assert not list((tmp_path / "out").glob("*.png"))


def test_results_that_are_there_are_kept_unless_overwritten(lift3d, photos, tmp_path):
    lift3d(photos)
    mark = tmp_path / "out" / "person.json"
    mark.write_text("mine")
    code, said = lift3d(photos)
    assert code == 0
    assert said.startswith("0 done, 2 already there (--overwrite does them again)")
    assert mark.read_text() == "mine"
    lift3d(photos, "--overwrite")
    assert mark.read_text() != "mine"


def test_another_photo_of_the_same_name_is_not_taken_for_done(lift3d, photos, tmp_path, bright):
    lift3d(photos / "person.png")
    (tmp_path / "other").mkdir()
    cv2.imwrite(str(tmp_path / "other" / "person.png"), bright)
    code, said = lift3d(tmp_path / "other" / "person.png")
    assert code == 1
    assert said.splitlines()[0] == (
        f"lift3d: {tmp_path}/other/person.png: {tmp_path}/out/person.json holds the results of "
        f"{photos}/person.png; choose another folder with -o, or --overwrite"
    )


def test_another_format_does_not_replace_another_photos_pictures(lift3d, photos, tmp_path, bright):
    lift3d(photos / "person.png")
    (tmp_path / "other").mkdir()
    cv2.imwrite(str(tmp_path / "other" / "person.png"), bright)
    before = (tmp_path / "out" / "person.overlay.png").read_bytes()
    code, said = lift3d(tmp_path / "other" / "person.png", "--format", "npz")
    assert code == 1
    assert "person.json holds the results of" in said
    assert (tmp_path / "out" / "person.overlay.png").read_bytes() == before


def test_a_photo_that_the_detector_fails_on_does_not_stop_the_others(
    lift3d, photos, tmp_path, scripted
):
    path = tmp_path / "plugins" / "failing.py"
    path.write_text(
        Path(scripted).read_text()
        + "\n\nclass Failing(Scripted):\n"
        + "    def detect(self, images):\n"
        + "        if any(image.mean() < 100 for image in images):\n"
        + "            raise RuntimeError('out of\\nmemory')\n"
        + "        return super().detect(images)\n"
    )
    code, said = lift3d(photos, detector=f"{path}:Failing")
    assert code == 1
    assert (tmp_path / "out" / "person.json").exists()
    assert f"lift3d: {photos}/empty.png: RuntimeError: out of memory" in said.splitlines()
    assert said.splitlines()[-1].startswith("1 done, 1 failed")


def test_the_same_name_in_two_folders_is_kept_twice(lift3d, tmp_path, bright):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "img.png"), bright)
    code, _ = lift3d(tmp_path / "a" / "img.png", tmp_path / "b" / "img.png", "--no-pictures")
    assert code == 0
    out = tmp_path / "out"
    assert (out / "a" / "img.json").exists()
    assert (out / "b" / "img.json").exists()


def test_a_bad_file_is_listed_and_the_others_are_done(lift3d, photos, tmp_path):
    (photos / "text.jpg").write_text("hello")
    whole = cv2.imencode(".jpg", np.full((200, 200, 3), 180, np.uint8))[1].tobytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    cv2.imwrite(str(photos / "tiny.png"), np.zeros((1, 1, 3), np.uint8))
    code, said = lift3d(photos)
    assert code == 1
    assert (tmp_path / "out" / "person.json").exists()
    for name in ("text.jpg", "cut.jpg", "tiny.png"):
        assert sum(name in line for line in said.splitlines()) == 1
    assert said.splitlines()[-1].startswith("2 done, 3 failed")


def test_a_missing_file_is_one_line_and_exit_code_2(lift3d, photos):
    code, said = lift3d(photos / "persom.png")
    assert code == 2
    assert len(said.splitlines()) == 1
    assert "persom.png" in said
    assert "person.png" in said


def test_a_folder_without_photos_is_one_line(lift3d, tmp_path):
    (tmp_path / "nothing").mkdir()
    code, said = lift3d(tmp_path / "nothing")
    assert code == 2
    assert len(said.splitlines()) == 1
    assert "no photo in this folder" in said


def test_an_output_folder_that_is_a_file_is_one_line(lift3d, photos, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = lift3d(photos, "-o", str(tmp_path / "file"))
    assert code == 2
    assert said == (
        f"lift3d: output folder {tmp_path / 'file'} cannot be written to (File exists); "
        "choose another with -o\n"
    )


def test_an_unknown_detector_names_the_closest(lift3d, photos):
    code, said = lift3d(photos, detector="hourgalss")
    assert code == 2
    assert said.startswith("lift3d: no detector is called 'hourgalss'; there are hourglass")


def test_a_photo_whose_people_cannot_be_written_is_named_and_leaves_nothing(
    lift3d, photos, tmp_path
):
    other = tmp_path / "other.py"
    other.write_text(
        "import numpy as np\n"
        "from lift3d.poses import Pose2D, get_skeleton\n"
        "class Other:\n"
        "    skeleton = get_skeleton('coco17')\n"
        "    def detect(self, images):\n"
        "        mpii = get_skeleton('mpii16')\n"
        "        joints = np.random.default_rng(0).uniform(0, 40, (16, 2))\n"
        "        return [[Pose2D(joints, np.ones(16), mpii)] for _ in images]\n"
    )
    code, said = lift3d(photos, detector=f"{other}:Other")
    assert code == 1
    lines = [line for line in said.splitlines() if "must be Pose2D of skeleton 'coco17'" in line]
    assert [line.split(": ")[1] for line in lines] == [
        str(photos / "empty.png"),
        str(photos / "person.png"),
    ]
    assert not list((tmp_path / "out").rglob("*.png"))


def test_an_unknown_format_is_a_usage_error(lift3d, photos):
    code, said = lift3d(photos, "--format", "xml")
    assert code == 2
    assert "--format takes json and npz, got 'xml'" in said


@pytest.mark.parametrize("option", ["--conf", "--height-mm", "--start"])
def test_nan_is_in_no_range(lift3d, photos, tmp_path, option):
    code, said = lift3d(photos, option, "nan")
    assert code == 2
    assert f"Invalid value for '{option}': 'nan' is no finite number." in said
    assert not (tmp_path / "out").exists()


def test_an_unknown_device_is_one_line(photos, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(photos), "--device", "tpu", "-o", str(tmp_path / "out")])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "lift3d: device must be auto, cpu, cuda, cuda:N or mps, got 'tpu'\n"
    )


def test_damaged_weights_are_one_line_with_their_hash(photos, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "models"
    shutil.copytree(zoo_module.HERE / "weights", folder / "weights")
    path = folder / "weights" / "people.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(zoo_module, "HERE", folder)
    with pytest.raises(SystemExit) as stopped:
        main(["run", str(photos), "--device", "cpu", "-o", str(tmp_path / "out")])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert zoo()["people"].sha256 in said[0]


def test_ctrl_c_leaves_no_half_written_file(lift3d, photos, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "_run_photos", interrupted)
    code, said = lift3d(photos)
    assert code == 1
    assert said.strip() == "stopped; what was finished is kept"
    assert not list((tmp_path / "out").rglob("*.part"))


def test_without_photos_the_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["run"])
    assert stopped.value.code == 2
    assert "Missing argument 'SOURCE...'" in capsys.readouterr().err
