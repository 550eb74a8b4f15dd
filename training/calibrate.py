"""Measure what a joint network's confidences are worth, and write it into its weights file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls

from ..datasets.crops import CropSet, join_crops
from ..evaluation.calibration import calibration_error, joint_hits
from ..evaluation.crops import find_joints
from ..evaluation.metrics_2d import torso_length_px
from ..models.calibration import Calibration
from ..models.load import load_hourglass
from ..models.tensor_file import read_tensors, write_tensors
from ..poses.errors import BadInput
from ..poses.skeleton import Skeleton, get_skeleton
from .augment import warp

KNOTS = np.array([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
POOLED_WEIGHT = 30.0  # joints that each knot of the pooled curve stands for in a joint's own
RAW_WEIGHT = 2.0  # joints that each knot of the raw confidence stands for in the pooled curve
PARTS_EVERY = 3  # crops of which one is cut off: more lowers what joints outside get, and all else
CUT_ZOOM = (1.3, 2.0)
CUT_SHIFT = 0.25


def calibrate_weights(path: str | Path, crops: CropSet, device: torch.device) -> dict[str, float]:
    """Calibrate a joint network's confidences and write the tables into its file.

    The file is rewritten whole or not at all, its tensors as they were. Fitted with and without
    flip averaging, on the crops and on parts of some of them, in which joints lie outside: these
    are wrong wherever the network puts them.

    Args:
        path: the weights, as `export_hourglass` writes them.
        crops: labelled crops of photos that the network was NOT trained on.
        device: to run the network on.

    Returns:
        crops: their number; ece_raw_plain, ece_raw_flip: expected calibration error before;
        ece_plain, ece_flip: after, of each half of the photos by the fit of the other one.

    Raises:
        BadInput: the crops have no labelled joints, or the network is a person finder.
        WeightsMissing: the file is absent, damaged or of something else.
    """
    path = Path(path)
    loaded = load_hourglass(path, device)
    if loaded.skeleton is None:
        raise BadInput(f"{path} is a person finder's; only joints have calibrated confidences")
    skeleton = get_skeleton(loaded.skeleton)
    if not (torso_length_px(crops.joints_px, skeleton) > 0).any():
        raise BadInput(
            "the crops to calibrate with have no labelled joints and torsos; give others"
        )
    both = join_crops([crops, cut_off(crops.where(np.arange(len(crops)) % PARTS_EVERY == 0))])
    torso = torso_length_px(both.joints_px, skeleton)
    half = np.unique(both.photo, return_inverse=True)[1] % 2
    whole = (np.arange(len(both)) < len(crops))[:, None]
    tables, scores = {}, {"crops": float(len(crops))}
    for name, flip in (("plain", False), ("flip", True)):
        found, raw = find_joints(loaded.net, both, loaded.input_size, device, flip)
        right, counts = joint_hits(found, both.joints_px, torso)
        tables[name] = fit_tables(raw, right, counts, skeleton)
        crossed = cross_fitted(raw, right, counts, half, skeleton)
        judged = counts & whole
        scores[f"ece_raw_{name}"] = calibration_error(raw[judged], right[judged])
        scores[f"ece_{name}"] = calibration_error(crossed[judged], right[judged])
    _write(path, Calibration(KNOTS, tables["plain"], tables["flip"]), scores)
    return scores


def cut_off(crops: CropSet, seed: int = 0) -> CropSet:
    """Return enlarged parts of one crop or more, as large; some joints lie outside of them."""
    rng = np.random.default_rng(seed)
    N, side = crops.images.shape[:2]
    zoom = rng.uniform(*CUT_ZOOM, size=(N,)).astype(np.float32)
    middle = (side - 1) / 2
    centre = middle + side * rng.uniform(-CUT_SHIFT, CUT_SHIFT, (N, 2)).astype(np.float32)
    affine = np.zeros((N, 2, 3), np.float32)
    affine[:, [0, 1], [0, 1]] = zoom[:, None]
    affine[:, :, 2] = middle - zoom[:, None] * centre
    parts = [
        _warped(crops.images[start : start + 64], affine[start : start + 64])
        for start in range(0, N, 64)
    ]
    joints_px = crops.joints_px * zoom[:, None, None] + affine[:, None, :, 2]
    return CropSet(np.concatenate(parts), joints_px, crops.source, crops.photo)


def _warped(images: np.ndarray, affine: np.ndarray) -> np.ndarray:
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)  # NHWC -> NCHW
    warped = warp(pixels, torch.from_numpy(affine), images.shape[1])
    rounded = warped.round_().clamp_(0, 255).to(torch.uint8)
    return rounded.permute(0, 2, 3, 1).numpy()  # NCHW -> NHWC


def fit_tables(
    raw: np.ndarray, right: np.ndarray, counts: np.ndarray, skeleton: Skeleton
) -> np.ndarray:
    """Return the shares (J, K) of right joints at `KNOTS`, one rising line a joint.

    Left and right have one line. Each is drawn towards the line of all joints together, so that
    few crops suffice.

    Args:
        raw: (N, J) confidences in 0..1.
        right: (N, J) whether the joint is.
        counts: (N, J) whether it counts.
        skeleton: of the joints.
    """
    pooled = rising_line(raw[counts], right[counts], KNOTS, RAW_WEIGHT)
    tables = np.empty((raw.shape[1], len(KNOTS)))
    for j, twin in enumerate(skeleton.flip_index):
        pair = sorted({j, int(twin)})
        use = counts[:, pair]
        tables[j] = rising_line(raw[:, pair][use], right[:, pair][use], pooled, POOLED_WEIGHT)
    return tables


def rising_line(
    raw: np.ndarray, right: np.ndarray, prior: np.ndarray, prior_weight: float
) -> np.ndarray:
    """Return the values (K,) at `KNOTS` of the rising line that is closest to what is right.

    Least squares (the Brier score) over the lines that rise from knot to knot, as a problem with
    non-negative steps; at each knot `prior` (K,) counts as `prior_weight` joints.
    """
    below = np.tril(np.ones((len(KNOTS), len(KNOTS))))  # steps -> values at the knots
    hats = np.stack([np.interp(raw, KNOTS, hat) for hat in np.eye(len(KNOTS))], axis=-1)
    drawn = np.sqrt(prior_weight)
    # (M + K, K): normal equations would square the condition, M is some thousands
    rows = np.concatenate([hats, drawn * np.eye(len(KNOTS))])
    steps, _ = nnls(rows @ below, np.concatenate([right.astype(float), drawn * prior]))
    return (below @ steps).clip(0, 1)


def cross_fitted(
    raw: np.ndarray, right: np.ndarray, counts: np.ndarray, half: np.ndarray, skeleton: Skeleton
) -> np.ndarray:
    """Return confidences (N, J), of each half (N,) by the tables of the other half."""
    crossed = raw.copy()
    for h in (0, 1):
        own = half == h
        if counts[~own].any():
            table = fit_tables(raw[~own], right[~own], counts[~own], skeleton)
            joints = [np.interp(raw[own, j], KNOTS, table[j]) for j in range(raw.shape[1])]
            crossed[own] = np.stack(joints, axis=1)
    return crossed


def _write(path: Path, calibration: Calibration, scores: dict[str, float]) -> None:
    tensors, metadata = read_tensors(path)
    about: dict[str, Any] = {**calibration.to_dict(), "scores": scores}
    write_tensors(path, tensors, {**metadata, "calibration": about})
