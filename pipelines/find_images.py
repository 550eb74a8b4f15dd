"""Finding photos: files, folders and patterns in, a list of photos with distinct names out."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..poses.errors import BadInput

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
_MANIFEST = re.compile(r"manifest(\.\d+-of-\d+)?", re.IGNORECASE)  # the JSON of a run on videos
_OUR_PICTURES = (".overlay.png", ".3d.png")


@dataclass(frozen=True)
class ImageItem:
    """Name one photo: its `path`, and the relative `name` (with `/`, no suffix) for its outputs."""

    path: Path
    name: str


@dataclass(frozen=True)
class FoundImages:
    """Hold the photos found, in order, and one `BadInput` for each source that gave none."""

    items: list[ImageItem]
    errors: list[BadInput]


def find_images(sources: Sequence[str]) -> FoundImages:
    """Return the photos that files, folders and patterns name, each once, with distinct names.

    A file is taken whatever its suffix. A folder is searched with its sub-folders, in sorted
    order, for the suffixes in `IMAGE_SUFFIXES`; hidden files and folders are left out, and so are
    the pictures that lift3d wrote (`x.overlay.png` and `x.3d.png` beside `x.json` or `x.npz`). A
    pattern (`*`, `?`, `[...]`, `**`) gives the files that match and have such a suffix.

    The name of a photo is its path below the folder that was given, without the suffix, and the
    bare file name for files and patterns. Photos of one folder that differ only in the suffix
    keep it (`x.jpg`, `x.png`), as one does whose results would be called as a run's manifest; other
    photos with the same name get as many parent folders in front
    as tell them apart (`a/img`, `b/img`). Case does not tell names apart: some file systems
    ignore it.

    A source without photos ends up in `errors`; the other sources are still found.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("a/img.jpg", "b/img.jpg", "notes.txt"):
    ...     (folder / name).parent.mkdir(exist_ok=True)
    ...     (folder / name).touch()
    >>> [item.name for item in find_images([f"{folder}/*/*.jpg"]).items]
    ['a/img', 'b/img']
    """
    depths: dict[Path, int] = {}  # photo -> how many parts of its path make its name
    errors: list[BadInput] = []
    for source in sources:
        for path, depth in _find(source, errors):
            depths.setdefault(path, depth)
    ours = {path for path in depths if _MANIFEST.fullmatch(_name(path, depths[path], False))}
    names = distinct_names(depths, ours)
    return FoundImages([ImageItem(path, names[path]) for path in depths], errors)


def _find(source: str, errors: list[BadInput]) -> list[tuple[Path, int]]:
    """Return the (absolute path, depth of the name) of the photos of one source."""
    path = Path(os.path.abspath(source))
    n_before = len(errors)
    if not source:
        found, problem = [], "expected a photo, a folder or a pattern, got an empty name"
    elif os.path.isdir(path):
        found = [(photo, len(photo.relative_to(path).parts)) for photo in _walk(path, errors)]
        problem = f"no photo in this folder; {_known_suffixes()}"
    elif os.path.exists(path):
        return [(path, 1)]
    elif glob.has_magic(source):
        matches = (Path(os.path.abspath(match)) for match in glob.iglob(source, recursive=True))
        found = [(match, 1) for match in sorted(matches) if _is_photo(match) and match.is_file()]
        problem = f"no photo matches this pattern; {_known_suffixes()}"
    else:
        found, problem = [], _missing(path)
    if not found and len(errors) == n_before:
        errors.append(BadInput(f"{source or repr(source)}: {problem}"))
    return found


def _walk(folder: Path, errors: list[BadInput]) -> list[Path]:
    """Return the photos below a folder, sorted; an unreadable sub-folder is added to `errors`."""
    photos = []
    for parent, files in walk_files(folder, errors):
        siblings = set(files)
        photos += [
            Path(parent, name)
            for name in files
            if not name.startswith(".") and _is_photo(Path(name)) and not is_ours(name, siblings)
        ]
    return sorted(photos)


def walk_files(folder: Path, errors: list[BadInput]) -> Iterator[tuple[str, list[str]]]:
    """Yield the folders below one, and itself, that are not hidden, each with its files' names.

    One that cannot be read is added to `errors`.
    """

    def skip(error: OSError) -> None:
        reason = f"cannot be read: {error.strerror}; check its permissions"
        errors.append(BadInput(f"{error.filename}: {reason}"))

    for parent, folders, files in os.walk(folder, onerror=skip):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield parent, files


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_ours(name: str, siblings: set[str]) -> bool:
    """Say whether a file is a picture that lift3d drew, whose data lie beside it."""
    stems = (name.removesuffix(suffix) for suffix in _OUR_PICTURES if name.endswith(suffix))
    return any(stem + data in siblings for stem in stems for data in (".json", ".npz"))


def _known_suffixes() -> str:
    return "photos end in " + ", ".join(IMAGE_SUFFIXES)


def _missing(path: Path) -> str:
    """Say that a path does not exist, with the closest existing name in the deepest folder."""
    while not os.path.isdir(path.parent):
        path = path.parent
    try:
        names = sorted(os.listdir(path.parent))
    except OSError:
        names = []
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    hint = (
        f"the closest name in {str(path.parent)!r} is {close[0]!r}"
        if close
        else (f"nothing in {str(path.parent)!r} has a name like {path.name!r}")
    )
    return f"no such file or folder; {hint}"


def distinct_names(depths: dict[Path, int], whole: Iterable[Path] = ()) -> dict[Path, str]:
    """Return a name for each path: the last parts of it, as many as make the names distinct.

    The paths in `whole` keep their suffix.
    """
    depths, whole = dict(depths), set(whole)
    while True:
        names = {path: _name(path, depth, path in whole) for path, depth in depths.items()}
        before = (dict(depths), len(whole))
        for clash in _groups({path: name.casefold() for path, name in names.items()}):
            for siblings in _groups({path: str(path.parent) for path in clash}):
                if len(siblings) > 1:
                    whole.update(siblings)
                elif len(clash) > 1:
                    path = siblings[0]
                    depths[path] = min(depths[path] + 1, len(path.parts) - 1)
        if before == (depths, len(whole)):
            return names


def _groups(keys: dict[Path, str]) -> Iterable[list[Path]]:
    """Return the paths that have the same key, a list for each key."""
    groups = defaultdict(list)
    for path, key in keys.items():
        groups[key].append(path)
    return groups.values()


def _name(path: Path, depth: int, whole: bool) -> str:
    return "/".join((path if whole else path.with_suffix("")).parts[-depth:])
