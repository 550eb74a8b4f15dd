"""Find wrong labels of LSP extended by what networks see that were trained on other photos."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..datasets.crops import CropSet
from ..datasets.lsp_faults import ARMS, LEGS, lsp_number
from ..evaluation.crops import find_joints
from ..models.load import load_hourglass
from ..poses.skeleton import get_skeleton
from ..poses.whole_files import whole_file
from .hourglass import HourglassRecipe, train_hourglass
from .loop import Progress
from .schedule import Phase

MPII = get_skeleton("mpii16")
SLIGHT, STRAIGHT = 0.1, 0.5
RECIPE = HourglassRecipe(phases=(Phase(128, 64_000),), calm_samples=20_000, warm_up=4_000, seed=10)


@dataclass(frozen=True)
class FaultLimits:
    """When a label counts as wrong; errors are in torso lengths, each at most one.

    Attributes:
        crossed: arms or legs of a person whose shoulders and hips contradict each other are
            exchanged if that brings them so much nearer to what was seen; else, where the two
            point straight against each other, the person is dropped.
        whole: the same for whole persons without a contradiction, who are exchanged only
            if they then lie within `near`; a network takes backs for fronts more often.
        near: see `whole`.
        junk: people whose joints are farther than this either way are dropped.
        sure: mean confidence from which on the network is believed.
    """

    crossed: float = 0.1
    whole: float = 0.5
    near: float = 0.2
    junk: float = 0.7
    sure: float = 0.5


def look_crosswise(
    crops: CropSet, validation: CropSet, folder: Path, device: torch.device, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """Train on either half of LSP extended's crops, and see the other half.

    Args:
        crops: training crops of LSP extended, labels as they are, and of other sources, which both
            trainings get.
        validation: crops whose PCK is logged.
        folder: for the two trainings, which go on where they were stopped.
        device: for the networks.
        progress: see `train_loop`.

    Returns:
        Joints (M, 16, 2) in crop pixels and confidences (M, 16) of the M crops of LSP extended.

    Raises:
        BadInput: a crop of LSP extended is of a photo with another name than these have; nothing
            has been trained then.
    """
    sport = np.flatnonzero(crops.source == "lspet")
    for name in crops.photo[sport]:
        lsp_number(str(name))
    joints = np.zeros((len(sport), 16, 2), np.float32)
    confidence = np.zeros((len(sport), 16), np.float32)
    for half in (0, 1):
        rest = np.ones(len(crops), bool)
        rest[sport[half::2]] = False
        recipe = replace(RECIPE, seed=RECIPE.seed + half)
        part = folder / f"half{half}"
        path = train_hourglass(
            recipe, crops.where(rest), validation, part, device, progress=progress
        )
        net = load_hourglass(path, device).net
        seen = find_joints(net, crops.where(sport[half::2]), recipe.input_size, device, flip=True)
        joints[half::2], confidence[half::2] = seen
    return joints, confidence


def find_faults(
    labels_px: np.ndarray,
    seen_px: np.ndarray,
    confidence: np.ndarray,
    limits: FaultLimits | None = None,
) -> list[str]:
    """Return "arms", "legs", "all", "drop" or "" for each person.

    Args:
        labels_px: (N, 16, 2) `mpii16` crop pixels, NaN where not labelled.
        seen_px: (N, 16, 2) the same joints as networks saw them.
        confidence: (N, 16) of what they saw.
        limits: when a label counts as wrong.
    """
    limits = limits or FaultLimits()
    torso = np.fmax(_torso_px(labels_px), _torso_px(seen_px))[:, None]
    mirrored = labels_px[:, MPII.flip_index]
    kept, exchanged = (
        np.minimum(np.linalg.norm(seen_px - joints, axis=-1) / torso, 1)
        for joints in (labels_px, mirrored)
    )
    crossed = _crossed(labels_px)
    faults = []
    for row in range(len(labels_px)):
        limbs = ARMS + LEGS
        gain = {
            name: _mean(kept[row, part]) - _mean(exchanged[row, part])
            for name, part in (("arms", ARMS), ("legs", LEGS), ("all", limbs))
        }
        sure = _mean(confidence[row, limbs]) >= limits.sure
        nearest = _mean(exchanged[row, limbs])
        if crossed[row] > SLIGHT and max(gain["arms"], gain["legs"]) > limits.crossed:
            faults.append("arms" if gain["arms"] > gain["legs"] else "legs")
        elif crossed[row] > STRAIGHT:
            faults.append("drop")
        elif sure and gain["all"] > limits.whole and nearest < limits.near:
            faults.append("all")
        elif sure and min(_mean(kept[row, limbs]), nearest) > limits.junk:
            faults.append("drop")
        else:
            faults.append("")
    return faults


def write_faults(path: Path, photo: np.ndarray, faults: list[str]) -> None:
    """Write the photos (N,) that have a fault as CSV, in order."""
    with whole_file(path) as part, part.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["photo", "fault"])
        rows.writerows(
            sorted((lsp_number(str(n)), f) for n, f in zip(photo, faults, strict=True) if f)
        )


def _torso_px(joints_px: np.ndarray) -> np.ndarray:
    """Return the distance (N,) from mid-shoulders to mid-hips, 25 at least."""
    middle = [
        (joints_px[:, MPII.index(f"left_{part}")] + joints_px[:, MPII.index(f"right_{part}")]) / 2
        for part in ("shoulder", "hip")
    ]
    return np.fmax(np.linalg.norm(middle[0] - middle[1], axis=-1), 25.0)


def _crossed(joints_px: np.ndarray) -> np.ndarray:
    """Return how much (N,) shoulders and hips point against each other: minus their cosine."""
    shoulders, hips = (
        joints_px[:, MPII.index(f"left_{part}")] - joints_px[:, MPII.index(f"right_{part}")]
        for part in ("shoulder", "hip")
    )
    long = np.linalg.norm(shoulders, axis=-1) * np.linalg.norm(hips, axis=-1)
    return np.nan_to_num(-(shoulders * hips).sum(-1) / np.fmax(long, 1e-6))


def _mean(values: np.ndarray) -> float:
    """Return the mean of what is labelled; 0 where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0
