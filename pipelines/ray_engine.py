"""Workers of a batch on a Ray cluster.

Each worker is an actor that loads the parts once. The videos and the output folder must have the
same path on all machines of the cluster.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from ..poses.errors import BadInput, Lift3dError
from .batch import WorkerDied
from .batch_tasks import BatchTask, TaskRunner, WorkerSpec
from .video_run import VideoOutcome

REACH_S = 5.0
START_S = 120.0  # in which an actor must get its CPUs and load the parts


class RayPool:
    """Actors on a Ray cluster; those of a machine that is lost are replaced where there is room.

    Args:
        spec: what the workers need to know; `threads` are the CPUs that each of them takes.
        size: how many actors; None: as many as the cluster has CPUs for, and GPUs where they are
            used.
        address: of the cluster, "host:port", "ray://host:port" or "auto"; None: one on this
            machine alone.

    Raises:
        BadInput: Ray is not installed, or the address cannot be reached.
    """

    def __init__(
        self, spec: WorkerSpec, size: int | None = None, address: str | None = None
    ) -> None:
        self._ray = _connected(address)
        self._threads = max(1, spec.threads)
        there = spec.device == "auto" and self._ray.cluster_resources().get("GPU", 0) >= 1
        self._gpus = 1 if there or spec.device.startswith("cuda") else 0
        if self._gpus:
            spec = replace(spec, device="cuda")  # an actor sees its own GPU alone
        self._spec = spec
        actor = self._ray.remote(num_cpus=self._threads, num_gpus=self._gpus)(TaskRunner)
        self._actor = actor
        room = self._room(self._ray.cluster_resources())
        self._wanted = max(1, min(size or room, room))
        self._free = [actor.remote(spec) for _ in range(self._wanted)]
        self._running: dict[Any, tuple[Any, BatchTask]] = {}
        self._check_start()

    @property
    def size(self) -> int:
        """How many workers there are."""
        return self._wanted

    @property
    def idle(self) -> int:
        """How many tasks could be started now."""
        return len(self._free)

    def start(self, task: BatchTask) -> None:
        """Give a task to an idle actor."""
        actor = self._free.pop(0)
        self._running[actor.run.remote(task)] = (actor, task)

    def wait(self, timeout_s: float) -> list[tuple[BatchTask, VideoOutcome | int | Exception]]:
        """Return the tasks that have ended, with the results or errors."""
        self._refill()
        ended: list[tuple[BatchTask, VideoOutcome | int | Exception]] = []
        ready, _ = (
            self._ray.wait(list(self._running), timeout=timeout_s) if self._running else ([], [])
        )
        for reference in ready:
            actor, task = self._running.pop(reference)
            try:
                ended.append((task, self._ray.get(reference)))
                self._free.append(actor)
            except self._ray.exceptions.RayActorError:
                ended.append((task, WorkerDied("its Ray worker or the machine under it died")))
            except self._ray.exceptions.RayError as error:
                cause = getattr(error, "cause", None) or error
                ended.append((task, Lift3dError(_short(cause))))
                self._free.append(actor)
        return ended

    def progress(self) -> float:
        """Return 0: actors at work are not asked."""
        return 0.0

    def close(self) -> None:
        """End the actors and leave the cluster."""
        self._ray.shutdown()

    def _room(self, resources: dict[str, float]) -> int:
        """Return how many actors such resources suffice for."""
        room = int(resources.get("CPU", 0)) // self._threads
        return min(room, int(resources.get("GPU", 0))) if self._gpus else room

    def _check_start(self) -> None:
        """Drop the actors that did not start; raise where a part is wrong, or none has started."""
        failures: list[Exception] = []
        starts = {actor.__ray_ready__.remote(): actor for actor in self._free}
        _, waiting = self._ray.wait(list(starts), num_returns=len(starts), timeout=START_S)
        for start in waiting:
            self._free.remove(starts[start])
            self._ray.kill(starts[start])
            failures.append(TimeoutError(f"none was given its CPUs within {START_S} s"))
        for start, actor in starts.items():
            if start in waiting:
                continue
            try:
                self._ray.get(start)
            except self._ray.exceptions.RayError as error:
                self._free.remove(actor)
                failures.append(error)
                cause = getattr(error, "cause", None)
                if isinstance(cause, Lift3dError):
                    self.close()
                    raise cause from error
        if not self._free:
            self.close()
            raise Lift3dError(f"no Ray worker can start: {_short(failures[0])}")

    def _refill(self) -> None:
        """Make new actors for those that died, where the cluster has room for them."""
        missing = self._wanted - len(self._free) - len(self._running)
        if missing > 0:
            room = self._room(self._ray.available_resources())
            at_least = 1 if not self._free and not self._running else 0
            for _ in range(min(missing, max(room, at_least))):
                self._free.append(self._actor.remote(self._spec))


def _connected(address: str | None) -> Any:
    try:
        import ray
    except ImportError as error:
        raise BadInput('--engine ray needs Ray; run: pip install "lift3d[ray]"') from error
    if address is not None and address != "auto":
        _check_reachable(address)
    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except Exception as error:
            raise BadInput(
                f"no Ray cluster at {address or 'this machine'}: {_short(error)}; start one with "
                "`ray start --head`, or check --address"
            ) from error
    return ray


def _check_reachable(address: str) -> None:
    """Raise BadInput at once where nothing answers; Ray itself would try for long."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        raise BadInput(f"--address must be host:port, ray://host:port or auto, got {address!r}")
    try:
        socket.create_connection((host, int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"no Ray cluster answers at {address} ({getattr(error, 'strerror', None) or error}); "
            "start one with `ray start --head`, or check --address"
        ) from error


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) < 600 else f"{text[:250]} ... {text[-350:]}"
