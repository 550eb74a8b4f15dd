"""How well a heatmap network finds the joints of labelled person crops."""

from dataclasses import dataclass

import numpy as np
import torch

from ..datasets.crops import CropSet
from ..detectors.crop_inference import infer_crops
from ..detectors.hourglass import HourglassDetector
from ..detectors.preprocess import stack_images
from ..detectors.squares import BOX_MARGIN
from ..models.calibration import Calibration
from ..models.heatmap_net import HeatmapNet
from ..poses.skeleton import get_skeleton
from .calibration import calibration_error, joint_hits
from .metrics_2d import pck_torso, torso_length_px

MPII = get_skeleton("mpii16")
BATCH = 64
CPU_BATCH = 2  # a CPU is quicker with few: see detectors.fast_net
LIMB_JOINTS = (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15)


def find_joints(
    net: HeatmapNet,
    crops: CropSet,
    size: int,
    device: torch.device,
    flip: bool = False,
    calibration: Calibration | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return joints (N, 16, 2) in the crops' own pixels and confidences (N, 16).

    The confidences are raw where there is no calibration.
    """
    joints, confidence = [], []
    side = crops.images.shape[1]
    batch = CPU_BATCH if device.type == "cpu" else BATCH
    for start in range(0, len(crops), batch):
        images = stack_images(list(crops.images[start : start + batch]), device)
        inputs = torch.nn.functional.interpolate(
            images, size=size, mode="bilinear", align_corners=False, antialias=size < side
        ).contiguous(memory_format=torch.channels_last)
        found = infer_crops(net, inputs, MPII.flip_index if flip else None, calibration)
        scaled = (found.joints_px + 0.5) * (side / size) - 0.5
        joints.append(scaled.cpu().numpy())
        confidence.append(found.confidence.cpu().numpy())
    return np.concatenate(joints), np.concatenate(confidence)


def look_for_joints(detector: HourglassDetector, crops: CropSet) -> tuple[np.ndarray, np.ndarray]:
    """Return what a detector finds in crops, with all its looks at each of them.

    Returns:
        joints (N, 16, 2) in the crops' own pixels and calibrated confidences (N, 16).
    """
    side = crops.images.shape[1]
    middle, reach = (side - 1) / 2, side / BOX_MARGIN / 2  # the detector's square is the crop
    box = np.array([middle - reach, middle - reach, middle + reach, middle + reach])
    poses = detector.detect_in_boxes(list(crops.images), np.tile(box, (len(crops), 1)))
    return np.stack([p.joints_px for p in poses]), np.stack([p.confidence for p in poses])


def crop_scores(
    net: HeatmapNet,
    crops: CropSet,
    size: int,
    device: torch.device,
    flip: bool = False,
) -> dict[str, float]:
    """Return PCK@0.2 of the torso over the 12 limb joints, for each source of the crops.

    Crops without a labelled diagonal of the torso do not count.
    """
    joints, _ = find_joints(net, crops, size, device, flip)
    return {
        f"pck_{name}": limb_pck(joints[crops.source == name], crops.joints_px[crops.source == name])
        for name in np.unique(crops.source)
    }


@dataclass(frozen=True)
class CropScore:
    """How well the joints in one source's crops were found.

    Attributes:
        source: of the crops, or "all".
        crops: their number.
        pck: PCK@0.2 of the torso over the 12 limb joints.
        calibration_error: expected, of the confidences of all labelled joints.
    """

    source: str
    crops: int
    pck: float
    calibration_error: float


def score_joints(joints_px: np.ndarray, confidence: np.ndarray, crops: CropSet) -> list[CropScore]:
    """Return the scores of joints (N, 16, 2) and confidences (N, 16), by source and of all."""
    right, counts = joint_hits(joints_px, crops.joints_px, torso_length_px(crops.joints_px, MPII))
    groups = [(str(name), crops.source == name) for name in np.unique(crops.source)]
    if len(groups) > 1:
        groups.append(("all", np.ones(len(crops), bool)))
    return [
        CropScore(
            name,
            int(rows.sum()),
            limb_pck(joints_px[rows], crops.joints_px[rows]),
            calibration_error(
                confidence[rows][counts[rows]].astype(float), right[rows][counts[rows]]
            ),
        )
        for name, rows in groups
    ]


def limb_pck(found_px: np.ndarray, true_px: np.ndarray, threshold: float = 0.2) -> float:
    """Return the share of labelled limb joints (N, 16, 2) found within 0.2 of the torso."""
    torso = torso_length_px(true_px, MPII)
    usable = np.isfinite(torso) & (torso > 0)
    limbs = list(LIMB_JOINTS)
    true_px, found_px, torso = true_px[usable][:, limbs], found_px[usable][:, limbs], torso[usable]
    return float(pck_torso(found_px, true_px, torso, threshold))
