"""Find detectors and lifters by name, in one place and one order.

A name is looked for among the built-in ones, then among the entry points of installed packages
(groups `lift3d.detectors` and `lift3d.lifters`), then read as `package.module:Name`, then as
`file.py:Name`. What is found is a class or a function; it is called with `device=`,
`threshold=` and `with_maps=` where it takes them. An object that already does the work is taken as
it is.
"""

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ..poses.errors import Lift3dError, PluginError
from ..poses.pose import Pose2D, Pose3D
from ..poses.skeleton import Skeleton


@runtime_checkable
class Detector(Protocol):
    """Anything that finds people in images."""

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the poses found."""

    def detect(self, images: list[np.ndarray]) -> list[list[Pose2D]]:
        """Return the people of each RGB uint8 image (H, W, 3)."""


@runtime_checkable
class Lifter(Protocol):
    """Anything that turns 2D poses into 3D poses."""

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton of the 3D poses."""

    @property
    def needs(self) -> frozenset[str]:
        """What 2D poses must carry beside joints: "crop", "heatmaps", or nothing."""

    def lift(self, poses: list[Pose2D]) -> list[Pose3D]:
        """Return one 3D pose for each 2D pose, in order."""

    def lift_arrays(
        self,
        joints_px: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        skeleton: str | Skeleton,
    ) -> np.ndarray:
        """Return (N, 17, 3) millimetres for joints (N, J, 2) and confidences (N, J)."""


def _hourglass(
    device: str = "auto", threshold: float | None = None, with_maps: bool = False
) -> Detector:
    """Person finder, and a hourglass with MoveNet beside it: 16 MPII joints."""
    return _hourglass_of("hourglass-s", device, threshold, with_maps)


def _hourglass_m(
    device: str = "auto", threshold: float | None = None, with_maps: bool = False
) -> Detector:
    """The same with a larger hourglass: finds more joints, takes longer."""
    return _hourglass_of("hourglass-m", device, threshold, with_maps)


def _hourglass_of(weights: str, device: str, threshold: float | None, with_maps: bool) -> Detector:
    from ..detectors.hourglass import THRESHOLD, HourglassDetector

    least = THRESHOLD if threshold is None else threshold
    return HourglassDetector(weights, device=device, threshold=least, with_maps=with_maps)


def _consensus(device: str = "auto") -> Lifter:
    """Joint groups with an l2,1 consensus (Cha et al. 2018)."""
    from ..lifting.consensus_lifter import ConsensusLifter
    from ..models.zoo import verified_path

    return ConsensusLifter.load(verified_path("consensus-cmu"), device=device)


def _ppca(device: str = "auto") -> Lifter:
    """Probabilistic PCA of motion capture (Tome et al. 2017)."""
    from ..lifting.ppca import PPCALifter
    from ..models.zoo import verified_path

    return PPCALifter.load(verified_path("ppca-cmu"), device=device)


def _fusion(device: str = "auto") -> Lifter:
    """Network that fuses the picture with the joints' confidence maps; needs the picture."""
    from ..lifting.fusion import FusionLifter

    return FusionLifter.load("fusion-s", device=device)


DETECTORS: dict[str, Callable[..., Detector]] = {
    "hourglass": _hourglass,
    "hourglass-m": _hourglass_m,
}
LIFTERS: dict[str, Callable[..., Lifter]] = {
    "consensus": _consensus,
    "ppca": _ppca,
    "fusion": _fusion,
}
WEIGHTS = {
    "hourglass": ("people", "hourglass-s"),
    "hourglass-m": ("people", "hourglass-m"),
    "consensus": ("consensus-cmu",),
    "ppca": ("ppca-cmu",),
    "fusion": ("fusion-s",),
}


@dataclass(frozen=True)
class PartInfo:
    """A name that can be used, where it comes from, and one line about it."""

    name: str
    origin: str
    summary: str


def load_detector(
    detector: str | Any,
    device: str = "auto",
    threshold: float | None = None,
    with_maps: bool = False,
) -> Detector:
    """Return a detector by name, or the object itself if it is one.

    Args:
        detector: a name (see this module), or an object with `skeleton` and `detect`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        threshold: least score of a person; None: the detector's own.
        with_maps: ask for each person's crop and heatmaps, for lifters that look at them.

    Raises:
        PluginError: nothing has this name, or what has it is no detector.
    """
    offered = {"device": device, "threshold": threshold, "with_maps": with_maps or None}
    return _load(detector, "detector", DETECTORS, ("skeleton", "detect"), offered)


def load_lifter(lifter: str | Any, device: str = "auto") -> Lifter:
    """Return a lifter by name, or the object itself if it is one.

    Args:
        lifter: a name (see this module), or an object with `skeleton`, `needs`, `lift` and
            `lift_arrays`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        PluginError: nothing has this name, or what has it is no lifter.
    """
    wanted = ("skeleton", "needs", "lift", "lift_arrays")
    return _load(lifter, "lifter", LIFTERS, wanted, {"device": device})


def code_file(name: str) -> Path | None:
    """Return the file of a part named `file.py:Name` or `package.module:Name`; None of others."""
    place = name.rpartition(":")[0]
    origin = place if place.endswith(".py") else getattr(sys.modules.get(place), "__file__", None)
    return Path(origin) if origin and Path(origin).is_file() else None


def list_detectors() -> list[PartInfo]:
    """Return the detectors that have a name: built-in ones, then installed plugins."""
    return _list("detector", DETECTORS)


def list_lifters() -> list[PartInfo]:
    """Return the lifters that have a name: built-in ones, then installed plugins."""
    return _list("lifter", LIFTERS)


def _list(kind: str, built_in: dict[str, Callable[..., Any]]) -> list[PartInfo]:
    parts = [PartInfo(name, "built in", _summary(build)) for name, build in built_in.items()]
    for point in _entry_points(kind):
        origin = point.dist.name if point.dist else "plugin"
        parts.append(PartInfo(point.name, origin, point.value))
    return parts


def _summary(build: Callable[..., Any]) -> str:
    return (inspect.getdoc(build) or "").split("\n")[0]


def _entry_points(kind: str) -> list[EntryPoint]:
    return sorted(entry_points(group=f"lift3d.{kind}s"), key=lambda point: point.name)


def _load(
    part: str | Any,
    kind: str,
    built_in: dict[str, Callable[..., Any]],
    wanted: tuple[str, ...],
    offered: dict[str, Any],
) -> Any:
    found = _resolve(part, kind, built_in) if isinstance(part, str) else part
    if isinstance(found, type) or not all(hasattr(found, name) for name in wanted):
        found = _build(found, str(part), kind, offered)
    missing = [name for name in wanted if not hasattr(found, name)]
    if missing:
        raise PluginError(
            f"{kind} {part!r} must have {', '.join(wanted)}; "
            f"{type(found).__name__} lacks {', '.join(missing)}"
        )
    if not isinstance(found.skeleton, Skeleton):
        raise PluginError(
            f"{kind} {part!r} must have a lift3d.Skeleton as `skeleton`, got {found.skeleton!r}; "
            "use lift3d.get_skeleton(name)"
        )
    return found


def _resolve(name: str, kind: str, built_in: dict[str, Callable[..., Any]]) -> Any:
    if name in built_in:
        return built_in[name]
    points = {point.name: point for point in _entry_points(kind)}
    if name in points:
        try:
            return points[name].load()
        except Exception as error:
            raise PluginError(f"{kind} {name!r} of an installed package fails: {error}") from error
    place, colon, attribute = name.rpartition(":")
    if colon and place and attribute.isidentifier():
        module = _import_file(place, kind) if place.endswith(".py") else _import(place, kind)
        if not hasattr(module, attribute):
            raise PluginError(f"{kind} {name!r}: {place} has no {attribute!r}")
        return getattr(module, attribute)
    known = [*built_in, *points]
    close = difflib.get_close_matches(name, known, n=len(known), cutoff=0.0)
    raise PluginError(
        f"no {kind} is called {name!r}; there are {', '.join(close)}; "
        "for your own give package.module:Name or file.py:Name"
    )


def _import(module: str, kind: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise PluginError(f"{kind} module {module!r} cannot be imported: {error}") from error


def _import_file(path: str, kind: str) -> ModuleType:
    if not Path(path).is_file():
        raise PluginError(f"{kind} file {path} does not exist")
    name = f"_lift3d_plugin_{Path(path).stem}_{abs(hash(os.path.abspath(path)))}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{kind} file {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise PluginError(f"{kind} file {path} cannot be imported: {error}") from error
    return module


def _build(factory: Any, name: str, kind: str, offered: dict[str, Any]) -> Any:
    if not callable(factory):
        raise PluginError(
            f"{kind} {name!r} is {type(factory).__name__}, expected a class, a "
            f"function that returns a {kind}, or a {kind}"
        )
    parameters = inspect.signature(factory).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    given = {
        key: value
        for key, value in offered.items()
        if value is not None and (takes_all or key in parameters)
    }
    try:
        return factory(**given)
    except Lift3dError:
        raise
    except Exception as error:
        raise PluginError(f"{kind} {name!r} cannot be made: {error}") from error
