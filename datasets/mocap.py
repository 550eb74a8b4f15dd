"""Motion capture as a pack: many poses of 17 joints, cut into clips of named subjects."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..poses import get_skeleton
from ..poses.errors import BadInput, DecodeError
from .packs import read_pack

_CLIP_KEYS = ("clip_names", "clip_subject", "clip_fps", "clip_grade", "clip_split")
_KEYS = ("poses", "clip", "parents", *_CLIP_KEYS)
_TEXT = ("clip_names", "clip_description")
_FRACTIONS = ("poses", "clip_fps")

TRAIN, VALIDATION = 0, 1


@dataclass(frozen=True)
class MocapPack:
    """N poses of C clips.

    Attributes:
        poses_mm: (N, 17, 3) float32 millimetres, world frame, y up, joints of h36m17.
        clip: (N,) index of each pose's clip, 0 to C - 1.
        clip_names: (C,) for example "02_01".
        clip_subject: (C,) number of the person.
        clip_fps: (C,) frames a second.
        clip_grade: (C,) 0 native skeleton, 1 borrowed skeleton, 2 retargeted.
        clip_split: (C,) 0 train, 1 validation.
        clip_description: (C,) what is done, in words; empty where the pack does not say.
    """

    poses_mm: NDArray[np.float32]
    clip: NDArray[np.integer]
    clip_names: NDArray[np.str_]
    clip_subject: NDArray[np.integer]
    clip_fps: NDArray[np.floating]
    clip_grade: NDArray[np.integer]
    clip_split: NDArray[np.integer]
    clip_description: NDArray[np.str_]

    def rows(self, *, split: int, grades: Sequence[int] = (0, 1, 2)) -> NDArray[np.integer]:
        """Return the indices (M,) of the poses of a split whose clips have one of the grades."""
        chosen = (self.clip_split == split) & np.isin(self.clip_grade, list(grades))
        return np.flatnonzero(chosen[self.clip])


def read_mocap(path: str | Path) -> MocapPack:
    """Read a motion-capture pack such as `mocap_cmu17.npz`.

    Raises:
        DecodeError: the file is missing, no npz, or lacks one of the arrays.
        BadInput: its arrays do not fit together or have joints other than h36m17's.
    """
    try:
        arrays = read_pack(path, _KEYS, optional=("clip_description",))
    except DecodeError as error:
        raise DecodeError(f"{error}; expected a motion-capture pack") from None
    for key, array in arrays.items():
        _check_kind(path, key, array)
    poses, clip = arrays["poses"], arrays["clip"]
    skeleton = get_skeleton("h36m17")
    if poses.ndim != 3 or poses.shape[1:] != (skeleton.n_joints, 3):
        raise BadInput(f"poses in {path} must have shape (N, 17, 3), got {poses.shape}")
    if tuple(arrays["parents"].tolist()) != skeleton.parents:
        raise BadInput(
            f"parents in {path} must be those of h36m17, {skeleton.parents}, "
            f"got {tuple(arrays['parents'].tolist())}; reorder the joints"
        )
    if clip.shape != (len(poses),):
        raise BadInput(f"clip in {path} must have shape ({len(poses)},), got {clip.shape}")
    clips = len(arrays["clip_names"])
    arrays.setdefault("clip_description", np.full(clips, ""))
    for key in (*_CLIP_KEYS, "clip_description"):
        if arrays[key].shape != (clips,):
            raise BadInput(f"{key} in {path} must have shape ({clips},), got {arrays[key].shape}")
    if len(clip) and (clip.min() < 0 or clip.max() >= clips):
        raise BadInput(
            f"clip in {path} must be from 0 to {clips - 1}, got {clip.min()} to {clip.max()}"
        )
    bad = int(np.sum(~np.isfinite(poses).all(axis=(1, 2))))
    if bad:
        raise BadInput(f"poses in {path} must be finite, got {bad} of {len(poses)} with NaN or inf")
    poses = poses.astype(np.float32)
    bones = poses[:, 1:] - poses[:, skeleton.parents[1:]]
    lost = int(np.sum(~bones.any(axis=2).all(axis=1)))
    if lost:
        raise BadInput(
            f"poses in {path} must have bones, got {lost} of {len(poses)} with a joint on its "
            "parent; drop them"
        )
    about = (arrays[key] for key in (*_CLIP_KEYS, "clip_description"))
    return MocapPack(poses, clip, *about)


def _check_kind(path: str | Path, key: str, array: np.ndarray) -> None:
    kinds, wanted = ("U", "text") if key in _TEXT else ("iu", "whole numbers")
    if key in _FRACTIONS:
        kinds, wanted = "iuf", "numbers"
    if array.dtype.kind not in kinds:
        raise BadInput(f"{key} in {path} must be {wanted}, got {array.dtype}")
