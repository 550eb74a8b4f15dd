"""Fixed sets to measure lifters on: validation motion capture, seen by random virtual cameras."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.detector_noise import DetectorNoise
from ..datasets.mocap import VALIDATION, MocapPack
from ..datasets.packs import Fields, read_fields
from ..datasets.virtual_cameras import CameraRanges, photograph
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton
from ..poses.whole_files import whole_file

Array = NDArray[np.floating]

# The first kind of which a word stands in a clip's description is the clip's kind.
KINDS: dict[str, tuple[str, ...]] = {
    "rough ground": ("uneven", "climb", "playground"),
    "running": ("run", "jog"),
    "jumping": ("jump", "hop", "leap"),
    "dance": ("dance", "salsa", "indian"),
    "sport": ("basketball", "soccer", "martial", "punch", "kick", "box"),
    "walking": ("walk", "stride"),
}
OTHER = "everyday acts"
_AGAIN = "make the set with `lift3d data lifting-set`"
_FIELDS: Fields = {
    "clip": ("whole numbers", ("N",)),
    "joints_px": ("finite numbers or NaN", ("clip", 17, 2)),
    "confidence": ("finite numbers", ("clip", 17)),
    "joints_mm": ("finite numbers", ("clip", 17, 3)),
    "mm_per_px": ("finite numbers", ("clip",)),
    "kind": ("text", ("clip",)),
}


@dataclass(frozen=True)
class Damage:
    """What is done to true 2D joints.

    Attributes:
        noise: standard deviation of Gaussian noise on each coordinate, as a part of the person's
            height at the body's depth.
        hidden: joints hidden in each pose, drawn anew for each.
        detector: errors shaped like a detector's, with confidences.
    """

    noise: float = 0.0
    hidden: int = 0
    detector: DetectorNoise | None = None


CASES: dict[str, Damage] = {
    "true": Damage(),
    "noise-2": Damage(noise=0.02),
    "noise-5": Damage(noise=0.05),
    "hidden-2": Damage(hidden=2),
    "hidden-4": Damage(hidden=4),
    "detector": Damage(detector=DetectorNoise(skill=1.0)),
    "detector-hard": Damage(detector=DetectorNoise(skill=0.0)),
}


@dataclass(frozen=True)
class LiftingSet:
    """N pairs of 2D and 3D poses in h36m17, the 2D ones perhaps damaged.

    Attributes:
        joints_px: (N, 17, 2) float32 pixels, NaN where hidden.
        confidence: (N, 17) float32.
        joints_mm: (N, 17, 3) float32 camera frame, relative to the pelvis.
        mm_per_px: (N,) float32 size of a pixel at the depth of the pelvis.
        clip: (N,) int64 which clip each pose is from.
        kind: (N,) text, kind of motion.
    """

    joints_px: Array
    confidence: Array
    joints_mm: Array
    mm_per_px: Array
    clip: NDArray[np.integer]
    kind: NDArray[np.str_]

    def digest(self) -> str:
        """Return the SHA-256 of the 2D joints, confidences and 3D joints."""
        sha = hashlib.sha256()
        for array in (self.joints_px, self.confidence, self.joints_mm):
            sha.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return sha.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the set as an npz file, whole or not at all."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with whole_file(Path(path)) as part, part.open("wb") as file:
            np.savez_compressed(file, **{f.name: getattr(self, f.name) for f in fields(self)})


def lifting_set(
    pack: MocapPack,
    case: str = "true",
    *,
    seed: int = 0,
    pitch_deg: tuple[float, float] = (-10.0, 40.0),
) -> LiftingSet:
    """Return the validation poses of grade 0, each as one random camera sees it, then damaged.

    The cameras depend on the seed alone, so that all cases show the same views. Coordinates are
    rounded (0.01 px, 0.1 mm), so that the digest is the same on other machines.

    Args:
        pack: motion capture.
        case: one of `CASES`.
        seed: of the cameras and of the damage.
        pitch_deg: how far the cameras look down, from and to.

    Raises:
        BadInput: no such case, pitches in falling order, or the pack has no such poses.
    """
    if case not in CASES:
        raise BadInput(f"no case is called {case!r}; there are {', '.join(CASES)}")
    if not pitch_deg[0] <= pitch_deg[1]:
        raise BadInput(f"pitch must go from low to high, got {pitch_deg[0]} to {pitch_deg[1]}")
    clean = clean_set(pack, seed=seed, ranges=CameraRanges(pitch_deg=pitch_deg))
    damaged = _damage(clean, CASES[case], np.random.default_rng([seed, 1]))
    return replace(
        damaged,
        joints_px=np.round(damaged.joints_px, 2).astype(np.float32),
        confidence=np.round(damaged.confidence, 3).astype(np.float32),
        joints_mm=np.round(damaged.joints_mm, 1).astype(np.float32),
        mm_per_px=damaged.mm_per_px.astype(np.float32),
    )


def clean_set(pack: MocapPack, *, seed: int = 0, ranges: CameraRanges | None = None) -> LiftingSet:
    """Return the validation poses of grade 0, each as one random camera sees it.

    Raises:
        BadInput: the pack has no such poses.
    """
    rows = pack.rows(split=VALIDATION, grades=(0,))
    if not len(rows):
        raise BadInput("the pack has no poses of split 1 and grade 0; nothing to measure on")
    views = photograph(pack.poses_mm[rows], seed=seed, ranges=ranges)
    clip = pack.clip[rows].astype(np.int64)
    return LiftingSet(
        joints_px=views.joints_px,
        confidence=np.ones(views.joints_px.shape[:2]),
        joints_mm=views.joints_mm,
        mm_per_px=views.root_mm[:, 2] / views.focal_px,
        clip=clip,
        kind=np.array([kind_of(text) for text in pack.clip_description.tolist()])[clip],
    )


def read_lifting_set(path: str | Path) -> LiftingSet:
    """Read a set that `LiftingSet.save` wrote.

    Raises:
        DecodeError: the file is missing, no npz, lacks an array or has one of another form.
        BadInput: it holds no poses, or confidences out of range.
    """
    arrays = read_fields(path, _FIELDS)
    confidence = arrays["confidence"]
    if not len(confidence):
        raise BadInput(f"{path} holds no poses; {_AGAIN}")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise BadInput(f"confidence in {path} must lie in 0..1; {_AGAIN}")
    return LiftingSet(**arrays)


def kind_of(description: str) -> str:
    """Return the kind of motion that a clip's description speaks of.

    >>> kind_of("slow walk"), kind_of("bend over, scoop up")
    ('walking', 'everyday acts')
    """
    text = description.lower()
    return next((kind for kind, words in KINDS.items() if any(w in text for w in words)), OTHER)


def height_mm(joints_mm: Array) -> Array:
    """Return (N,) heights: the bones from head top to ankle in a line, the mean of both legs."""
    body = get_skeleton("h36m17")
    trunk = ("head_top", "neck_nose", "thorax", "spine", "pelvis")
    legs = [(f"{side}_hip", f"{side}_knee", f"{side}_ankle") for side in ("left", "right")]
    return _chain(joints_mm, trunk, body.index) + sum(
        0.5 * _chain(joints_mm, leg, body.index) for leg in legs
    )


def _chain(joints_mm: Array, names: tuple[str, ...], index: Callable[[str], int]) -> Array:
    points = joints_mm[:, [index(name) for name in names]]
    return np.linalg.norm(np.diff(points, axis=1), axis=-1).sum(axis=1)


def _damage(clean: LiftingSet, damage: Damage, rng: np.random.Generator) -> LiftingSet:
    joints_px, confidence = clean.joints_px.copy(), clean.confidence.copy()
    if damage.detector:
        joints_px, confidence = damage.detector.apply(joints_px, rng)
    if damage.noise:
        sd_px = damage.noise * height_mm(clean.joints_mm) / clean.mm_per_px
        joints_px += sd_px[:, None, None] * rng.normal(size=joints_px.shape)
    if damage.hidden:
        order = rng.random(confidence.shape).argsort(axis=1).argsort(axis=1)
        joints_px[order < damage.hidden] = np.nan
        confidence[order < damage.hidden] = 0.0
    return replace(clean, joints_px=joints_px, confidence=confidence)
