"""Frames of files, pipes, images and cameras: which, when, how they stand, what is wrong."""

import io
import os
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from lift3d.pipelines.decoded_frames import Timing, pick
from lift3d.pipelines.sources import Mark, Picker, Selection, fit_frame, is_stream, open_source
from lift3d.pipelines.sources_file import VideoFile, VideoPipe
from lift3d.pipelines.sources_images import ImageSequence, find_numbered
from lift3d.poses.errors import BadInput, DecodeError


def numbers(frames):
    return [(frame.ordinal, frame.index) for frame in frames]


def test_a_file_gives_all_its_frames_in_order_with_their_times(make_video, tmp_path):
    source = VideoFile(make_video(tmp_path / "a.mp4", 5))
    frames = list(source.frames(Selection()))
    assert numbers(frames) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
    np.testing.assert_allclose([f.time_s for f in frames], [0, 0.04, 0.08, 0.12, 0.16])
    assert source.size_px == (160, 120)
    assert frames[0].image.shape == (120, 160, 3)
    assert source.problem is None


def test_a_variable_frame_rate_keeps_its_times(make_video, tmp_path):
    times_ms = [0, 40, 80, 500, 510, 2000]
    source = VideoFile(make_video(tmp_path / "a.mkv", 6, times_ms=times_ms))
    found = [1000 * frame.time_s for frame in source.frames(Selection())]
    np.testing.assert_allclose(found, times_ms, atol=1)


def test_stride_start_end_and_most_frames_choose(make_video, tmp_path):
    source = VideoFile(make_video(tmp_path / "a.mp4", 30))
    assert numbers(source.frames(Selection(stride=7))) == [
        (0, 0),
        (1, 7),
        (2, 14),
        (3, 21),
        (4, 28),
    ]
    late = Selection(stride=3, start_s=0.5, end_s=0.9)  # frames 13 (0.52 s) to 22 (0.88 s)
    assert numbers(source.frames(late)) == [(0, 13), (1, 16), (2, 19), (3, 22)]
    assert numbers(source.frames(Selection(max_frames=2))) == [(0, 0), (1, 1)]
    assert numbers(source.frames(Selection(start_s=5))) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
@pytest.mark.parametrize("after", [0, 8, 9, 10, 28])
def test_going_on_gives_the_frames_of_one_go(make_video, tmp_path, name, after):
    source = VideoFile(make_video(tmp_path / name, 30, options={"g": "10", "bf": "2"}))
    whole = list(source.frames(Selection()))
    rest = list(source.frames(Selection(), after=whole[after]))
    assert numbers(rest) == numbers(whole[after + 1 :])
    for again, first in zip(rest, whole[after + 1 :], strict=True):
        assert (again.image == first.image).all()
        assert again.time_s == first.time_s


def test_going_on_works_without_time_stamps(make_video, tmp_path):
    source = VideoFile(make_video(tmp_path / "a.h264", 12))
    whole = list(source.frames(Selection(stride=2)))
    rest = list(source.frames(Selection(stride=2), after=whole[2]))
    assert numbers(rest) == numbers(whole[3:])
    assert (rest[0].image == whole[3].image).all()


@pytest.fixture
def joined(make_video, tmp_path):
    """Two recordings of 20 frames in one file, whose time stamps begin anew in the middle."""
    part = make_video(tmp_path / "part.ts", 20).read_bytes()
    (tmp_path / "joined.ts").write_bytes(part + part)
    return VideoFile(tmp_path / "joined.ts")


def test_time_goes_on_where_the_stamps_begin_anew(joined):
    times = [frame.time_s for frame in joined.frames(Selection())]
    np.testing.assert_allclose(np.diff(times), 0.04, atol=1e-6)
    assert len(times) == 40
    assert numbers(joined.frames(Selection(start_s=1.0))) == [(k, 25 + k) for k in range(15)]


def test_recordings_with_other_time_stamps_are_joined_too(make_video, tmp_path):
    ends = [make_video(tmp_path / "1.ts", 20, times_ms=[40 * k for k in range(20)])]
    ends.append(make_video(tmp_path / "2.ts", 20, times_ms=[13 + 40 * k for k in range(20)]))
    (tmp_path / "joined.ts").write_bytes(b"".join(part.read_bytes() for part in ends))
    source = VideoFile(tmp_path / "joined.ts")
    whole = list(source.frames(Selection()))
    rest = list(source.frames(Selection(), after=whole[25]))
    assert numbers(rest) == numbers(whole[26:])
    assert (np.diff([frame.time_s for frame in whole]) > 0.03).all()


@pytest.mark.parametrize("after", [5, 19, 20, 30])
def test_going_on_counts_frames_whose_time_stamps_come_twice(joined, after):
    selection = Selection(stride=3)
    whole = list(joined.frames(selection))
    mark = whole[min(after // 3, len(whole) - 1)]
    rest = list(joined.frames(selection, after=mark))
    assert numbers(rest) == numbers(whole[mark.ordinal + 1 :])
    assert [frame.time_s for frame in rest] == [f.time_s for f in whole[mark.ordinal + 1 :]]
    assert joined.mark_before(4, selection) is None


def test_avi_with_reordered_frames_has_even_times(make_video, tmp_path):
    source = VideoFile(make_video(tmp_path / "a.avi", 20, options={"bf": "3", "g": "10"}))
    times = [frame.time_s for frame in source.frames(Selection())]
    np.testing.assert_allclose(times, np.arange(20) / 25, atol=1e-6)
    rest = list(source.frames(Selection(), after=list(source.frames(Selection()))[11]))
    assert [frame.time_s for frame in rest] == times[12:]


def test_a_start_at_a_frames_own_time_begins_with_it(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)  # in units of 1/12800 s
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for k in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 4 * k, np.uint8), "rgb24")
            frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = VideoFile(path)
    times = [frame.time_s for frame in source.frames(Selection())]
    begins = [next(source.frames(Selection(start_s=time_s))).index for time_s in times]
    assert begins == list(range(60))
    mark = source.mark_before(1, Selection(start_s=times[7]))
    assert mark is not None
    assert mark.index == 7


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 80, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 9)
        frame = av.VideoFrame.from_ndarray(np.zeros((80, 72, 3), np.uint8), "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = VideoFile(path)
    assert source.size_px == (128, 80)
    assert next(source.frames(Selection())).image.shape == (80, 128, 3)


def test_the_mark_before_a_frame_is_found_without_decoding(make_video, tmp_path):
    source = VideoFile(make_video(tmp_path / "a.mp4", 30))
    selection = Selection(stride=3, start_s=0.2)
    frames = list(source.frames(selection))
    mark = source.mark_before(4, selection)
    assert mark == Mark(3, frames[3].index, frames[3].pts)
    assert source.mark_before(0, selection) is None
    assert source.mark_before(99, selection) is None


@pytest.mark.parametrize(("rotation", "corner"), [(90, (0, 0)), (-90, (-1, -1)), (180, (-1, 0))])
def test_frames_are_turned_upright(tmp_path, rotation, corner):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.set_display_rotation(rotation)
        picture = np.zeros((120, 160, 3), np.uint8)
        picture[:60, 80:] = 255  # the upper right quarter
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = VideoFile(path)
    image = next(iter(source.frames(Selection()))).image
    assert source.size_px == ((160, 120) if rotation == 180 else (120, 160))
    assert image[corner].min() > 200


def test_frames_that_change_size_are_fitted_into_the_first_ones(make_video, tmp_path):
    parts = [make_video(tmp_path / "1.ts", 5), make_video(tmp_path / "2.ts", 5, size=(80, 120))]
    whole = tmp_path / "both.ts"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    source = VideoFile(whole)
    images = [frame.image for frame in source.frames(Selection())]
    assert len(images) == 10
    assert {image.shape for image in images} == {(120, 160, 3)}
    assert (images[-1][:, :40] == 114).all()  # grey beside the narrower frame


def test_fitting_keeps_the_shape_of_what_is_seen():
    picture = np.full((40, 40, 3), 200, np.uint8)
    fitted = fit_frame(picture, (160, 120))
    assert fitted.shape == (120, 160, 3)
    assert (fitted[:, 20:140] == 200).all()
    assert (fitted[:, :20] == 114).all()
    assert fit_frame(picture, (40, 40)) is picture


def failure(path):
    with pytest.raises((BadInput, DecodeError)) as error:
        VideoFile(path)
    return str(error.value)


def test_an_empty_file_is_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    path.touch()
    assert failure(path) == f"{path}: the file is empty; copy or download it again"


def test_a_cut_mp4_without_its_index_is_one_line(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:1500])
    assert failure(path) == (
        f"{path}: cannot be read as video (Invalid data found when processing input); it is "
        "damaged, truncated or no video; play it once, then copy or export it again"
    )


def test_a_text_with_a_videos_suffix_is_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("hello " * 100)
    assert failure(path).startswith(f"{path}: cannot be read as video (Invalid data")


def test_an_image_with_a_videos_suffix_is_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(cv2.imencode(".png", np.zeros((50, 60, 3), np.uint8))[1].tobytes())
    assert failure(path) == f"{path}: an image, not a video; give it a photo's suffix"


def test_sound_alone_is_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert failure(path) == (
        f"{path}: no video in the file, it holds audio; give the file with pictures"
    )


def test_a_folder_and_a_missing_file_are_one_line(tmp_path):
    assert failure(tmp_path) == (
        f"{tmp_path}: a folder, expected a video; give --fps to read its images as one"
    )
    assert failure(tmp_path / "a.mp4") == (
        f"{tmp_path}/a.mp4: no such file; check the spelling and the folder"
    )


def test_tiny_frames_are_refused(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", 3, size=(8, 8), columns=0, codec="ffv1", options={})
    assert failure(path) == f"{path}: too small (8 x 8 px); need 16 px on each side"


def test_a_cut_tail_gives_its_frames_and_is_reported(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", 60, options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source = VideoFile(path)
    count = len(list(source.frames(Selection())))
    assert 20 < count < 60
    assert source.problem == (
        f"{path}: the file is truncated: its frames end at {count / 25:.2f} s of 2.40 s; "
        "copy or download it again"
    )


@pytest.fixture
def broken(make_video, tmp_path):
    """Return a function that writes a video of 40 frames, packets of which cannot be decoded."""

    def write(*numbers):
        path = make_video(tmp_path / "a.mp4", 40, options={"g": "1"})
        with av.open(str(path)) as container:
            packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
        data = bytearray(path.read_bytes())
        for position, size in (packets[number] for number in numbers):
            data[position : position + size] = b"\xff" * size
        path.write_bytes(bytes(data))
        return path

    return write


def test_damage_in_the_middle_is_counted(broken):
    path = broken(20, 21, 22)
    source = VideoFile(path)
    assert len(list(source.frames(Selection()))) == 37
    assert source.problem == (
        f"{path}: 3 packets could not be decoded, the frames in them are missing; copy or export "
        "the video again"
    )


def test_frames_have_the_same_numbers_wherever_reading_begins(broken):
    source = VideoFile(broken(19))
    whole = list(source.frames(Selection()))
    assert [frame.index for frame in whole] == [*range(19), *range(20, 40)]
    late = list(source.frames(Selection(start_s=0.8)))  # behind what cannot be decoded
    assert numbers(late) == [(k, 20 + k) for k in range(20)]
    assert [frame.time_s for frame in late] == [frame.time_s for frame in whole[19:]]
    rest = list(source.frames(Selection(), after=whole[16]))
    assert numbers(rest) == numbers(whole[17:])


def test_what_is_broken_before_the_part_that_is_read_is_no_problem(broken):
    source = VideoFile(broken(5))
    whole = list(source.frames(Selection()))
    assert source.problem is not None
    list(source.frames(Selection(start_s=0.8)))
    assert source.problem is None
    list(source.frames(Selection(), after=whole[2]))
    assert "1 packet could not be decoded" in source.problem
    counted = VideoFile(broken(5, 19))  # where one cannot begin behind the frame before the part
    list(counted.frames(Selection(start_s=0.8)))
    assert "2 packets" not in str(counted.problem)


def test_a_start_behind_the_end_of_a_cut_video_gives_nothing_and_says_why(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", 60, options={"g": "10"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source = VideoFile(path)
    assert list(source.frames(Selection(start_s=2.2))) == []
    assert "the file is truncated: its frames end at" in source.problem


def test_no_frame_behind_the_last_wanted_one_is_asked_for(make_video, tmp_path):
    with av.open(str(make_video(tmp_path / "a.mp4", 3))) as container:
        decoded = list(container.decode(video=0))

    def numbered():
        yield from enumerate(decoded)
        pytest.fail("the next frame may never come")

    timing = Timing(0, decoded[0].time_base, 25.0)
    picker = Picker(Selection(max_frames=3))
    assert len(list(pick(numbered(), picker, (160, 120), timing, Fraction(1)))) == 3


def test_a_pipe_with_a_videos_name_is_one_line(tmp_path):
    path = tmp_path / "a.mp4"
    os.mkfifo(path)
    assert failure(path) == (
        f"{path}: a pipe or device, expected a file; pipe it in: lift3d run - < {path}"
    )


def test_a_closed_stdin_is_one_line(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(BadInput) as error:
        VideoPipe()
    assert str(error.value) == "-: stdin is closed; pipe a video in, or give the file"


def test_a_pipe_is_read_as_it_comes(make_video, tmp_path):
    data = make_video(tmp_path / "a.mkv", 10).read_bytes()

    class Pipe(io.RawIOBase):
        def __init__(self):
            self._data = io.BytesIO(data)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self._data.readinto(buffer)

    source = VideoPipe(io.BufferedReader(Pipe()))
    assert numbers(source.frames(Selection(stride=4))) == [(0, 0), (1, 4), (2, 8)]
    source.close()


def test_a_pipe_without_a_video_is_one_line():
    with pytest.raises(DecodeError) as error:
        VideoPipe(io.BytesIO(b"hello"))
    assert str(error.value) == (
        "-: cannot be read as video (Invalid data found when processing input); pipe a whole "
        "video, MP4 only with its index in front (faststart), or give the file"
    )


@pytest.fixture
def numbered(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in (1, 2, 9, 10, 11):
        cv2.imwrite(str(folder / f"f{k}.png"), np.full((40, 60, 3), 10 * k, np.uint8))
    (folder / "notes.txt").touch()
    return folder


@pytest.mark.parametrize("pattern", ["", "*.png", "f%d.png"])
def test_images_come_in_the_order_of_their_numbers(numbered, pattern):
    source = ImageSequence(os.path.join(numbered, pattern), fps=10)
    frames = list(source.frames(Selection()))
    assert [frame.image[0, 0, 0] for frame in frames] == [10, 20, 90, 100, 110]
    np.testing.assert_allclose([frame.time_s for frame in frames], [0, 0.1, 0.2, 0.3, 0.4])


def test_images_are_gone_on_with(numbered):
    source = ImageSequence(str(numbered), fps=10)
    frames = list(source.frames(Selection(stride=2)))
    rest = list(source.frames(Selection(stride=2), after=frames[0]))
    assert numbers(rest) == [(1, 2), (2, 4)]
    assert source.mark_before(1, Selection(stride=2)) == Mark(0, 0, 0)


def test_an_image_that_cannot_be_read_is_left_out_and_reported(numbered):
    (numbered / "f2.png").write_bytes(b"no image")
    (numbered / "f10.png").write_bytes(b"")
    source = ImageSequence(str(numbered), fps=10)
    assert numbers(source.frames(Selection())) == [(0, 0), (1, 2), (2, 4)]
    assert source.problem == (
        f"{numbered}/f10.png: the file is empty; copy or download it again (the last of 2 images "
        "that cannot be read); it is left out"
    )


def test_the_first_image_that_can_be_read_tells_the_size(numbered):
    (numbered / "f1.png").write_bytes(b"")
    source = ImageSequence(str(numbered), fps=10)
    assert source.size_px == (60, 40)
    assert numbers(source.frames(Selection(max_frames=2))) == [(0, 1), (1, 2)]


def test_no_image_that_can_be_read_is_one_line(numbered):
    for path in numbered.glob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DecodeError) as error:
        ImageSequence(str(numbered), fps=10)
    assert str(error.value) == (f"{numbered}/f1.png: the file is empty; copy or download it again")


@pytest.mark.parametrize("pattern", ["", "*.png"])
def test_pictures_that_lift3d_wrote_are_no_frames(numbered, pattern):
    before = find_numbered(str(numbered))
    for suffix in ("json", "overlay.png", "3d.png"):
        (numbered / f"f2.{suffix}").touch()
    assert find_numbered(os.path.join(numbered, pattern)) == before
    assert find_numbered(f"{numbered}/*.overlay.png") == [numbered / "f2.overlay.png"]


def test_no_numbered_images_is_one_line(tmp_path):
    with pytest.raises(BadInput) as error:
        find_numbered(f"{tmp_path}/frame_%05d.png")
    assert str(error.value) == (
        f"{tmp_path}/frame_%05d.png: no numbered images; with --fps give a folder, a pattern or a "
        "counter such as frame_%05d.png, whose images end in .jpg, .jpeg, .png, .webp, .bmp, "
        ".tif, .tiff"
    )


def test_a_camera_that_is_not_there_is_one_line(capfd):
    with pytest.raises(BadInput) as error:
        open_source("97")
    assert str(error.value) == "camera 97: cannot be opened; is it plugged in, and free?"
    with pytest.raises(BadInput) as error:
        open_source("rtsp://127.0.0.1:9/none")
    assert str(error.value) == (
        "rtsp://127.0.0.1:9/none: cannot be opened; check the address and the network"
    )
    assert capfd.readouterr().err == ""


def test_names_of_streams_are_told_from_paths(tmp_path, monkeypatch):
    assert is_stream("0")
    assert is_stream("-")
    assert is_stream("RTSP://camera/1")
    assert not is_stream("a.mp4")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").touch()
    assert not is_stream("0")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"stride": 0}, "stride must be 1 or more, got 0"),
        ({"start_s": -1}, "start must be 0 s or later, got -1"),
        ({"start_s": 3, "end_s": 2}, "end must be later than start (3 s), got 2 s"),
        ({"max_frames": 0}, "max_frames must be 1 or more, got 0"),
    ],
)
def test_a_selection_that_makes_no_sense_is_refused(given, text):
    with pytest.raises(BadInput) as error:
        Selection(**given)
    assert str(error.value) == text
