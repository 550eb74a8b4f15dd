"""Finding photos and videos: files, folders, patterns, cameras and "-" in, both kinds out."""

from __future__ import annotations

import glob
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..poses.errors import BadInput
from .find_images import IMAGE_SUFFIXES, ImageItem, distinct_names, find_images, walk_files
from .sources import is_camera
from .video_output import VideoItem

VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"),
    *(".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", ".gif"),
)
_OUR_VIDEO = ".overlay.mp4"
_PIPE = (
    "a pipe or device, expected a file; pipe a video into `lift3d run -`, give a camera by its "
    "number"
)
_SEQUENCE = re.compile(r"[%*?\[].*")  # from the first sign of a pattern on


@dataclass(frozen=True)
class FoundMedia:
    """Hold the photos and videos found, in order, and a `BadInput` for what gave none."""

    photos: list[ImageItem]
    videos: list[VideoItem]
    errors: list[BadInput]


def find_media(sources: Sequence[str], fps: float | None = None) -> FoundMedia:
    """Return the photos and videos that sources name, each once, with distinct names.

    Photos are found as by `find_images`. A video is a file that ends in one of `VIDEO_SUFFIXES`
    or begins like a video, a camera's number or address, or "-" for stdin; folders and patterns
    give those with such a suffix, without the overlay videos that lift3d wrote. With `fps` each
    source is numbered images that make one video, and no single file. A video whose name a photo
    has too keeps its suffix.

    >>> [item.name for item in find_media(["0", "rtsp://10.0.0.7/live"]).videos]
    ['camera-0', '10.0.0.7-live']
    """
    depths: dict[Path, int] = {}
    streams: list[VideoItem] = []
    others: list[str] = []
    errors: list[BadInput] = []
    for source in sources if fps is None else _without_single(sources, errors):
        if fps is not None:
            streams.append(VideoItem(os.path.abspath(source), _sequence_name(source)))
        elif source == "-" or is_camera(source):
            streams.append(VideoItem(source, _stream_name(source)))
        elif _is_pipe(source):
            errors.append(BadInput(f"{source}: {_PIPE}"))
        else:
            videos = _videos(source, errors)
            for path, depth in videos:
                depths.setdefault(path, depth)
            if not videos or (_is_many(source) and find_images([source]).items):
                others.append(source)
    found = find_images(others)
    # a folder that cannot be read may have been met twice, for photos and for videos
    told = {str(error): error for error in (*map(_with_videos, found.errors), *errors)}
    names = _names(depths, {item.name.casefold() for item in found.items})
    files = [VideoItem(str(path), names[path]) for path in depths]
    single, doubles = _each_name_once([*files, *streams])
    return FoundMedia(found.items, single, [*told.values(), *doubles])


def find_videos(folder: str) -> FoundMedia:
    """Return the videos below a folder, their names the paths relative to it, and no photos.

    Folders below it that cannot be read end up in `errors`. Raises BadInput where there is no such
    folder, or no video in it.
    """
    if not os.path.isdir(folder):
        raise BadInput(f"{folder}: no such folder; give the folder whose videos are to be done")
    errors: list[BadInput] = []
    depths = dict(_videos(folder, errors))
    if not depths and not errors:
        raise BadInput(f"{folder}: no video in this folder; {_known()}")
    names = _names(depths, set())
    return FoundMedia([], [VideoItem(str(path), names[path]) for path in depths], errors)


def _without_single(sources: Sequence[str], errors: list[BadInput]) -> list[str]:
    """Return the sources that may be numbered images; one error tells of those that are a file."""
    single = [s for s in sources if os.path.isfile(s) and not is_video(Path(s))]
    if single:
        first = Path(single[0])
        more = f" and {len(single) - 1} more: one image each" if len(single) > 1 else ": one image"
        pattern = shlex.quote(str(first.with_name(f"*{first.suffix}")))
        errors.append(
            BadInput(
                f"{first}{more}, expected a folder or a pattern of numbered images; put a pattern "
                f"in quotes, such as {pattern}"
            )
        )
    return [source for source in sources if source not in single]


def _is_pipe(path: str | Path) -> bool:
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _videos(source: str, errors: list[BadInput]) -> list[tuple[Path, int]]:
    """Return the (absolute path, depth of the name) of the videos of one source."""
    path = Path(os.path.abspath(source))
    if not source:
        return []
    if path.is_dir():
        return [(video, len(video.relative_to(path).parts)) for video in _walk(path, errors)]
    if path.exists():
        return [(path, 1)] if is_video(path) else []
    matches = (Path(os.path.abspath(match)) for match in glob.iglob(source, recursive=True))
    return [(match, 1) for match in sorted(matches) if _has_suffix(match) and match.is_file()]


def _walk(folder: Path, errors: list[BadInput]) -> list[Path]:
    """Return the videos below a folder, sorted, without pipes; see `walk_files` for `errors`."""
    found = [Path(parent, name) for parent, files in walk_files(folder, errors) for name in files]
    seen = (path for path in found if not path.name.startswith("."))
    return sorted(path for path in seen if _has_suffix(path) and not _is_pipe(path))


def _has_suffix(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.endswith(_OUR_VIDEO)


def is_video(path: Path) -> bool:
    """Say whether a file is taken as a video: by its suffix, or by how it begins."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES or suffix in IMAGE_SUFFIXES or not path.is_file():
        return suffix in VIDEO_SUFFIXES
    try:
        with path.open("rb") as file:
            head = file.read(400)
    except OSError:
        return False
    riff_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    mpeg_ts = head[:1] == b"\x47" and head[188:189] == b"\x47"
    begins = (b"\x1a\x45\xdf\xa3", b"OggS", b"FLV\x01", b"\x00\x00\x01\xba", b"\x30\x26\xb2\x75")
    return head[4:8] == b"ftyp" or riff_avi or mpeg_ts or head.startswith(begins)


def _is_many(source: str) -> bool:
    return os.path.isdir(source) or not os.path.exists(source)


def _names(depths: dict[Path, int], taken: set[str]) -> dict[Path, str]:
    names = distinct_names(depths)
    return {
        path: f"{name}{path.suffix}" if name.casefold() in taken else name
        for path, name in names.items()
    }


def _each_name_once(items: list[VideoItem]) -> tuple[list[VideoItem], list[BadInput]]:
    """Return the first item of each name, and an error for each other one."""
    first: dict[str, VideoItem] = {}
    errors = []
    for item in items:
        other = first.setdefault(item.name.casefold(), item)
        if other is not item:
            errors.append(
                BadInput(
                    f"{item.source}: its results would have the name {item.name!r}, as those of "
                    f"{other.source}; run it by itself, with another folder as -o"
                )
            )
    return list(first.values()), errors


def _stream_name(source: str) -> str:
    if source == "-":
        return "stdin"
    if source.isdecimal():
        return f"camera-{source}"
    without_user = source.partition("://")[2].rpartition("@")[2]
    return re.sub(r"[^\w.]+", "-", without_user).strip("-.") or "stream"


def _sequence_name(source: str) -> str:
    """Return the name of numbered images: what the file names begin with, or the folder's."""
    path = Path(os.path.abspath(source))
    if path.is_dir():
        return path.name or "images"
    return _SEQUENCE.sub("", path.name).rstrip("-_. ") or path.parent.name or "images"


def _with_videos(error: BadInput) -> BadInput:
    text = str(error)
    return BadInput(f"{text}; {_known()}") if "photos end in" in text else error


def _known() -> str:
    return f"videos end in {', '.join(VIDEO_SUFFIXES)}"
