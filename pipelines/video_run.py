"""Run a pipeline over one video: find, replay, write, and go on where a stopped run was."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..poses.errors import BadInput, Lift3dError
from .detections_file import VideoEnd
from .interrupt import ending_on_interrupt
from .pipeline import Pipeline
from .sources import Source, open_source
from .stream_clip import Clip
from .stream_find import StageClock
from .stream_replay import Replay
from .stream_settings import StreamSettings
from .video_found import FoundVideo, fingerprint
from .video_output import VideoItem, VideoOutput
from .video_record import frame_record, header_record
from .video_writers import NotWritten, VideoWriter, open_writer

log = logging.getLogger(__name__)
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class VideoOutcome:
    """What became of one video.

    Attributes:
        item: the video.
        status: "done"; "damaged" where all that can be read is written, but the file is broken;
            "failed" where nothing is.
        frames: how many were written.
        people: how many identities were followed.
        problem: one line that says what went wrong; None where nothing did.
        seconds: that it took in this run.
        not_written: it failed because its files could not be written; there may be room later.
        stages: seconds of each stage.
    """

    item: VideoItem
    status: str
    frames: int = 0
    people: int = 0
    problem: str | None = None
    seconds: float = 0.0
    not_written: bool = False
    stages: dict[str, float] = field(default_factory=dict)

    def line(self, output: VideoOutput) -> str:
        """Return what is said of a video that was written."""
        people = {0: "no person found", 1: "1 person"}.get(self.people, f"{self.people} people")
        frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
        rate = self.frames / max(self.seconds, 1e-9)
        first = output.paths(self.item)[0]
        return f"{frames}, {people} -> {first} ({self.seconds:.1f} s, {rate:.1f} frames/s)"

    def entry(self, output: VideoOutput) -> dict[str, Any]:
        """Return what the manifest says of the video."""
        written = [path.name for path in output.paths(self.item) if os.path.exists(path)]
        return {
            "source": self.item.source,
            "fingerprint": fingerprint(self.item.source),
            "status": self.status,
            "frames": self.frames,
            "people": self.people,
            "outputs": written if self.status != "failed" else [],
            "problem": self.problem,
            "not_written": self.not_written,
            "seconds": round(self.seconds, 3),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }


def run_video(
    pipeline: Pipeline,
    item: VideoItem,
    settings: StreamSettings,
    output: VideoOutput,
    progress: Progress | None = None,
) -> VideoOutcome:
    """Write the results of one video; whatever goes wrong is in the outcome.

    What was found so far is kept in `NAME.detections.*.part` until the results are there: the same
    call after a stop goes on, and writes the same bytes as one that was not stopped.

    Args:
        pipeline: detector and lifter.
        item: the video.
        settings: of the video.
        output: where the results go.
        progress: called with the frames written and their estimated total.
    """
    begin, clock = time.perf_counter(), StageClock()
    try:
        source = open_source(item.source, settings.fps)
        try:
            run = _VideoRun(pipeline, source, item, settings, output, clock, progress)
            with ending_on_interrupt(source):
                status, frames, people = run.do()
            problem = source.problem or run.end.problem
            status = "damaged" if problem else status
        finally:
            source.close()
    except Exception as error:
        log.debug("%s failed", item.source, exc_info=True)
        seconds, full = time.perf_counter() - begin, isinstance(error, NotWritten)
        problem = _one_line(item, error)
        return VideoOutcome(item, "failed", problem=problem, seconds=seconds, not_written=full)
    seconds = time.perf_counter() - begin
    return VideoOutcome(item, status, frames, people, problem, seconds, stages=dict(clock.seconds))


def find_chunk(
    pipeline: Pipeline,
    item: VideoItem,
    settings: StreamSettings,
    output: VideoOutput,
    start: int,
    until: int | None,
) -> int:
    """Find the people in a part of a video, for `run_video` to go on with; return the frames.

    Args:
        pipeline: detector and lifter.
        item: the video.
        settings: of the video.
        output: where the results go.
        start: ordinal of the first frame, a multiple of the batch.
        until: ordinal before which to stop; None: at the end of the video.

    Raises:
        Lift3dError: a part fails, or the source cannot be read.
    """
    source = open_source(item.source, settings.fps)
    try:
        found = FoundVideo(pipeline, source, item, settings, output, StageClock())
        return found.prefetch(start, until)
    finally:
        source.close()


def _check_start(source: Source, settings: StreamSettings) -> None:
    """Raise BadInput where the part to take begins a second or more behind the video's end.

    For videos that gave no frame: others may be longer than they say.
    """
    start_s = settings.selection.start_s
    if start_s and source.rate and source.n_frames:
        length_s = source.n_frames / source.rate
        if start_s >= length_s + 1:
            raise BadInput(
                f"{source.name}: the start, {start_s:g} s, lies behind the end, about "
                f"{length_s:.1f} s; give an earlier one"
            )


def check_once(name: str, output: VideoOutput, settings: StreamSettings) -> None:
    """Raise BadInput where a source that can be read once only is asked for what needs two.

    Args:
        name: of the source.
        output: what is to be written.
        settings: of the video.
    """
    for wanted, what in (
        (output.overlay, "--overlay reads a video twice"),
        (settings.floor, "--floor goes through a video twice"),
    ):
        if wanted:
            raise BadInput(
                f"{name}: {what}, which this source does not allow; leave it out, or save the "
                "video first"
            )


class _VideoRun:
    """One video on its way from frames to files."""

    def __init__(
        self,
        pipeline: Pipeline,
        source: Source,
        item: VideoItem,
        settings: StreamSettings,
        output: VideoOutput,
        clock: StageClock,
        progress: Progress | None,
    ) -> None:
        self._source, self._item, self._settings, self._output = source, item, settings, output
        self._clock, self._progress = clock, progress
        if not source.rereads:
            check_once(source.name, output, settings)
        self._clip = Clip(settings)
        self._found = FoundVideo(pipeline, source, item, settings, output, clock)
        self._camera = settings.camera(source.size_px)
        self._people: set[int] = set()
        self._n_frames = 0

    @property
    def end(self) -> VideoEnd:
        return self._found.end

    def do(self) -> tuple[str, int, int]:
        """Write all files; return status, frames and identities."""
        if self._clip.is_wanted and self._source.rereads:
            self._measure()
        header = self._header()
        writers: list[VideoWriter] = []
        try:
            for name in self._output.formats:
                path = self._output.path(self._item, name)
                writers.append(open_writer(name, path, header))
            self._write(writers)
            if not self._n_frames:
                self._found.file.delete()  # there is nothing in it to go on with
                _check_start(self._source, self._settings)
            if self._output.overlay and self._n_frames:
                self._draw()
            elif self._output.overlay:
                log.warning("%s: no frames, so no video is drawn", self._item.source)
            while writers:
                with self._clock("write"):
                    writers[0].finish()
                writers.pop(0)
        finally:
            for writer in writers:
                writer.abandon()
        self._found.file.delete()
        return "done", self._n_frames, len(self._people)

    def _measure(self) -> None:
        """Go through the whole video once for what rests on all of it."""
        replay = Replay(self._settings, self._camera, self._source.live, self._clip.add)
        total = expected_frames(self._source, self._settings)
        for count, found in enumerate(self._found, 1):
            with self._clock("track"):
                replay.push(found)
            if self._progress is not None:
                self._progress(count, total)
        with self._clock("track"):
            replay.finish()
        if self._settings.floor and self._clip.plane is None:
            log.warning("%s: too few standing feet to tell the floor", self._item.source)

    def _replay(self) -> Replay:
        settle = self._clip.settle() if self._source.rereads else self._clip.add
        return Replay(self._settings, self._camera, self._source.live, settle)

    def _write(self, writers: list[VideoWriter]) -> None:
        replay = self._replay()
        total = expected_frames(self._source, self._settings)
        for found in self._found:
            with self._clock("track"):
                frames = replay.push(found)
            self._write_frames(writers, frames)
            if self._progress is not None:
                self._progress(self._n_frames, total)
        with self._clock("track"):
            frames = replay.finish()
        self._write_frames(writers, frames)

    def _write_frames(self, writers: list[VideoWriter], frames: list) -> None:
        with self._clock("write"):
            for frame in frames:
                record = frame_record(frame)
                self._n_frames += 1
                self._people |= {person["person_id"] for person in record["people"]}
                for writer in writers:
                    writer.write(record)

    def _draw(self) -> None:
        from .video_writers_overlay import write_overlay

        replay = self._replay()

        def frames() -> Iterator:
            for found in self._found:
                yield from replay.push(found)
            yield from replay.finish()

        path = self._output.path(self._item, "overlay.mp4")
        with self._clock("overlay"):
            images = self._source.frames(self._settings.selection)
            write_overlay(path, self._source, self._settings.selection.stride, images, frames())

    def _header(self) -> dict[str, Any]:
        pipeline, parts = self._found._pipeline, self._output.parts
        return header_record(
            source=self._item.source,
            size_px=self._source.size_px,
            rate=self._source.rate,
            skeleton_2d=pipeline.detector.skeleton,
            skeleton_3d=pipeline.lifter.skeleton,
            detector=parts.detector,
            lifter=parts.lifter,
            weights_sha256=parts.weights_sha256,
            camera=self._camera,
            floor=self._clip.plane,
            settings=self._settings.to_dict()
            | {"smooth": self._settings.smoother(self._source.live)},
        )


def expected_frames(source: Source, settings: StreamSettings) -> int | None:
    """Return about how many frames will be taken; None where that is not known."""
    chosen = settings.selection
    if source.n_frames is None or source.rate is None:
        return chosen.max_frames
    end_s = min(source.n_frames / source.rate, chosen.end_s or float("inf"))
    count = max(0, round((end_s - chosen.start_s) * source.rate / chosen.stride))
    return count if chosen.max_frames is None else min(count, chosen.max_frames)


def _one_line(item: VideoItem, error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, Lift3dError):
        return text if item.source in text else f"{item.source}: {text}"
    return f"{item.source}: {type(error).__name__}: {text}"
