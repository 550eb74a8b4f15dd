"""What a training of the fusion network reads, how it is scored, and the files it leaves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..datasets.crops import CropSet
from ..datasets.mocap import MocapPack
from ..evaluation.fusion import (
    PictureSet,
    detected_poses,
    known_poses,
    photo_scores,
    score_poses,
)
from ..lifting.fusion import FusionLifter
from ..models.fusion_net import FusionNet
from ..models.fusion_pruning import prune
from ..models.load import LoadedHourglass
from ..models.load_fusion import save_fusion
from ..poses.pose import Pose2D
from .synthetic_pictures import PersonSource


@dataclass(frozen=True)
class FusionData:
    """What a training of the fusion network reads.

    Attributes:
        people: synthetic ones to train on.
        validation: synthetic ones of other subjects; nothing is chosen by them.
        photos: crops to train on; None: no real photos.
        photo_validation: crops of other photos.
        detector: frozen; None: all confidence maps are drawn.
        mocap: what the branch of the joints learns from first; None: nothing.
    """

    people: PersonSource
    validation: PictureSet
    photos: CropSet | None = None
    photo_validation: CropSet | None = None
    detector: LoadedHourglass | None = None
    mocap: MocapPack | None = None


class Validation:
    """Fixed poses in pictures, found once by the detector, to score networks on."""

    def __init__(self, data: FusionData, device: torch.device) -> None:
        self.truth_mm = data.validation.joints_mm
        self.device = device
        self.crops = data.photo_validation if data.detector else None
        self.photo_poses: list[Pose2D] = []
        if data.detector is None:
            self.poses = known_poses(data.validation)
            return
        self.poses = detected_poses(data.detector, data.validation.images, device)
        if self.crops is not None:
            self.photo_poses = detected_poses(data.detector, self.crops.images, device)

    def __call__(self, net: FusionNet) -> dict[str, float]:
        """Return errors in millimetres, and PCK on photos where there are any."""
        lifter = FusionLifter.of(net, device=str(self.device))
        score = score_poses(lifter, self.poses, self.truth_mm)
        scores = {
            "root_mm": round(score.root_mm, 2),
            "similarity_mm": round(score.similarity_mm, 2),
        }
        if self.crops is not None and len(self.photo_poses):
            found = photo_scores(lifter, self.photo_poses, self.crops)
            scores |= {f"pck_{name}": round(value, 4) for name, value in found.items()}
        return scores


def write_weights(
    folder: Path, whole: FusionNet, about: dict[str, Any], validation: Validation
) -> dict[str, float]:
    """Write the weights, pruned where that is exact, and return their scores."""
    whole.eval()
    trainable = whole.config.fusion == "trainable"
    settled = trainable and int(whole.settled_at) >= 0
    used = prune(whole) if settled else whole
    again = FusionNet(used.config).eval()
    again.load_state_dict(used.state_dict())
    scores = validation(again)  # which folds the norms of what it gets
    note = {**about, "validation": scores}
    if settled:
        save_fusion(folder / "fusion-whole.safetensors", whole, note)
    save_fusion(folder / "fusion.safetensors", used, note)
    return scores
