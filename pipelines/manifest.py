"""The manifest of an output folder: what was run, with what, and what became of each video."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import __version__
from .video_found import fingerprint
from .video_writers import PartFile, writing

SAVE_EVERY_S = 5.0


class Manifest:
    """Keep `manifest.json`; what earlier runs wrote about other videos stays.

    It is rewritten, whole or not at all, when it is closed and every few seconds. Whether a video
    is done is told by its results, not by the manifest, so that a kill in between loses nothing.

    Args:
        path: of the file.
        command: the words of the command line.
        weights_sha256: name of a weights file -> its SHA-256.
        settings: what was chosen, as plain values.
    """

    def __init__(
        self,
        path: Path,
        command: Sequence[str],
        weights_sha256: Mapping[str, str],
        settings: Mapping[str, Any],
    ) -> None:
        self.path = path
        self._about = {
            "schema_version": 1,
            "lift3d_version": __version__,
            "command": list(command),
            "weights_sha256": dict(weights_sha256),
            "settings": dict(settings),
        }
        self.files: dict[str, dict[str, Any]] = read_manifest(path)
        self._saved_s = 0.0

    def put(self, name: str, entry: Mapping[str, Any]) -> None:
        """Note what became of a video; the entry that it has had goes."""
        self.files[name] = dict(entry)
        if time.monotonic() - self._saved_s > SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write the file."""
        whole = {**self._about, "files": dict(sorted(self.files.items()))}
        file = PartFile(self.path)
        with writing(self.path):
            file.part.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        file.commit()
        self._saved_s = time.monotonic()


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of a manifest by name; none where there is no such file."""
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(files, dict):
        return {}
    return {name: entry for name, entry in files.items() if isinstance(entry, dict)}


def read_manifests(folder: Path) -> dict[str, dict[str, Any]]:
    """Return by name what the runs into a folder, of shards and of the whole, wrote last."""
    latest: dict[str, dict[str, Any]] = {}
    for path in (folder / "manifest.json", *sorted(folder.glob("manifest.*-of-*.json"))):
        for name, entry in read_manifest(path).items():
            if name not in latest or _finished(entry) > _finished(latest[name]):
                latest[name] = entry
    return latest


def _finished(entry: Mapping[str, Any]) -> float:
    """Return when an entry was made, in seconds; 0 where it does not say."""
    try:
        return datetime.strptime(str(entry.get("finished")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return 0.0


def has_changed(source: str, entry: Mapping[str, Any]) -> bool:
    """Say whether the file of a video is another than when its entry was made."""
    return bool(entry.get("fingerprint") != fingerprint(source))
