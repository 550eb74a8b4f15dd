"""The zoo: which weights ship, what they are, and whether a file is what the zoo says."""

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..poses.errors import BadInput, WeightsMissing

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent


@dataclass(frozen=True)
class ZooEntry:
    """One weights file of the zoo.

    Attributes:
        name: what `load_weights` is called with.
        file: its path, relative to the folder `models`.
        sha256: hexadecimal digest of the file.
        bytes: its size.
        kind: what reads it, "hourglass", "ppca", "consensus" or "fusion".
        about: everything else that `zoo.toml` says: licence, data, input size, error, card.
    """

    name: str
    file: str
    sha256: str
    bytes: int
    kind: str
    about: dict[str, Any]

    @property
    def path(self) -> Path:
        """Where the file is."""
        return HERE / self.file


@cache
def zoo() -> dict[str, ZooEntry]:
    """Return every entry of `zoo.toml` by name."""
    with (HERE / "zoo.toml").open("rb") as file:
        tables = tomllib.load(file)
    keys = ("file", "sha256", "bytes", "kind")
    return {
        name: ZooEntry(
            name=name,
            **{key: table[key] for key in keys},
            about={key: value for key, value in table.items() if key not in keys},
        )
        for name, table in tables.items()
    }


def zoo_entry(name: str) -> ZooEntry:
    """Return one entry.

    Raises:
        BadInput: the zoo has no such weights.
    """
    if name not in zoo():
        raise BadInput(f"no weights are called {name!r}; there are {', '.join(zoo())}")
    return zoo()[name]


def verified_path(name: str) -> Path:
    """Return the path of shipped weights after checking their digest.

    Raises:
        BadInput: the zoo has no such weights.
        WeightsMissing: the file is absent, or is not the one that the zoo names.
    """
    entry = zoo_entry(name)
    if not entry.path.exists():
        raise WeightsMissing(f"weights {name!r} are missing at {entry.path}; install lift3d anew")
    found = sha256_of(entry.path)
    if found != entry.sha256:
        raise WeightsMissing(
            f"weights {name!r} at {entry.path} are damaged or another file: sha256 should be "
            f"{entry.sha256}, is {found}; install lift3d anew"
        )
    return entry.path


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
