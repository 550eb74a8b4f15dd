"""One tracked person: where the joints should be now, and how sure that is."""

from __future__ import annotations

import numpy as np

from ..poses.pose import Pose2D

MEASURED = 0.02  # standard deviation of a detection's place, as a part of the person's size
ACCELERATION = 2.0  # of a person in the picture, sizes per second squared
FIRST_SPEED = 1.0  # standard deviation of a new person's speed, sizes per second
COASTING_S = 1.0  # an unseen person's predicted speed dies away with this time constant
SIZE_S = 0.5  # time constant of the person's size
FULL_TRUST = 3.0  # with so much confidence summed over the common joints they count in full
LEAST_TRUST = 0.15  # with a smaller part of it the box tells where the body is
FORGET_S = 0.5  # a joint that was not seen for so long no longer counts


class TrackedPerson:
    """Follow one person through the picture: a Kalman filter of constant velocity, in seconds.

    The state is the body's place and speed in pixels, with one 2 x 2 covariance for x and y; the
    joints hang on the place and move with it, so that joints hidden or found in one frame do not
    shift the body. The speed of a person who is not seen dies away.

    Attributes:
        joints_px: (J, 2) where each joint should be now, NaN where it is not known.
        trust: (J,) confidence of each joint when it was last seen, fading since.
        box_xyxy_px: (4,) where the box should be now.
        size_px: square root of the box's area, smoothed.
        seen_s: time of the last sighting; `born_s` of the first.
        sightings: how often the person was seen, and `updates` of how many frames.
        person_id: None until the person is confirmed.
        prominence: size times score over time.
    """

    def __init__(self, pose: Pose2D, box_xyxy_px: np.ndarray, time_s: float) -> None:
        self.joints_px = pose.joints_px.astype(float)
        self.trust = pose.confidence.astype(float)
        self.box_xyxy_px = box_xyxy_px.copy()
        self.size_px = size_of(box_xyxy_px)
        self.velocity = np.zeros(2)
        self.covariance = np.diag([MEASURED * self.size_px, FIRST_SPEED * self.size_px]) ** 2
        self.time_s = self.seen_s = self.born_s = time_s
        self.sightings = self.updates = 1
        self.person_id: int | None = None
        self.prominence = 0.0

    @property
    def variance_px2(self) -> float:
        """Return the variance of the predicted place, squared pixels, x and y alike."""
        return float(self.covariance[0, 0])

    @property
    def place_px(self) -> np.ndarray:
        """Return where the body is (2,): the middle of the trusted joints, else of the box."""
        weight = self.trust
        if weight.sum() < LEAST_TRUST * FULL_TRUST:
            return self.box_xyxy_px.reshape(2, 2).mean(0)
        return weight @ np.where(weight[:, None] > 0, self.joints_px, 0.0) / weight.sum()

    def predict(self, time_s: float) -> None:
        """Move the person on to a time."""
        dt = time_s - self.time_s
        keep = np.exp(-dt / COASTING_S) if self.time_s > self.seen_s else 1.0
        F = np.array([[1.0, dt if keep == 1 else COASTING_S * (1 - keep)], [0.0, keep]])
        Q = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]]) * (ACCELERATION * self.size_px) ** 2
        self._shift(F[0, 1] * self.velocity)
        self.velocity = keep * self.velocity
        self.covariance = F @ self.covariance @ F.T + Q
        self.trust = self.trust * np.exp(-dt / FORGET_S)
        self.time_s = time_s
        self.updates += 1

    def see(self, pose: Pose2D, box_xyxy_px: np.ndarray) -> None:
        """Correct the prediction by the pose that was found for this person."""
        innovation, variance = self.innovation(pose, box_xyxy_px)
        P = self.covariance
        gain = P[:, 0] / (P[0, 0] + variance)
        self.covariance = P - np.outer(gain, P[0])
        self.velocity = self.velocity + gain[1] * innovation
        self._shift(gain[0] * innovation)
        found = pose.confidence > 0
        self.joints_px = np.where(found[:, None], pose.joints_px, self.joints_px)
        self.trust = np.where(found, pose.confidence, self.trust)
        pace = 1 - np.exp(-(self.time_s - self.seen_s) / SIZE_S)
        self.size_px += pace * (size_of(box_xyxy_px) - self.size_px)
        self.box_xyxy_px = box_xyxy_px.copy()
        self.seen_s = self.time_s
        self.sightings += 1

    def innovation(self, pose: Pose2D, box_xyxy_px: np.ndarray) -> tuple[np.ndarray, float]:
        """Return how far (2,) a body lies from the prediction, px, and the variance of that, px^2.

        It is the weighted median over the joints: limbs taken from someone else do not move it.
        The variance is the measurement's alone.
        """
        weight = self.trust * pose.confidence
        total = float(weight.sum())
        variance = (MEASURED * self.size_px) ** 2 / np.clip(total / FULL_TRUST, LEAST_TRUST, 1.0)
        if total < LEAST_TRUST * FULL_TRUST:
            return (box_xyxy_px - self.box_xyxy_px).reshape(2, 2).mean(0), variance
        gaps = (pose.joints_px - self.joints_px)[weight > 0]
        median = [_weighted_median(axis, weight[weight > 0]) for axis in gaps.T]
        return np.array(median), variance

    def _shift(self, by_px: np.ndarray) -> None:
        self.joints_px = self.joints_px + by_px
        self.box_xyxy_px = self.box_xyxy_px + np.tile(by_px, 2)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    half = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(half, half[-1] / 2)]])


def size_of(box_xyxy_px: np.ndarray) -> float:
    """Return the square root of a box's area in pixels, at least 1."""
    width, height = np.clip(box_xyxy_px[2:] - box_xyxy_px[:2], 0, None)
    return float(max(1.0, np.sqrt(width * height)))


def box_of(pose: Pose2D) -> np.ndarray | None:
    """Return a pose's box (4,), or one round its joints; None where it has neither."""
    if pose.box_xyxy_px is not None and np.isfinite(pose.box_xyxy_px).all():
        return pose.box_xyxy_px.astype(float)
    joints_px = pose.joints_px[pose.confidence > 0].astype(float)
    if not len(joints_px):
        return None
    low, high = joints_px.min(0), joints_px.max(0)
    margin = 0.1 * (high - low).max()
    return np.concatenate([low - margin, high + margin])
