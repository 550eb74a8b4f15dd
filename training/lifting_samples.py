"""Training samples of joint lifters: motion capture, varied, seen by random cameras, damaged."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..datasets.detector_noise import DetectorNoise
from ..datasets.mocap import TRAIN, MocapPack
from ..datasets.pose_variety import PoseVariety
from ..datasets.virtual_cameras import CameraRanges, photograph
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton

Array = NDArray[np.floating]

_BODY = get_skeleton("h36m17")
_SIZE_MM = 1650.0  # of a person, for noise that is a part of the height
# Skeletons that 2D joints come in: their share, and the joints of h36m17 that they never have.
SOURCES: dict[str, tuple[float, tuple[str, ...]]] = {
    "h36m17": (0.35, ()),
    "mpii16": (0.20, ("spine",)),
    "coco17": (0.15, ("spine", "head_top")),
    "blazepose33": (0.05, ("spine", "head_top")),
    "lsp14": (0.10, ("spine", "neck_nose")),
    "humaneva15": (0.15, ("spine", "neck_nose")),
}
_FACE = ("coco17", "blazepose33")  # their nose stands in for the head joint
_MIDPOINTS = ("coco17", "blazepose33", "lsp14")  # their trunk joints are midpoints
_CUT_OFF = [
    ("knee", "ankle"),
    ("ankle",),
    ("hip", "knee", "ankle", "pelvis"),
    ("elbow", "wrist"),
    ("head_top", "neck_nose"),
]


@dataclass(frozen=True)
class LiftingSamples:
    """Draw pairs of damaged 2D and true 3D poses.

    Attributes:
        variety: how the captured poses are changed.
        cameras: what the cameras are like.
        detected: share of poses with a detector's errors.
        blurred: share of poses with Gaussian noise of up to `blur` of the height.
        blur: its largest standard deviation.
        hidden: share of poses with some joints hidden beside those that their skeleton lacks.
    """

    variety: PoseVariety = field(default_factory=PoseVariety)
    cameras: CameraRanges = field(
        default_factory=lambda: CameraRanges(roll_deg=(-10.0, 10.0), distance_mm=(1800.0, 10000.0))
    )
    detected: float = 0.3
    blurred: float = 0.3
    blur: float = 0.06
    hidden: float = 0.35

    def draw(self, poses_mm: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Return 2D joints, confidences and 3D joints for captured poses.

        Args:
            poses_mm: (N, 17, 3) of h36m17, y up.
            rng: source of all draws.

        Returns:
            (N, 17, 2) pixels, NaN where hidden; (N, 17); (N, 17, 3) millimetres, camera frame,
            relative to the pelvis.
        """
        poses = self.variety.apply(poses_mm, rng)
        with_nose = np.concatenate([poses, _nose(poses, rng)], axis=1)
        views = photograph(with_nose, seed=int(rng.integers(2**31)), ranges=self.cameras)
        joints_px, nose_px = views.joints_px[:, :17], views.joints_px[:, 17]
        px_per_mm = views.focal_px / views.root_mm[:, 2]
        joints_px, lacks = _as_annotated(joints_px, nose_px, rng)
        joints_px, confidence = self._damaged(joints_px, px_per_mm, rng)
        lost = lacks | self._hidden(len(poses), rng)
        joints_px = np.where(lost[..., None], np.nan, joints_px)
        return joints_px, np.where(lost, 0.0, confidence), views.joints_mm[:, :17]

    def _damaged(
        self, joints_px: Array, px_per_mm: Array, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Return joints with a detector's errors, with noise, or as they are; and confidences."""
        N = len(joints_px)
        kind = rng.random(N)
        noise = DetectorNoise(skill=float(rng.uniform(0, 3)))
        found, confidence = noise.apply(joints_px, rng)
        sd_px = _SIZE_MM * px_per_mm * rng.uniform(0, self.blur, N)
        blurred = joints_px + sd_px[:, None, None] * rng.normal(size=joints_px.shape)
        is_found = kind < self.detected
        is_blurred = ~is_found & (kind < self.detected + self.blurred)
        joints_px = np.where(is_blurred[:, None, None], blurred, joints_px)
        joints_px = np.where(is_found[:, None, None], found, joints_px)
        return joints_px, np.where(is_found[:, None], confidence, 1.0)

    def _hidden(self, N: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return (N, 17) joints to hide: some anywhere, or a part of the body."""
        count = rng.integers(1, 6, (N, 1))
        anywhere = rng.random((N, 17)).argsort(axis=1).argsort(axis=1) < count
        parts = np.array([[joint.endswith(ends) for joint in _BODY.joints] for ends in _CUT_OFF])
        part = parts[rng.integers(len(parts), size=N)]
        chosen = rng.random((N, 1))
        return np.where(
            chosen < 0.6 * self.hidden, anywhere, np.where(chosen < self.hidden, part, False)
        )


class PoseDraws:
    """Draw samples from some poses of a pack, each clip counting by the root of its length.

    Args:
        pack: motion capture.
        rows: indices of the poses.
        samples: how they are changed, seen and damaged.
    """

    def __init__(self, pack: MocapPack, rows: NDArray[np.integer], samples: LiftingSamples) -> None:
        self.poses_mm, self.samples = pack.poses_mm[rows], samples
        self.chances = np.cumsum(balanced_weights(pack, rows))

    def __call__(self, count: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Return what `LiftingSamples.draw` does for so many poses."""
        chosen = np.searchsorted(self.chances, rng.random(count))
        return self.samples.draw(self.poses_mm[np.minimum(chosen, len(self.poses_mm) - 1)], rng)


def training_rows(pack: MocapPack, hold_out: Sequence[int] = ()) -> NDArray[np.integer]:
    """Return the indices of the poses to train on, but those of some subjects.

    Raises:
        BadInput: there are none.
    """
    rows = pack.rows(split=TRAIN)
    rows = rows[~np.isin(pack.clip_subject[pack.clip[rows]], hold_out)]
    if not len(rows):
        raise BadInput("the pack has no poses of split 0 to train on; give another pack")
    return rows


def balanced_weights(mocap: MocapPack, rows: NDArray[np.integer]) -> Array:
    """Return (M,) probabilities of poses: a clip counts by the root of its length."""
    clip = mocap.clip[rows]
    weight = 1 / np.sqrt(np.bincount(clip)[clip])
    return weight / weight.sum()


def _nose(poses: Array, rng: np.random.Generator) -> Array:
    """Return (N, 1, 3) noses: before the head joint, a little below its height."""
    at = {name: poses[:, _BODY.index(name)] for name in _BODY.joints}
    up = _unit(at["head_top"] - at["neck_nose"])
    left = at["left_shoulder"] - at["right_shoulder"]
    forward = _unit(np.cross(left, up))
    N = len(poses)
    ahead, above = rng.normal(105, 15, (N, 1)), rng.normal(15, 20, (N, 1))
    return (at["neck_nose"] + ahead * forward + above * up)[:, None]


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _as_annotated(
    joints_px: Array, nose_px: Array, rng: np.random.Generator
) -> tuple[Array, NDArray[np.bool_]]:
    """Return joints as a random source skeleton's conversion gives them, and what it lacks."""
    index = {name: _BODY.index(name) for name in _BODY.joints}
    shares = np.array([share for share, _ in SOURCES.values()])
    source = rng.choice(len(SOURCES), size=len(joints_px), p=shares / shares.sum())
    lacks = np.array([[j in missing for j in _BODY.joints] for _, missing in SOURCES.values()])
    joints_px = joints_px.copy()
    for number, name in enumerate(SOURCES):
        rows = source == number
        own = joints_px[rows]
        if name in _MIDPOINTS:
            own[:, 0] = (own[:, index["left_hip"]] + own[:, index["right_hip"]]) / 2
            shoulders = (own[:, index["left_shoulder"]] + own[:, index["right_shoulder"]]) / 2
            own[:, index["thorax"]] = shoulders
        if name == "lsp14":  # its neck is annotated anywhere from the thorax to below the head
            thorax, neck = joints_px[rows, index["thorax"]], own[:, index["neck_nose"]]
            own[:, index["thorax"]] = thorax + rng.uniform(0, 0.7, (len(own), 1)) * (neck - thorax)
        if name in _FACE:
            own[:, index["neck_nose"]] = nose_px[rows]
        joints_px[rows] = own
    return joints_px, lacks[source]
