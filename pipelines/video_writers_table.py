"""A video as a table, CSV or Parquet: one row for each person in each frame."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..poses.errors import BadInput
from .video_writers import PartFile, close_quietly, writing

ROWS_A_GROUP = 2000
_WHOLE = ("frame", "person_id")


class CsvWriter:
    """Write CSV: a comment line with the header as JSON, the column names, then the rows.

    What is not known is an empty cell.

    Args:
        path: of the file.
        header: of `header_record`.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._file = PartFile(path)
        self._columns = column_names(header)
        with writing(path):
            self._stream = self._file.part.open("w", encoding="utf-8", newline="")
            self._stream.write("# " + json.dumps(header) + "\n")
            self._rows = csv.writer(self._stream, lineterminator="\n")
            self._rows.writerow(self._columns)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write the rows of a frame."""
        with writing(self._file.path):
            self._rows.writerows(rows_of(record, self._columns))

    def finish(self) -> None:
        """Give the file its own name."""
        with writing(self._file.path):
            self._stream.close()
        self._file.commit()

    def abandon(self) -> None:
        """Delete what was written."""
        close_quietly(self._stream)
        self._file.discard()


class ParquetWriter:
    """Write Parquet with the columns of the CSV, numbers as float64, the header in the metadata.

    Args:
        path: of the file.
        header: of `header_record`.

    Raises BadInput where pyarrow is not installed.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        require_pyarrow()
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._file = PartFile(path)
        self._columns = column_names(header)
        kinds = {name: pa.int64() for name in _WHOLE} | {"filled": pa.bool_()}
        fields = [(name, kinds.get(name, pa.float64())) for name in self._columns]
        self._schema = pa.schema(fields, metadata={"lift3d": json.dumps(header)})
        self._rows: list[list[Any]] = []
        with writing(path):
            self._table = pq.ParquetWriter(self._file.part, self._schema)

    def write(self, record: Mapping[str, Any]) -> None:
        """Take the rows of a frame; they are written in groups."""
        self._rows += rows_of(record, self._columns)
        if len(self._rows) >= ROWS_A_GROUP:
            self._flush()

    def finish(self) -> None:
        """Give the file its own name."""
        self._flush()
        with writing(self._file.path):
            self._table.close()
        self._file.commit()

    def abandon(self) -> None:
        """Delete what was written."""
        close_quietly(self._table)
        self._file.discard()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._rows:
            return
        columns = list(zip(*self._rows, strict=True))
        arrays = [pa.array(c, f.type) for c, f in zip(columns, self._schema, strict=True)]
        with writing(self._file.path):
            self._table.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()


def require_pyarrow() -> None:
    """Raise BadInput where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise BadInput(
            'Parquet needs pyarrow; run: pip install "lift3d[export]"  (or choose --format csv)'
        ) from error


def column_names(header: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns: frame, time, person, then the joints' numbers."""
    names = ["frame", "time_s", "person_id", "score", "filled"]
    names += [f"box_{side}_px" for side in ("x0", "y0", "x1", "y1")]
    names += [f"root_{axis}_mm" for axis in "xyz"]
    for joint in header["skeleton_3d"]["joints"]:
        names += [f"{joint}_{axis}_mm" for axis in "xyz"] + [f"{joint}_confidence"]
    for joint in header["skeleton_3d"]["joints"]:
        names += [f"{joint}_raw_{axis}_mm" for axis in "xyz"]
    for joint in header["skeleton_2d"]["joints"]:
        names += [f"{joint}_{axis}_px" for axis in "xy"] + [f"{joint}_confidence_2d"]
    return names


def rows_of(record: Mapping[str, Any], columns: list[str]) -> list[list[Any]]:
    """Return the rows of a frame, a list of values for each person."""
    return [list(_row(record, person, len(columns))) for person in record["people"]]


def _row(record: Mapping[str, Any], person: Mapping[str, Any], width: int) -> Iterator[Any]:
    n_2d = len(person["confidence_2d"] or ())
    n_3d = len(person["confidence"])
    values = [record["frame"], record["time_s"], person["person_id"], person["score"]]
    values += [person["filled"], *(person["box_xyxy_px"] or [None] * 4)]
    values += person["root_mm"] or [None] * 3
    for joint, confidence in zip(person["joints_mm"], person["confidence"], strict=True):
        values += [*joint, confidence]
    for joint in person["raw_joints_mm"] or [[None] * 3] * n_3d:
        values += joint
    if n_2d:
        for joint, confidence in zip(person["joints_px"], person["confidence_2d"], strict=True):
            values += [*joint, confidence]
    yield from values
    yield from [None] * (width - len(values))


def csv_header(path: Path) -> Any:
    """Return the header of a CSV file of ours."""
    with path.open(encoding="utf-8") as file:
        return json.loads(file.readline().removeprefix("# "))


def parquet_header(path: Path) -> Any:
    """Return the header of a Parquet file of ours."""
    require_pyarrow()
    import pyarrow.parquet as pq

    return json.loads(pq.read_schema(path).metadata[b"lift3d"])
