import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import lift3d
from lift3d.pipelines.writers import pose_record, write_json, write_npz, write_png
from lift3d.poses import Pose2D, Pose3D, WeakPerspective, get_skeleton
from lift3d.poses.errors import BadInput, Lift3dError

MPII, H36M = get_skeleton("mpii16"), get_skeleton("h36m17")


def person(**fields) -> Pose3D:
    joints_px = np.arange(32, dtype=np.float32).reshape(16, 2) + 0.12345
    joints_px[3] = np.nan
    pose2d = Pose2D(
        joints_px,
        np.full(16, 0.123456),
        MPII,
        box_xyxy_px=np.array([1.005, 2, 3, 4.444]),
        score=0.98765,
        person_id=7,
    )
    joints_mm = np.arange(51.0).reshape(17, 3) + 0.26
    joints_mm[16] = np.nan
    camera = WeakPerspective(0.12345678, np.array([10.006, 20]))
    given = {"camera": camera, "pose2d": pose2d, "sigma_mm": np.full(17, 12.34)}
    return Pose3D(joints_mm, np.ones(17), H36M, **(given | fields))


def record(*people: Pose3D, source: str = "a/img.jpg") -> dict:
    return pose_record(
        people,
        source=source,
        image_size_px=(640, 480),
        skeleton_2d=MPII,
        skeleton_3d=H36M,
        detector="hourglass",
        lifter="ppca",
        weights_sha256={"hourglass-2": "ab12"},
    )


def test_the_record_says_what_was_done_to_which_photo():
    assert {k: v for k, v in record().items() if not k.startswith("skeleton")} == {
        "schema_version": 1,
        "lift3d_version": lift3d.__version__,
        "source": "a/img.jpg",
        "image_size_px": [640, 480],
        "units": {"joints_px": "px", "joints_mm": "mm", "scale_px_per_mm": "px/mm"},
        "frame": "camera axes: x right, y down, z forward; "
        "joints_mm relative to the skeleton's root",
        "detector": "hourglass",
        "lifter": "ppca",
        "weights_sha256": {"hourglass-2": "ab12"},
        "people": [],
    }


def test_the_record_spells_both_skeletons_out():
    skeleton = record()["skeleton_3d"]
    assert skeleton["name"] == "h36m17"
    assert skeleton["joints"][:2] == ["pelvis", "right_hip"]
    assert skeleton["parents"][:3] == [-1, 0, 1]
    assert len(record()["skeleton_2d"]["joints"]) == 16


def test_the_record_rounds_numbers_and_has_none_for_what_is_not_known():
    (found,) = record(person())["people"]
    assert found["person_id"] == 7
    assert found["score"] == 0.9877
    assert found["box_xyxy_px"] == [1.0, 2.0, 3.0, 4.44]
    assert found["joints_px"][0] == [0.12, 1.12]
    assert found["joints_px"][3] == [None, None]
    assert found["confidence_2d"][2:4] == [0.1235, 0.0]
    assert found["joints_mm"][0] == [0.3, 1.3, 2.3]
    assert found["joints_mm"][16] == [None, None, None]
    assert found["confidence"] == [1.0] * 16 + [0.0]
    assert found["sigma_mm"] == [12.3] * 17
    assert found["root_mm"] is None
    assert found["camera"] == {"scale_px_per_mm": 0.123457, "offset_px": [10.01, 20.0]}


def test_the_record_of_a_pose_without_its_2d_pose_has_none_there():
    (found,) = record(person(pose2d=None, camera=None, sigma_mm=None))["people"]
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {
        "person_id",
        "score",
        "box_xyxy_px",
        "joints_px",
        "confidence_2d",
        "sigma_mm",
        "root_mm",
        "camera",
    }


def test_the_record_has_no_minus_zero():
    joints_mm = np.full((17, 3), -0.01)
    (found,) = record(Pose3D(joints_mm, np.ones(17), H36M))["people"]
    assert str(found["joints_mm"][0]) == "[0.0, 0.0, 0.0]"


def test_the_record_rejects_a_person_of_another_skeleton():
    lsp = Pose2D(np.zeros((14, 2)), np.ones(14), get_skeleton("lsp14"))
    with pytest.raises(BadInput) as caught:
        record(person(pose2d=lsp))
    assert str(caught.value) == (
        "people must be Pose2D of skeleton 'mpii16', got 'lsp14'; "
        "convert them or name the other skeleton"
    )


def test_json_reads_back_as_the_record(tmp_path):
    written = record(person(), person(pose2d=None), source="[ 1,\t2 ]\n\u4eba.jpg")
    write_json(tmp_path / "new/folder/img.json", written)
    text = (tmp_path / "new/folder/img.json").read_text(encoding="utf-8")
    assert json.loads(text) == written
    assert "\u4eba" in text
    assert os.listdir(tmp_path / "new/folder") == ["img.json"]


def test_json_has_arrays_of_numbers_on_one_line(tmp_path):
    write_json(tmp_path / "img.json", record(person()))
    text = (tmp_path / "img.json").read_text()
    assert re.search(r"^ +\[0\.3, 1\.3, 2\.3\],$", text, re.MULTILINE)
    assert re.search(r"^ +\[null, null\],$", text, re.MULTILINE)
    assert '"image_size_px": [640, 480],' in text


def test_json_survives_a_file_name_that_is_not_unicode(tmp_path):
    written = record(source=os.fsdecode(b"caf\xe9.jpg"))
    write_json(tmp_path / "img.json", written)
    assert json.loads((tmp_path / "img.json").read_bytes()) == written


def test_json_never_holds_nan(tmp_path):
    with pytest.raises(BadInput) as caught:
        write_json(tmp_path / "img.json", {"score": float("nan")})
    assert str(caught.value) == (
        f"{tmp_path / 'img.json'}: record must hold no NaN or infinity; put None there"
    )
    assert os.listdir(tmp_path) == []


def test_npz_holds_the_record_as_arrays_without_pickle(tmp_path):
    write_npz(tmp_path / "img.npz", record(person(), person(pose2d=None, camera=None)))
    with np.load(tmp_path / "img.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert arrays["joints_px"].shape == (2, 16, 2)
    assert arrays["joints_mm"].shape == (2, 17, 3)
    np.testing.assert_array_equal(arrays["joints_px"][0, 0], [0.12, 1.12])
    assert np.isnan(arrays["joints_px"][0, 3]).all()
    assert np.isnan(arrays["joints_px"][1]).all()
    assert arrays["person_id"].tolist() == [7, -1]
    np.testing.assert_array_equal(arrays["scale_px_per_mm"], [0.123457, np.nan])
    np.testing.assert_array_equal(arrays["offset_px"][0], [10.01, 20])
    assert np.isnan(arrays["root_mm"]).all()
    assert arrays["skeleton_3d"] == "h36m17"
    assert arrays["skeleton_3d_joints"][16] == "right_wrist"
    assert arrays["skeleton_2d_parents"][6] == -1
    assert arrays["weights_sha256_names"].tolist() == ["hourglass-2"]
    assert arrays["weights_sha256"].tolist() == ["ab12"]
    assert arrays["source"] == "a/img.jpg"
    assert arrays["image_size_px"].tolist() == [640, 480]


def test_npz_of_nobody_has_empty_arrays_of_the_same_shapes(tmp_path):
    write_npz(tmp_path / "img.npz", record())
    with np.load(tmp_path / "img.npz", allow_pickle=False) as file:
        assert file["joints_px"].shape == (0, 16, 2)
        assert file["joints_mm"].shape == (0, 17, 3)
        assert file["person_id"].shape == (0,)


def test_json_and_npz_hold_the_same_fields(tmp_path):
    write_npz(tmp_path / "img.npz", record(person()))
    with np.load(tmp_path / "img.npz") as file:
        fields = set(file)
    fields_of_json = (set(record()) - {"people"}) | set(record(person())["people"][0])
    assert fields_of_json - fields == {"camera"}  # it becomes scale_px_per_mm and offset_px


def test_png_keeps_rgb(tmp_path):
    rgb = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    write_png(tmp_path / "img.png", rgb[:, ::-1])
    read = cv2.imread(str(tmp_path / "img.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., ::-1], rgb[:, ::-1])


def test_png_rejects_what_is_no_rgb_picture(tmp_path):
    with pytest.raises(BadInput) as caught:
        write_png(tmp_path / "img.png", np.zeros((4, 5), np.uint8))
    assert str(caught.value) == (
        "rgb must have shape (H, W, 3) and type uint8, got (4, 5) uint8; "
        "repeat a grey picture three times"
    )


def write_each(folder: Path) -> list:
    """Return a call for each writer, all into one folder."""
    return [
        lambda: write_json(folder / "img.json", record()),
        lambda: write_npz(folder / "img.npz", record()),
        lambda: write_png(folder / "img.png", np.zeros((4, 5, 3), np.uint8)),
    ]


@pytest.mark.parametrize("writer", range(3))
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_a_stop_keeps_the_old_file_and_leaves_no_half_one(tmp_path, monkeypatch, writer, stop):
    write_each(tmp_path)[writer]()
    (old,) = tmp_path.iterdir()
    content = old.read_bytes()

    def replace(part, path):
        assert Path(part).name == f"{old.name}.part"
        raise stop

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(Lift3dError if stop is OSError else KeyboardInterrupt):
        write_each(tmp_path)[writer]()
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_bytes() == content


@pytest.mark.parametrize("writer", range(3))
def test_an_unwritable_folder_gives_one_line(tmp_path, writer):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(Lift3dError) as caught:
        write_each(tmp_path / "out")[writer]()
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path / 'out'))}/img\.\w+: cannot be written: "
        r"(File exists|Not a directory); choose another output folder",
        str(caught.value),
    )
