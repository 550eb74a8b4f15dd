"""A video as npz: one array a field, one row for each person in each frame."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from .video_writers import PartFile, close_quietly, writing

_MADE = (1980, 1, 1, 0, 0, 0)  # the same content gives the same file


class ArraysWriter:
    """Write npz: `numpy.load` reads it without pickle.

    The rows are the persons of all frames, one after the other; `frames` and `times_s` have a row
    for each frame, those without people too. Each field is collected in an unnamed file, so that
    memory does not grow.

    Args:
        path: of the file.
        header: of `header_record`; it is kept as JSON text in the array `header`.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        J2, J3 = (len(header[name]["joints"]) for name in ("skeleton_2d", "skeleton_3d"))
        self._shapes: dict[str, tuple[int, ...]] = {
            "score": (),
            "box_xyxy_px": (4,),
            "joints_px": (J2, 2),
            "confidence_2d": (J2,),
            "joints_mm": (J3, 3),
            "confidence": (J3,),
            "sigma_mm": (J3,),
            "root_mm": (3,),
            "scale_px_per_mm": (),
            "offset_px": (2,),
            "raw_joints_mm": (J3, 3),
            "raw_root_mm": (3,),
        }
        self._header = json.dumps(header)
        self._file = PartFile(path)
        self._columns: dict[str, _Column] = {}
        with writing(path):
            for name, shape in self._shapes.items():
                self._columns[name] = _Column(path.parent, np.float64, shape)
            for name in ("frame", "person_id", "frames"):
                self._columns[name] = _Column(path.parent, np.int64, ())
            self._columns["filled"] = _Column(path.parent, np.bool_, ())
            self._columns["times_s"] = _Column(path.parent, np.float64, ())

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the rows of a frame."""
        with writing(self._file.path):
            self._columns["frames"].append(record["frame"])
            self._columns["times_s"].append(record["time_s"])
            for person in record["people"]:
                camera = person["camera"] or {}
                known = person["person_id"]
                self._columns["frame"].append(record["frame"])
                self._columns["person_id"].append(-1 if known is None else known)
                self._columns["filled"].append(person["filled"])
                for name in self._shapes:
                    self._columns[name].append(person.get(name, camera.get(name)))

    def finish(self) -> None:
        """Put the fields together and give the file its own name."""
        with writing(self._file.path):
            with zipfile.ZipFile(self._file.part, "w", zipfile.ZIP_DEFLATED) as archive:
                _add(archive, "header", np.array(self._header))
                for name, column in self._columns.items():
                    column.add_to(archive, name)
            self._close()
        self._file.commit()

    def abandon(self) -> None:
        """Delete what was written."""
        self._close()
        self._file.discard()

    def _close(self) -> None:
        for column in self._columns.values():
            close_quietly(column.file)


class _Column:
    """The values of one field, in an unnamed file beside the results."""

    def __init__(self, folder: Path, kind: Any, shape: tuple[int, ...]) -> None:
        self._dtype, self._shape, self._rows = np.dtype(kind), shape, 0
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def append(self, value: Any) -> None:
        row = np.full(self._shape, np.nan) if value is None else np.array(value, self._dtype)
        self.file.write(np.ascontiguousarray(row, self._dtype).tobytes())
        self._rows += 1

    def add_to(self, archive: zipfile.ZipFile, name: str) -> None:
        with archive.open(_entry(name), "w", force_zip64=True) as member:
            head = {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._rows, *self._shape),
            }
            np.lib.format.write_array_header_2_0(member, head)
            self.file.seek(0)
            shutil.copyfileobj(self.file, member, 2**20)


def _add(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(_entry(name), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{name}.npy", _MADE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def arrays_header(path: Path) -> Any:
    """Return the header of an npz file of ours."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return json.loads(str(arrays["header"]))
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is no npz") from error
