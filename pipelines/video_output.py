"""The files that a video's results are written to."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..models.zoo import zoo
from .parts import WEIGHTS
from .video_writers import VIDEO_FORMATS, read_header
from .writers import read_source


@dataclass(frozen=True)
class VideoItem:
    """Name one video: its `source` (path, camera, address, "-"), and `name` for its outputs."""

    source: str
    name: str


@dataclass(frozen=True)
class PartsInfo:
    """What records say of the parts: their names and the digests of their weights."""

    detector: str
    lifter: str
    weights_sha256: Mapping[str, str] = field(default_factory=dict)


def parts_info(detector: str, lifter: str) -> PartsInfo:
    """Return what records say of the parts with these names."""
    names = [*WEIGHTS.get(detector, ()), *WEIGHTS.get(lifter, ())]
    return PartsInfo(detector, lifter, {name: zoo()[name].sha256 for name in names})


@dataclass(frozen=True)
class VideoOutput:
    """Where the results of videos go.

    Attributes:
        folder: of the results.
        parts: what the records say of detector and lifter.
        formats: data files, of "jsonl", "npz", "csv" and "parquet".
        overlay: write the video with the people drawn into it as well.
    """

    folder: Path
    parts: PartsInfo
    formats: tuple[str, ...] = ("jsonl",)
    overlay: bool = False

    def path(self, item: VideoItem, suffix: str) -> Path:
        """Return the path of one of a video's files, such as suffix "jsonl"."""
        return self.folder / f"{item.name}.{suffix}"

    def paths(self, item: VideoItem) -> list[Path]:
        """Return the paths of all of a video's files."""
        suffixes = [*self.formats, *(["overlay.mp4"] if self.overlay else [])]
        return [self.path(item, suffix) for suffix in suffixes]

    def is_done(self, item: VideoItem) -> bool:
        """Say whether all of a video's files are there, can be read, and are its own."""
        there = all(path.exists() for path in self.paths(item))
        readable = there and all(read_header(self.path(item, name)) for name in self.formats)
        return readable and not self.belongs_to_another(item)

    def earlier(self, item: VideoItem) -> Path | None:
        """Return a data file, of any format, in which a video of this name has results already.

        None where there is none.
        """
        for name in dict.fromkeys((*self.formats, *VIDEO_FORMATS)):
            path = self.path(item, name)
            if read_header(path) or (name in self.formats and path.exists()):
                return path
        return None

    def belongs_to_another(self, item: VideoItem) -> bool:
        """Say whether the data files of this name are another video's."""
        return bool(self._others(item))

    def clash(self, item: VideoItem) -> str:
        """Return the line that says whose results stand in a video's place."""
        path, source = self._others(item)[0]
        return (
            f"{item.source}: {path} holds the results of {source}; "
            "choose another folder with -o, or --overwrite"
        )

    def clean(self, item: VideoItem) -> None:
        """Delete what a stopped run left of a video that is done."""
        base = self.path(item, "")
        found = base.parent.glob(f"{glob.escape(base.name)}detections.*.part")
        for path in (*found, *(path.with_name(f"{path.name}.part") for path in self.paths(item))):
            path.unlink(missing_ok=True)

    def _others(self, item: VideoItem) -> list[tuple[Path, str]]:
        """Return the data files of another video that has this name, or of a photo in their place.

        Another video's in any format: what is of one name is of one video.
        """
        paths = [self.path(item, suffix) for suffix in VIDEO_FORMATS]
        sources = {p: (read_header(p) or {}).get("source") for p in paths if p.exists()}
        npz = self.path(item, "npz")
        if "npz" in self.formats:
            sources[npz] = sources.get(npz) or read_source(npz)
        own = (None, item.source)
        return [(path, source) for path, source in sources.items() if source not in own]
