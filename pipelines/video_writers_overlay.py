"""The video with its people drawn into it, as H.264 that browsers play."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

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
    """Draw each frame's people into its picture and write an MP4 file without sound.

    Its colours are those of BT.709, limited range, at every size, and the file says so: players
    that are not told guess by the height.

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
    try:
        with writing(path), av.open(str(file.part), "w", format="mp4") as container:
            stream = _add_stream(container, source, stride)
            for picture, frame in zip(images, frames, strict=True):
                poses = [p.pose2d for p in frame.people if p.pose2d is not None]
                drawn = draw_overlay(picture.image, poses)[: stream.height, : stream.width]
                encoded = _encodable(drawn)
                encoded.pts, encoded.time_base = round(frame.time_s / TICK), TICK
                container.mux(stream.encode(encoded))
            container.mux(stream.encode(None))
        file.commit()
    except av.FFmpegError as error:
        raise Lift3dError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        file.discard()


def _add_stream(container: OutputContainer, source: Source, stride: int) -> av.VideoStream:
    """Return a new stream of even size, whose colours are said to be BT.709, limited range."""
    width, height = source.size_px
    rate = Fraction((source.rate or 25.0) / stride).limit_denominator(1001)
    stream = container.add_stream("libx264", rate=rate, options=QUALITY)
    stream.width, stream.height, stream.pix_fmt = width // 2 * 2, height // 2 * 2, "yuv420p"
    codec = stream.codec_context
    codec.time_base = TICK
    codec.colorspace, codec.color_range = Colorspace.ITU709, ColorRange.MPEG
    codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return stream


def _encodable(image: np.ndarray) -> av.VideoFrame:
    """Return an RGB uint8 picture (H, W, 3) in the stream's colours."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    return frame.reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
