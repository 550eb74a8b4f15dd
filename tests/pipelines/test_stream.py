"""Frames as a stream: threads ahead, whole batches, identities, constant memory."""

import threading
import time

import numpy as np
import pytest

from lift3d.pipelines.detections_file import FrameCodec, VideoEnd
from lift3d.pipelines.pipeline import Pipeline
from lift3d.pipelines.sources import Mark, Selection, SourceFrame
from lift3d.pipelines.stream_find import StageClock, batch_frames, find_people
from lift3d.pipelines.stream_overlap import overlap
from lift3d.pipelines.stream_settings import StreamSettings
from lift3d.poses.errors import BadInput, Lift3dError


@pytest.fixture
def pipeline(video_parts):
    return Pipeline(f"{video_parts}:Moving", f"{video_parts}:Flat", "cpu")


class Pictures:
    """A source of plain pictures that notes how far it was read."""

    name, rate, rereads, live, problem = "pictures", 25.0, True, False, None

    def __init__(self, count, size_px=(64, 48), live=False):
        self.n_frames, self.size_px, self.live, self.given = count, size_px, live, 0

    def frames(self, selection, after=None):
        begin = 0 if after is None else after.ordinal + 1
        for k in range(begin, self.n_frames):
            self.given = k + 1
            image = np.full((self.size_px[1], self.size_px[0], 3), 20, np.uint8)
            yield SourceFrame(k, k, k, k / 25, image)

    def end(self):
        pass

    def close(self):
        pass


def sizes_of_batches(pipeline, source, **given):
    codec = FrameCodec(pipeline.detector.skeleton, pipeline.lifter.skeleton)
    batches = find_people(pipeline, source, Selection(), codec, StageClock(), **given)
    decoded = [[codec.decode(payload) for payload in batch] for batch in batches]
    return [
        "end" if isinstance(batch[0], VideoEnd) else [frame.ordinal for frame in batch]
        for batch in decoded
    ]


def test_a_stream_that_waits_for_its_next_item_can_be_closed():
    more = threading.Event()

    def items():
        yield 0
        more.wait(10)

    stream = overlap(items(), ahead=1, stop=more.set)
    begin = time.monotonic()
    assert next(stream) == 0
    stream.close()
    assert time.monotonic() < begin + 5


def test_items_come_in_order_and_no_more_than_some_ahead():
    made = []

    def items():
        for k in range(6):
            made.append(k)
            yield k

    stream = overlap(items(), ahead=1)
    assert next(stream) == 0
    time.sleep(0.2)
    assert len(made) <= 3  # one given, one waiting, one in hand
    assert list(stream) == [1, 2, 3, 4, 5]


def test_an_error_of_the_thread_comes_out_in_its_place():
    def items():
        yield 1
        raise ValueError("broken")

    stream = overlap(items(), ahead=2)
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_closing_ends_the_thread_and_its_iterator():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    stream = overlap(items(), ahead=1)
    next(stream)
    stream.close()
    assert closed.is_set()


def test_batches_end_at_multiples_wherever_a_run_begins(pipeline):
    whole = [list(range(16)), list(range(16, 32)), [32, 33, 34], "end"]
    assert sizes_of_batches(pipeline, Pictures(35)) == whole
    assert sizes_of_batches(pipeline, Pictures(35), after=Mark(15, 15, 15)) == whole[1:]
    assert sizes_of_batches(pipeline, Pictures(35), until=16) == whole[:1]


def test_large_frames_make_small_batches_and_live_ones_none():
    assert batch_frames(Pictures(1, (1280, 720))) == 16
    assert batch_frames(Pictures(1, (3840, 2160))) == 1
    assert batch_frames(Pictures(1, (1920, 1080))) == 7
    assert batch_frames(Pictures(1, live=True)) == 1


def test_a_part_that_fails_names_the_frames(pipeline):
    pipeline.detector.detect = lambda images: 1 / 0
    with pytest.raises(Lift3dError) as error:
        sizes_of_batches(pipeline, Pictures(20))
    assert str(error.value) == (
        "pictures: frames 0 to 15 (0.00 s): ZeroDivisionError: division by zero"
    )


def test_a_detector_that_knows_frames_gets_their_times(pipeline):
    seen = []

    def detect_frames(images, times_s):
        seen.append(times_s)
        return [[] for _ in images]

    pipeline.detector.detect_frames = detect_frames
    sizes_of_batches(pipeline, Pictures(3))
    assert seen == [[0.0, 0.04, 0.08]]


def test_a_stream_gives_frames_with_identities(pipeline, make_video, tmp_path):
    path = make_video(tmp_path / "walk.mp4", 40, columns=2)
    frames = list(pipeline.stream(path))
    assert [frame.index for frame in frames] == list(range(40))
    assert frames[10].time_s == pytest.approx(0.4)
    assert [person.pose2d.person_id for person in frames[20].people] == [0, 1]
    first = [frame.people[0].pose2d.joints_px[9, 0] for frame in frames]
    assert np.abs(np.diff(first)).max() < 5  # one person, not one then the other
    assert frames[20].people[0].root_mm is not None
    assert frames[20].raw is not None


def test_a_stream_takes_the_choices(pipeline, make_video, tmp_path):
    path = make_video(tmp_path / "walk.mp4", 40)
    frames = list(pipeline.stream(path, stride=5, start_s=0.4, end_s=1.2, smooth="none"))
    assert [frame.index for frame in frames] == [10, 15, 20, 25]
    assert frames[0].raw is None
    assert len(list(pipeline.stream(path, max_frames=3))) == 3


def test_the_pipelines_most_people_are_followed(video_parts, make_video, tmp_path):
    parts = f"{video_parts}:Moving", f"{video_parts}:Flat", "cpu"
    path = make_video(tmp_path / "walk.mp4", 20, columns=3)
    followed = Pipeline(*parts, max_people=1).stream(path)
    assert {len(frame.people) for frame in followed} == {1}


def test_a_stream_reads_no_further_than_it_is_asked_for(pipeline, monkeypatch):
    source = Pictures(100_000)
    monkeypatch.setattr("lift3d.pipelines.stream.open_source", lambda name, fps: source)
    stream = pipeline.stream("a.mp4", smooth="none")
    next(stream)
    stream.close()
    assert source.given < 16 * 8


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"smooth": "much"}, "smooth must be offline, live, none, got 'much'"),
        ({"focal_px": 900, "fov_deg": 60}, "give focal_px or fov_deg, not both"),
        ({"focal_px": 0}, "focal_px must be above 0, got 0"),
        ({"fov_deg": 180}, "fov_deg must be from 1 to below 180, got 180"),
    ],
)
def test_settings_that_make_no_sense_are_refused(pipeline, given, text):
    with pytest.raises(BadInput) as error:
        pipeline.stream("a.mp4", **given)
    assert str(error.value) == text


def test_the_focal_length_comes_from_what_is_given():
    assert StreamSettings(focal_px=900).camera((1280, 720)).focal_px == 900
    assert StreamSettings(fov_deg=90).camera((720, 1280)).focal_px == pytest.approx(640)
    guess = StreamSettings().camera((1280, 720))
    assert guess.focal_px == pytest.approx(1108.5125)  # 640 / tan 30 degrees
    assert guess.centre_px == (639.5, 359.5)
    assert guess.origin == "assumed field of view of 60 deg"
