"""The video with its people drawn into it, as H.264 that browsers play."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..poses.errors import Lift3dError
from .frame import Frame
from .pictures import draw_overlay
from .sources import Source, SourceFrame
from .video_writers import PartFile, writing

TICK = Fraction(1, 90_000)
QUALITY = {"crf": "23", "preset": "veryfast"}


def write_overlay(
    path: Path,
    source: Source,
    stride: int,
    images: Iterable[SourceFrame],
    frames: Iterator[Frame],
) -> None:
    """Draw each frame's people into its picture and write an MP4 file.

    Args:
        path: of the file.
        source: tells size and frame rate.
        stride: how many frames of the source make one.
        images: the pictures.
        frames: their people, in the same order.

    Raises:
        Lift3dError: the file cannot be written.
    """
    file = PartFile(path)
    width, height = source.size_px
    try:
        with writing(path), av.open(str(file.part), "w", format="mp4") as container:
            rate = Fraction((source.rate or 25.0) / stride).limit_denominator(1001)
            stream = container.add_stream("libx264", rate=rate, options=QUALITY)
            stream.width, stream.height, stream.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
            stream.codec_context.time_base = TICK
            for picture, frame in zip(images, frames, strict=True):
                poses = [p.pose2d for p in frame.people if p.pose2d is not None]
                drawn = draw_overlay(picture.image, poses)[: stream.height, : stream.width]
                encoded = av.VideoFrame.from_ndarray(np.ascontiguousarray(drawn), format="rgb24")
                encoded.pts, encoded.time_base = round(frame.time_s / TICK), TICK
                container.mux(stream.encode(encoded))
            container.mux(stream.encode(None))
        file.commit()
    except av.FFmpegError as error:
        raise Lift3dError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        file.discard()
