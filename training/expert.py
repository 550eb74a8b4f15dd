"""Add a published network to a trained hourglass as an expert, and calibrate what both say."""

import logging
from dataclasses import replace
from pathlib import Path

import torch

from ..datasets.crops import CropSet
from ..models.encoder_hourglass import EXPERT, EncoderHourglassConfig
from ..models.heatmap_net import config_from
from ..models.weights_file import opened_weights
from ..poses.errors import BadInput
from .calibrate import calibrate_weights
from .export import export_hourglass
from .hourglass import SYNTHETIC, HourglassRecipe, is_held_out
from .movenet import load_movenet

log = logging.getLogger(__name__)
# what the new file has anew, and what was true of the hourglass alone
OWN = ("kind", "config", "skeleton", "input_size", "calibration", "validation")


def add_expert(
    weights: str | Path,
    published: Path,
    crops: CropSet,
    path: Path,
    device: torch.device,
    expert_weight: float = EncoderHourglassConfig.expert_weight,
) -> dict[str, float]:
    """Write a hourglass's weights with MoveNet's beside them; nothing is trained.

    Args:
        weights: of an `EncoderHourglass` that finds the 16 MPII joints: zoo name or path. An expert
            that it has already is replaced.
        published: MoveNet's package, see `load_movenet`.
        crops: that the hourglass was trained with; those that were held out calibrate.
        path: of the new file.
        device: to calibrate on.
        expert_weight: see `EncoderHourglassConfig`.

    Returns:
        What `calibrate_weights` returns.

    Raises:
        BadInput: the hourglass has no encoder or is a person finder, or no crop was held out.
        WeightsMissing: one of the files is absent, damaged or another one.
    """
    with opened_weights(weights, "hourglass") as (state, metadata):
        config = config_from(metadata["config"])
        one_in = int(metadata.get("recipe", {}).get("held_out", HourglassRecipe.held_out))
    if not isinstance(config, EncoderHourglassConfig) or metadata["skeleton"] is None:
        raise BadInput(f"{weights} finds no joints through an encoder; give other weights")
    expert = load_movenet(published).state_dict()
    held_out = crops.where(is_held_out(crops.photo, one_in) & (crops.source != SYNTHETIC))
    if not len(held_out):
        raise BadInput("no crop was held out of the training; give the crops that it was done with")
    config = replace(config, expert=EXPERT, expert_weight=expert_weight)
    both = {name: value for name, value in state.items() if not name.startswith("expert.")}
    both.update({f"expert.{name}": value for name, value in expert.items()})
    about = {key: value for key, value in metadata.items() if key not in OWN}
    export_hourglass(path, config, both, metadata["skeleton"], int(metadata["input_size"]), about)
    scores = calibrate_weights(path, held_out, device)
    log.info("%s", scores)
    return scores
