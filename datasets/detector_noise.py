"""2D joints as a heatmap detector would have found them: blurred, exchanged, astray, unsure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton

Array = NDArray[np.floating]

_BODY = get_skeleton("h36m17")
_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_LIMB_JOINTS = [k for k, name in enumerate(_BODY.joints) if name.split("_")[-1] in _LIMBS]

# Measured with the first hourglass that shipped, of two stacks, on 3,000 of its training crops,
# half of COCO and half of LSP extended; lengths are parts of the body size (`size_px`).
_MEDIAN_CONFIDENCE = {
    "pelvis": 0.60,
    "hip": 0.48,
    "knee": 0.47,
    "ankle": 0.45,
    "spine": 0.60,
    "thorax": 0.80,
    "neck_nose": 0.73,
    "head_top": 0.69,
    "shoulder": 0.60,
    "elbow": 0.54,
    "wrist": 0.46,
}
_LOGIT_SD = 1.05  # of the confidences of one joint over photos
_SHARED = 0.55  # part of that variance that all joints of a person share
_CONFIDENCE = (0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
_ASTRAY = (0.80, 0.71, 0.57, 0.44, 0.35, 0.23, 0.15, 0.07, 0.033, 0.013)  # more than 0.35 off
_NEAR_SD = (0.150, 0.146, 0.135, 0.127, 0.121, 0.114, 0.107, 0.097, 0.080, 0.062)  # each axis
_EXCHANGED = (0.03, 0.14, 0.25, 0.37, 0.49, 0.54, 0.55, 0.50, 0.50, 0.50)  # of those astray
_JUMP_SD = 0.75  # each axis, of the others astray
_PERSON_EXCHANGED = 0.05  # people whose left and right are exchanged as a whole


@dataclass(frozen=True)
class DetectorNoise:
    """The errors of a heatmap detector on h36m17 joints.

    Attributes:
        skill: added to the logit of every confidence: 0 is the measured network on hard photos,
            each 1 divides the odds of a joint astray by about e.
        hidden: share of joints lost (NaN, confidence 0) beside.
    """

    skill: float = 1.0
    hidden: float = 0.0

    def apply(self, joints_px: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return joints (N, 17, 2) px as detected and their confidences (N, 17).

        A joint's confidence is drawn first, correlated within a person; it decides how far the
        joint lies from the truth, whether it went astray, and then whether it sits on the
        opposite side's joint or anywhere near the body.

        Args:
            joints_px: (N, 17, 2) true pixels, finite.
            rng: source of all draws.

        >>> found, confidence = DetectorNoise().apply(np.ones((5, 17, 2)), np.random.default_rng(0))
        >>> found.shape, bool((confidence > 0).all())
        ((5, 17, 2), True)
        """
        if joints_px.shape[1:] != (17, 2):
            raise BadInput(f"joints_px must have shape (N, 17, 2), got {joints_px.shape}")
        N = len(joints_px)
        person, joint = rng.normal(size=(N, 1)), rng.normal(size=(N, 17))
        spread = _LOGIT_SD * (_SHARED**0.5 * person + (1 - _SHARED) ** 0.5 * joint)
        confidence = 1 / (1 + np.exp(-(_median_logits() + self.skill + spread)))
        size = size_px(joints_px)[:, None, None]
        near = np.interp(confidence, _CONFIDENCE, _NEAR_SD)[..., None]
        found = joints_px + size * near * rng.normal(size=joints_px.shape)

        astray = rng.random((N, 17)) < np.interp(confidence, _CONFIDENCE, _ASTRAY)
        opposite = found[:, _BODY.flip_index]
        jumped = joints_px + size * _JUMP_SD * rng.normal(size=joints_px.shape)
        to_opposite = rng.random((N, 17)) < np.interp(confidence, _CONFIDENCE, _EXCHANGED)
        to_opposite &= _BODY.flip_index != np.arange(17)
        found = np.where(
            astray[..., None], np.where(to_opposite[..., None], opposite, jumped), found
        )
        exchanged = rng.random(N) < _PERSON_EXCHANGED * np.exp(-self.skill)
        found = np.where(exchanged[:, None, None], found[:, _BODY.flip_index], found)

        lost = rng.random((N, 17)) < self.hidden
        return np.where(lost[..., None], np.nan, found), np.where(lost, 0.0, confidence)


def size_px(joints_px: Array) -> Array:
    """Return (N,) the mean distance of the twelve limb joints from their middle, in pixels."""
    limbs = joints_px[:, _LIMB_JOINTS]
    return np.linalg.norm(limbs - limbs.mean(axis=1, keepdims=True), axis=-1).mean(axis=1)


def _median_logits() -> Array:
    names = [joint.removeprefix("left_").removeprefix("right_") for joint in _BODY.joints]
    median = np.array([_MEDIAN_CONFIDENCE[name] for name in names])
    return np.log(median / (1 - median))
