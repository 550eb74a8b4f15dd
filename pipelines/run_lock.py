"""One run at a time in an output folder."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from types import TracebackType

from ..poses.errors import BadInput, Lift3dError

_NAME = ".lift3d"


class RunLock:
    """Hold an output folder while a run writes into it; a context manager.

    The lock is a file with the process in it. It goes when the run ends; that of a process that was
    killed is taken over. A run of one shard stands beside those of other shards of as many, but not
    beside one of the whole folder, nor of a list that is cut into another number of shards.

    Args:
        folder: of the results; it is made.
        shard: "2-of-8" for a run of a part; "" for the whole.

    Raises:
        BadInput: another run holds the folder.
        Lift3dError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, shard: str = "") -> None:
        self._folder = Path(folder)
        self._shard = shard
        self._held = False
        self._path = self._folder / f"{_NAME}{'.' if shard else ''}{shard}.lock"

    def __enter__(self) -> RunLock:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._check_others()
            while not self._take():
                self._clear_dead(self._path)
            self._held = True
            self._check_others()
        except OSError as error:
            raise Lift3dError(
                f"output folder {self._folder} cannot be written to ({error.strerror}); "
                "choose another with -o"
            ) from error
        except BadInput:
            self._give_up()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_up()

    def _give_up(self) -> None:
        if self._held:
            self._path.unlink(missing_ok=True)
            self._held = False

    def _take(self) -> bool:
        """Make the lock file, whole from the start; say whether it was not there before."""
        mine = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        mine.write_text(json.dumps(_this_process()))
        try:
            os.link(mine, self._path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            try:
                with self._path.open("x") as file:
                    file.write(mine.read_text())
            except FileExistsError:
                return False
        finally:
            mine.unlink(missing_ok=True)
        return True

    def _check_others(self) -> None:
        """Raise BadInput where a run of the whole, or of any part, is in this one's way."""
        beside = f"-{self._shard.partition('-')[2]}.lock"  # how other shards of as many end
        for path in self._folder.glob(f"{_NAME}*.lock"):
            in_the_way = not self._shard or not path.name.endswith(beside)
            if path != self._path and in_the_way:
                self._clear_dead(path)

    def _clear_dead(self, path: Path) -> None:
        """Delete the lock of a process that is gone; raise BadInput where it may be alive."""
        holder = _holder(path)
        if holder is None:
            if path.exists() and time.time() - path.stat().st_mtime > 10:
                path.unlink(missing_ok=True)  # not one of ours, or damaged
            return
        if holder.get("host") == platform.node() and not _is_alive(holder):
            path.unlink(missing_ok=True)
            return
        raise BadInput(
            f"output folder {self._folder} is in use by another run (process {holder.get('pid')} "
            f"on {holder.get('host')}); wait for it, or choose another folder with -o; if it is "
            f"gone, delete {path}"
        )


def _this_process() -> dict[str, object]:
    pid = os.getpid()
    return {"pid": pid, "host": platform.node(), "began": _began(pid)}


def _holder(path: Path) -> dict | None:
    try:
        holder = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return holder if isinstance(holder, dict) and isinstance(holder.get("pid"), int) else None


def _is_alive(holder: dict) -> bool:
    pid = holder["pid"]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return holder.get("began") == _began(pid)  # else another process has got its number


def _began(pid: int) -> str | None:
    """Return when a process began, in the system's own ticks; None where that is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]  # a zombie is gone
