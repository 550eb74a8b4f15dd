"""A video as a stream of frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .detections_file import FoundFrame, FrameCodec
from .frame import Frame
from .sources import Source, open_source
from .stream_find import StageClock, find_people
from .stream_overlap import overlap
from .stream_replay import Replay
from .stream_settings import StreamSettings

if TYPE_CHECKING:
    from .pipeline import Pipeline


def stream_frames(
    pipeline: Pipeline, source: str | Path, settings: StreamSettings
) -> Iterator[Frame]:
    """Open a source and return its frames; see `Pipeline.stream`."""
    opened = open_source(source, settings.fps)
    return _frames(pipeline, opened, settings)


def _frames(pipeline: Pipeline, source: Source, settings: StreamSettings) -> Iterator[Frame]:
    codec = FrameCodec(pipeline.detector.skeleton, pipeline.lifter.skeleton)
    replay = Replay(settings, settings.camera(source.size_px), source.live)
    batches = overlap(
        find_people(pipeline, source, settings.selection, codec, StageClock()),
        ahead=2,
        stop=source.end,
    )
    try:
        for batch in batches:
            for record in map(codec.decode, batch):
                if isinstance(record, FoundFrame):
                    yield from replay.push(record)
        yield from replay.finish()
    finally:
        batches.close()
        source.close()
