"""Conformance suites: does an object keep the contract of a detector or of a lifter?"""

from typing import Any

import numpy as np

from ..poses.errors import PluginError
from ..poses.pose import Pose2D, Pose3D, PoseCrop
from ..poses.skeleton import SKELETONS, Skeleton, get_skeleton


def check_detector(detector: Any) -> None:
    """Raise PluginError, saying what was expected, unless the object is a proper detector.

    It is run on no image, on a plain one and on noise of several sizes: it must give one list of
    `Pose2D` for each image, of its own skeleton, with finite boxes and scores of 0..1, the same
    ones in a batch as alone, and must leave the images as they are.
    """
    _expect(hasattr(detector, "skeleton"), "a detector has the property `skeleton`")
    _expect(isinstance(detector.skeleton, Skeleton), "`skeleton` is a lift3d.poses.Skeleton")
    _expect(callable(getattr(detector, "detect", None)), "a detector has the method `detect`")
    _expect(detector.detect([]) == [], "detect([]) returns []")
    images = _pictures()
    before = [image.copy() for image in images]
    batch = detector.detect(images)
    same = all((a == b).all() for a, b in zip(images, before, strict=True))
    _expect(same, "detect leaves the images as they are")
    _expect(isinstance(batch, list), "detect returns a list")
    _expect(len(batch) == len(images), "detect returns one list of poses for each image")
    for image, poses in zip(images, batch, strict=True):
        _expect(isinstance(poses, list), "detect returns a list of lists of Pose2D")
        alone = detector.detect([image])[0]
        _expect(len(alone) == len(poses), "an image gives the same people alone as in a batch")
        for pose in [*poses, *alone]:
            _check_pose2d(pose, detector.skeleton)
        near = all(_gap_px(a, b) < 1 for a, b in zip(alone, poses, strict=True))
        _expect(near, "an image gives the same joints alone as in a batch, within 1 px")


def _gap_px(a: Pose2D, b: Pose2D) -> float:
    gaps = np.abs(np.nan_to_num(a.joints_px) - np.nan_to_num(b.joints_px))
    return float(gaps.max(initial=0)) if gaps.shape == b.joints_px.shape else np.inf


def _check_pose2d(pose: Any, skeleton: Skeleton) -> None:
    _expect(isinstance(pose, Pose2D), "detect returns lists of lift3d.poses.Pose2D")
    _expect(pose.skeleton == skeleton, "the poses found have the detector's skeleton")
    _expect(0 <= pose.score <= 1, "a pose's score lies in 0..1")
    inside = (pose.confidence >= 0).all() and (pose.confidence <= 1).all()
    _expect(bool(inside), "confidences lie in 0..1")
    if pose.box_xyxy_px is not None:
        x0, y0, x1, y1 = pose.box_xyxy_px
        _expect(bool(x0 <= x1 and y0 <= y1), "a box is x0, y0, x1, y1 with x0 <= x1 and y0 <= y1")


def check_lifter(lifter: Any) -> None:
    """Raise PluginError, saying what was expected, unless the object is a proper lifter.

    It is run on poses of every named skeleton, whole and with hidden joints: it must give one
    `Pose3D` for each pose in order, finite and relative to the root, the same in a batch as
    alone, the same by `lift` as by `lift_arrays`, must not care about what a joint of confidence
    0 says, and must survive a pose of which nothing is seen.
    """
    for name in ("skeleton", "needs"):
        _expect(hasattr(lifter, name), f"a lifter has the property `{name}`")
    for name in ("lift", "lift_arrays"):
        _expect(callable(getattr(lifter, name, None)), f"a lifter has the method `{name}`")
    _expect(isinstance(lifter.skeleton, Skeleton), "`skeleton` is a lift3d.poses.Skeleton")
    known = {"crop", "heatmaps"}
    _expect(set(lifter.needs) <= known, '`needs` holds "crop", "heatmaps" or nothing')
    _expect(lifter.lift([]) == [], "lift([]) returns []")
    for skeleton in SKELETONS.values():
        _check_lift(lifter, skeleton)
    unseen = _standing(get_skeleton("coco17"), np.zeros(17))
    _expect(len(lifter.lift([unseen])) == 1, "a pose of which nothing is seen gives one Pose3D")


def _check_lift(lifter: Any, skeleton: Skeleton) -> None:
    name = skeleton.name
    whole = _standing(skeleton, np.ones(skeleton.n_joints))
    part = np.ones(skeleton.n_joints)
    part[-1] = 0
    hidden = _standing(skeleton, part)
    poses = lifter.lift([whole, hidden])
    _expect(len(poses) == 2, f"lift returns one Pose3D for each pose ({name})")
    for pose in poses:
        _expect(isinstance(pose, Pose3D), "lift returns a list of lift3d.poses.Pose3D")
        _expect(pose.skeleton == lifter.skeleton, "the poses have the lifter's skeleton")
        finite = bool(np.isfinite(pose.joints_mm).all())
        _expect(finite, f"a whole pose of {name} gives 17 finite joints, those it lacks included")
        root = pose.joints_mm[lifter.skeleton.root]
        _expect(bool(np.abs(root).max() < 1), "joints_mm are relative to the root")
    alone = lifter.lift([hidden])[0].joints_mm
    gap = np.abs(alone - poses[1].joints_mm).max()
    _expect(bool(gap < 1), f"a pose gives the same alone as in a batch, within 1 mm ({name})")
    if not lifter.needs:
        _check_arrays(lifter, skeleton, hidden, poses[1])


def _check_arrays(lifter: Any, skeleton: Skeleton, hidden: Pose2D, lifted: Pose3D) -> None:
    name = skeleton.name
    joints = np.stack([hidden.joints_px, hidden.joints_px])
    joints[0, -1], joints[1, -1] = 1e4, np.nan
    confidence = np.stack([hidden.confidence, hidden.confidence])
    arrays = lifter.lift_arrays(joints, confidence, skeleton=name)
    shape = (2, lifter.skeleton.n_joints, 3)
    _expect(np.shape(arrays) == shape, f"lift_arrays returns shape {shape}")
    gap = np.abs(arrays - lifted.joints_mm).max()
    _expect(
        bool(gap < 1),
        f"lift_arrays gives what lift gives, and a joint of confidence 0 does not count ({name})",
    )


def _pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((96, 64), (64, 160))]
    return [np.full((80, 80, 3), 128, np.uint8), *noise]


STANDING_PX = {
    "hip": (12, 100),
    "knee": (14, 145),
    "ankle": (15, 188),
    "shoulder": (20, 45),
    "elbow": (27, 75),
    "wrist": (30, 102),
    "eye": (4, 22),
    "eye_inner": (3, 22),
    "eye_outer": (6, 22),
    "ear": (9, 24),
    "mouth": (4, 31),
    "pinky": (32, 110),
    "index": (30, 112),
    "thumb": (28, 108),
    "heel": (14, 194),
    "foot_index": (18, 198),
    "big_toe": (16, 198),
    "small_toe": (20, 197),
    "pelvis": (0, 100),
    "spine": (0, 72),
    "thorax": (0, 42),
    "neck": (0, 42),
    "upper_neck": (0, 34),
    "neck_nose": (0, 30),
    "nose": (0, 26),
    "head": (0, 12),
    "head_top": (0, 8),
}


def _standing(skeleton: Skeleton, confidence: np.ndarray) -> Pose2D:
    """Return a person who stands and faces the camera, so that their right is on the left."""
    joints = []
    for joint in skeleton.joints:
        side, _, part = joint.partition("_")
        sign = {"left": 1, "right": -1}.get(side, 0)
        x, y = STANDING_PX[part if sign else joint]
        joints.append((100 + sign * x, y + 20))
    crop = PoseCrop(
        np.full((192, 192, 3), 128, np.uint8),
        np.array([[1.0, 0, 0], [0, 1, 0]]),
        np.full((skeleton.n_joints, 48, 48), 1 / 48**2, np.float32),
        np.array([[4.0, 0, 1.5], [0, 4, 1.5]]),
    )
    return Pose2D(np.array(joints, float), confidence, skeleton, crop=crop)


def _expect(holds: bool, contract: str) -> None:
    if not holds:
        raise PluginError(f"the contract is broken: {contract}")
