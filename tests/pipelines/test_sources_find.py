"""Which of the names given are photos, which videos, and what their results are called."""

import os
from pathlib import Path

import pytest

from lift3d.pipelines.sources_find import find_media, find_videos, is_video
from lift3d.pipelines.video_output import VideoItem
from lift3d.poses.errors import BadInput


@pytest.fixture
def folder(tmp_path):
    for name in ("a.jpg", "b.mp4", "deep/b.MOV", "deep/c.overlay.mp4", ".hidden.mp4", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_a_folder_gives_photos_and_videos(folder):
    found = find_media([str(folder)])
    assert [item.name for item in found.photos] == ["a"]
    assert [item.name for item in found.videos] == ["b", "deep/b"]
    assert found.errors == []


def test_a_pattern_gives_videos(folder):
    found = find_media([f"{folder}/*.mp4"])
    assert found.videos == [VideoItem(str(folder / "b.mp4"), "b")]
    assert found.photos == []


def test_a_video_named_as_a_photo_keeps_its_suffix(folder):
    (folder / "a.mp4").touch()
    found = find_media([str(folder)])
    assert [item.name for item in found.photos] == ["a"]
    assert [item.name for item in found.videos] == ["a.mp4", "b", "deep/b"]


def test_videos_of_one_name_are_told_apart(folder):
    found = find_media([str(folder / "b.mp4"), str(folder / "deep" / "b.MOV")])
    assert [item.name for item in found.videos] == [f"{folder.name}/b", "deep/b"]


def test_cameras_addresses_and_stdin_are_videos():
    found = find_media(["0", "rtsp://me:secret@10.0.0.7:554/live/1", "-"])
    assert [item.name for item in found.videos] == ["camera-0", "10.0.0.7-554-live-1", "stdin"]


def test_with_a_frame_rate_each_source_is_one_video(folder):
    found = find_media([str(folder), f"{folder}/deep/frame_%05d.png", "shots/*.png"], fps=25)
    assert [item.name for item in found.videos] == [folder.name, "frame", "shots"]
    assert found.photos == []


def test_the_second_of_two_sources_of_one_name_is_refused(tmp_path):
    for name in ("one/cam", "two/cam"):
        (tmp_path / name).mkdir(parents=True)
    found = find_media([f"{tmp_path}/one/cam", f"{tmp_path}/two/cam"], fps=25)
    assert found.videos == [VideoItem(f"{tmp_path}/one/cam", "cam")]
    assert [str(error) for error in found.errors] == [
        f"{tmp_path}/two/cam: its results would have the name 'cam', as those of "
        f"{tmp_path}/one/cam; run it by itself, with another folder as -o"
    ]


def test_nothing_found_names_both_kinds(folder):
    found = find_media([str(folder / "notes.txt" / ".."), f"{folder}/*.xyz"])
    assert [str(error) for error in found.errors][-1] == (
        f"{folder}/*.xyz: no photo matches this pattern; photos end in .jpg, .jpeg, .png, .webp, "
        ".bmp, .tif, .tiff; videos end in .mp4, .mov, .m4v, .mkv, .webm, .avi, .mpg, .mpeg, .ts, "
        ".mts, .m2ts, .wmv, .flv, .3gp, .ogv, .gif"
    )


def test_a_video_is_known_by_how_it_begins(make_video, tmp_path):
    for name in ("a.mkv", "a.mp4", "a.avi", "a.ts"):
        plain = make_video(tmp_path / name, 3).rename(tmp_path / f"{name}.download")
        assert is_video(plain), name
    (tmp_path / "text").write_text("hello")
    assert not is_video(tmp_path / "text")


def test_a_batch_wants_a_folder_with_videos(tmp_path):
    with pytest.raises(BadInput) as error:
        find_videos(str(tmp_path / "none"))
    assert str(error.value) == (
        f"{tmp_path}/none: no such folder; give the folder whose videos are to be done"
    )
    with pytest.raises(BadInput) as error:
        find_videos(str(tmp_path))
    assert str(error.value).startswith(f"{tmp_path}: no video in this folder; videos end in .mp4")


def refuse_to_read(name, monkeypatch):
    """Let no folder of this name be read."""
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)


def test_a_folder_below_that_cannot_be_read_is_told_once(folder, monkeypatch):
    refuse_to_read("deep", monkeypatch)
    problem = f"{folder}/deep: cannot be read: Permission denied; check its permissions"
    found = find_media([str(folder)])
    assert [item.name for item in found.videos] == ["b"]
    assert [str(error) for error in found.errors] == [problem]
    (folder / "a.jpg").unlink()
    assert [str(error) for error in find_media([str(folder)]).errors] == [problem]
    found = find_videos(str(folder))
    assert [item.name for item in found.videos] == ["b"]
    assert [str(error) for error in found.errors] == [problem]
    (folder / "b.mp4").unlink()
    found = find_videos(str(folder))
    assert found.videos == []
    assert [str(error) for error in found.errors] == [problem]


def test_pipes_in_a_folder_are_left_out_and_links_are_not(folder):
    os.mkfifo(folder / "pipe.mp4")
    (folder / "link.mp4").symlink_to(folder / "b.mp4")
    (folder / "gone.mp4").symlink_to(folder / "nothing.mp4")
    names = ["b", "deep/b", "gone", "link"]
    assert [item.name for item in find_videos(str(folder)).videos] == names
    assert [item.name for item in find_media([str(folder)]).videos] == names


def test_a_pipe_by_itself_is_told_to_come_on_stdin(folder):
    os.mkfifo(folder / "pipe.mp4")
    found = find_media([str(folder / "pipe.mp4"), str(folder / "b.mp4")])
    assert [item.name for item in found.videos] == ["b"]
    assert [str(error) for error in found.errors] == [
        f"{folder}/pipe.mp4: a pipe or device, expected a file; pipe a video into `lift3d run -`, "
        "give a camera by its number"
    ]


def test_images_of_a_pattern_without_quotes_are_one_error_and_no_videos(folder):
    shots = [str(folder / f"s {k}.png") for k in range(3)]
    for path in shots:
        Path(path).touch()
    found = find_media(shots, fps=25)
    assert found.videos == []
    assert [str(error) for error in found.errors] == [
        f"{shots[0]} and 2 more: one image each, expected a folder or a pattern of numbered "
        f"images; put a pattern in quotes, such as '{folder}/*.png'"
    ]
    found = find_media([shots[0], str(folder)], fps=25)
    assert [item.name for item in found.videos] == [folder.name]
    assert [str(error) for error in found.errors] == [
        f"{shots[0]}: one image, expected a folder or a pattern of numbered images; put a pattern "
        f"in quotes, such as '{folder}/*.png'"
    ]
