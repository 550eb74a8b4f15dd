"""The overlay video's colours."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from lift3d.pipelines.picture_strokes import LEFT, RIGHT
from lift3d.pipelines.video_writers_overlay import write_overlay


@pytest.fixture
def halves():
    """A picture whose left half is orange, and whose right one is blue."""
    image = np.empty((720, 1280, 3), np.uint8)
    image[:, :640], image[:, 640:] = RIGHT, LEFT
    return image


def test_the_colours_are_those_of_the_picture_and_are_told_to_players(halves, tmp_path):
    source = SimpleNamespace(size_px=(1280, 720), rate=25.0)
    images = [SimpleNamespace(image=halves)] * 3
    frames = (SimpleNamespace(people=[], time_s=n / 25) for n in range(3))

    write_overlay(tmp_path / "x.overlay.mp4", source, 1, images, frames)

    with av.open(str(tmp_path / "x.overlay.mp4")) as container:
        codec = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
    assert (codec.colorspace, codec.color_range) == (1, 1)  # BT.709, limited
    assert (codec.color_primaries, codec.color_trc) == (1, 1)
    seen = frame.reformat(format="rgb24", src_colorspace=Colorspace.ITU709).to_ndarray()
    np.testing.assert_allclose(seen[360, 320], RIGHT, atol=4)
    np.testing.assert_allclose(seen[360, 960], LEFT, atol=4)
