"""Samples in WebDataset tars: write them so that a stopped run goes on, read them back."""

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from ...poses.errors import BadInput, DecodeError
from ...poses.whole_files import whole_file
from ..mocap import MocapPack
from .body import Body
from .people import SyntheticPeople
from .sample import Sample, sample_from

SHARD = 1000  # samples in a tar
SET_FILE = "set.json"


def write_shards(
    people: SyntheticPeople,
    count: int,
    folder: str | Path,
    *,
    workers: int = 0,
    progress: Callable[[int], None] = lambda made: None,
) -> int:
    """Write samples 0 to count - 1 into tars of a folder; return how many were made now.

    Each tar is written beside its place and renamed when it is whole. Tars that are there are
    kept: a run that was stopped goes on. The same people give the same bytes. One process at a time
    may write into a folder (`lift3d data synthesize` sees to that).

    Args:
        people: the set.
        count: number of samples.
        folder: made if it is not there.
        workers: processes; 0 for this one alone.
        progress: called with the number of samples that are done, those of before included.

    Raises:
        BadInput: the folder holds another set, or cannot be written.
        DecodeError: it holds tars without a description of what they are.
    """
    if count < 1:
        raise BadInput(f"a set needs at least 1 sample, got {count}")
    folder, wanted = Path(folder), describe(people, count)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _claim(folder, wanted)
        tars = [range(start, min(start + SHARD, count)) for start in range(0, count, SHARD)]
        missing = [indices for indices in tars if not shard_path(folder, indices.start).exists()]
        samples = people.stream([index for indices in missing for index in indices], workers)
        for indices in missing:
            path = shard_path(folder, indices.start)
            _write_one(islice(samples, len(indices)), path, progress)
        progress(count)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror})") from None
    return sum(len(indices) for indices in missing)


def shard_path(folder: Path, start: int) -> Path:
    """Return the tar that begins with sample `start`."""
    return folder / f"people-{start // SHARD:06d}.tar"


def describe(people: SyntheticPeople, count: int) -> dict[str, object]:
    """Return what the set's pictures depend on."""
    photos = people.backgrounds
    return {
        "count": count,
        "shard": SHARD,
        "size": people.size,
        "seed": people.seed,
        "split": people.split,
        "grades": list(people.grades),
        "variety": repr(people.variety),
        "scenes": repr(people.scenes),
        "body": _digest_of(people.body),
        "mocap": _digest_of(people.mocap),
        "backgrounds": _digest(photos.paths) if photos else "drawn",
    }


def _digest_of(arrays: Body | MocapPack) -> str:
    """Return what tells a body or a pack from others: all that it holds."""
    sha = hashlib.sha256()
    for each in fields(arrays):
        sha.update(np.ascontiguousarray(getattr(arrays, each.name)).tobytes())
    return sha.hexdigest()[:16]


def _digest(photos: Sequence[Path]) -> str:
    """Return what tells some photos from others: names and sizes."""
    told = [(path.name, path.stat().st_size) for path in photos]
    return f"{len(photos)} photos, {hashlib.sha256(repr(told).encode()).hexdigest()[:16]}"


def _claim(folder: Path, wanted: dict[str, object]) -> None:
    """Note in the folder which set it holds, or see that it is this one."""
    path = folder / SET_FILE
    if not any(folder.glob("people-*.tar*")):
        with whole_file(path) as part:
            part.write_text(json.dumps(wanted, indent=1))
        return
    there = _set_of(folder)
    for key, value in wanted.items():
        if there.get(key) != value:
            raise BadInput(
                f"{folder} holds another set ({key} {there.get(key)!r}, asked for {value!r}); "
                "choose another folder with -o"
            )


def _set_of(folder: Path) -> dict[str, object]:
    try:
        there = json.loads((folder / SET_FILE).read_text())
    except (OSError, ValueError, RecursionError):
        there = None
    count = there.get("count") if isinstance(there, dict) else None
    if not isinstance(count, int) or count < 1:
        raise DecodeError(
            f"{folder} has no readable {SET_FILE}; expected a folder of `lift3d data synthesize`"
        )
    return dict(there)


def _write_one(samples: Iterable[Sample], path: Path, progress: Callable[[int], None]) -> None:
    with whole_file(path) as part, tarfile.open(part, "w") as tar:
        for sample in samples:
            for ending, content in _members(sample).items():
                info = tarfile.TarInfo(f"{sample.index:06d}.{ending}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            progress(sample.index + 1)


def _members(sample: Sample) -> dict[str, bytes]:
    mask = cv2.imencode(".png", 255 * sample.mask.astype(np.uint8))[1].tobytes()
    return {"jpg": sample.jpeg, "json": sample.to_json().encode(), "mask.png": mask}


@dataclass(frozen=True, eq=False)
class ShardPeople:
    """The samples of a folder of tars, as a sequence; each is read when it is asked for.

    Attributes:
        folder: that `write_shards` filled.

    Raises:
        DecodeError: it is no such folder.
    """

    folder: Path
    _places: dict[Path, list[tuple[int, int]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        object.__setattr__(self, "count", _set_of(self.folder)["count"])

    count: int = field(init=False, default=0)

    @classmethod
    def to_train_on(cls, folder: Path) -> "ShardPeople":
        """Return the people of a folder, who are not those of the validation subjects.

        Raises:
            DecodeError: it is no such folder.
            BadInput: its people move as the validation subjects do.
        """
        people = cls(folder)
        if _set_of(people.folder).get("split") == 1:
            raise BadInput(
                f"{folder} holds people of the validation subjects; train on those that "
                "`lift3d data synthesize` makes without --validation"
            )
        return people

    def __len__(self) -> int:
        """Return how many samples the set has."""
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """Return sample `index`."""
        if not 0 <= index < self.count:
            raise IndexError(f"the set has samples 0 to {self.count - 1}, got {index}")
        path = shard_path(self.folder, index)
        places = self._index(path)
        first = 3 * (index % SHARD)
        try:
            with path.open("rb") as file:
                parts = []
                for offset, size in places[first : first + 3]:
                    file.seek(offset)
                    parts.append(file.read(size))
            jpeg, text, mask = parts
        except (OSError, ValueError):
            raise DecodeError(f"{path} is damaged; remove it and make it again") from None
        return sample_from(jpeg, mask, text.decode(errors="replace"))

    def sample(self, index: int) -> Sample:
        """Return sample `index`, counted on from the first again behind the last."""
        return self[index % self.count]

    def _index(self, path: Path) -> list[tuple[int, int]]:
        """Return where the members of a tar lie: offset and size, in order."""
        if path not in self._places:
            try:
                with tarfile.open(path) as tar:
                    self._places[path] = [(m.offset_data, m.size) for m in tar]
            except FileNotFoundError:
                raise DecodeError(
                    f"{path} is not there; run `lift3d data synthesize` again to finish the set"
                ) from None
            except (OSError, EOFError, tarfile.TarError, zlib.error):
                raise DecodeError(f"{path} is damaged; remove it and make it again") from None
        return self._places[path]


def read_shards(folder: str | Path) -> Iterator[Sample]:
    """Yield the samples of a folder of tars in their order.

    Raises:
        DecodeError: it is no such folder, or a tar is missing or damaged.
    """
    people = ShardPeople(Path(folder))
    for index in range(len(people)):
        yield people[index]
