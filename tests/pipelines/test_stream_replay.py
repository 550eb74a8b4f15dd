"""Replaying what was found: the frames' times."""

import pytest

from lift3d.pipelines.detections_file import FoundFrame
from lift3d.pipelines.stream_replay import LEAST_STEP_S, Replay
from lift3d.pipelines.stream_settings import PinholeGuess, StreamSettings


@pytest.mark.parametrize(
    ("times_s", "kept_s"),
    [
        ((0.0, 0.0005, 0.001), (0.0, 0.0005, 0.001)),  # 2,000 frames a second
        ((0.0, 0.04, 0.03, 0.08), (0.0, 0.04, 0.04 + LEAST_STEP_S, 0.08)),
    ],
)
def test_times_stay_as_they_are_unless_they_go_back(times_s, kept_s):
    camera = StreamSettings().camera((640, 480))
    assert isinstance(camera, PinholeGuess)
    replay = Replay(StreamSettings(smooth="none"), camera)
    frames = []
    for k, time_s in enumerate(times_s):
        frames += replay.push(FoundFrame(k, k, k, time_s, []))
    frames += replay.finish()
    assert [frame.time_s for frame in frames] == pytest.approx(kept_s)
