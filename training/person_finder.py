"""Train the person finder: a hourglass with a centre map and four distances to the box's sides."""

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.crops import CropSet
from ..datasets.photos import PhotoSet
from ..detectors.people import OUTPUTS
from ..detectors.preprocess import stack_images
from ..evaluation.people import (
    choose_threshold,
    recall_by_group,
    recall_precision,
    score_curve,
    search_photos,
)
from ..models.bfloat16 import quick_autocast
from ..models.encoder_hourglass import EncoderHourglassConfig
from ..models.heatmap_net import HeatmapNet, HeatmapNetConfig, build_net
from ..poses.errors import BadInput
from .augment import random_colour
from .distributed import Place, join_processes, leave_processes
from .export import export_hourglass
from .hourglass import is_held_out
from .loop import LoopSettings, Progress, train_loop
from .person_pictures import CALM_MIX, FinderPictures, PictureMix
from .person_score import fit_score, rescale_centre, rescore, set_prior
from .person_targets import finder_loss, pad_boxes
from .start import parameter_groups, start_from_published, start_from_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinderRecipe:
    """Everything that decides what a training of the person finder gives.

    Attributes:
        config: the network, one stack with `OUTPUTS` maps.
        sizes: sides of the training pictures, one of them drawn for each step.
        input_size: longer side of the photos that the trained finder is used with.
        samples: pictures in the whole training.
        batch: pictures in a step, over all processes.
        rate: peak learning rate of AdamW.
        encoder_rate: the same for an encoder that starts from ImageNet, as a part of `rate`.
        warm_up: pictures over which the rate rises.
        decay: of the moving average of the weights.
        mix: what the pictures are.
        calm: what they are at the end, closer to what the network will see.
        calm_part: the part of the training that is its end.
        colour: strength of the changes of colour.
        held_out: one photo in so many is not trained on; these calibrate the score.
        seed: of the first weights and of every random draw.
    """

    config: HeatmapNetConfig = field(
        default_factory=lambda: EncoderHourglassConfig(features=128, residuals=1, outputs=OUTPUTS)
    )
    sizes: tuple[int, ...] = (256, 320, 384)
    input_size: int = 384
    samples: int = 100_000
    batch: int = 16
    rate: float = 1e-3
    encoder_rate: float = 0.4
    warm_up: int = 2_000
    decay: float = 0.998
    mix: PictureMix = field(default_factory=PictureMix)
    calm: PictureMix = CALM_MIX
    calm_part: float = 0.2
    colour: float = 0.15
    held_out: int = 10
    seed: int = 1


def train_finder(
    recipe: FinderRecipe,
    photos: PhotoSet,
    crops: CropSet,
    validation: PhotoSet,
    folder: Path,
    device: torch.device,
    checkpoint_every: int = 10_000,
    progress: Progress = lambda _: None,
    start_from: Path | None = None,
) -> Path:
    """Train, or go on with the training that `folder` holds, and return the weights' path.

    Args:
        recipe: network, schedule, seed.
        photos: whole photos with all people; a part is kept back for the score.
        crops: person crops to be pasted; sport poses and upside-down people come from here.
        validation: photos whose recall and precision are logged; nothing is chosen by them.
        folder: for `checkpoint.safetensors`, `log.jsonl` and `finder.safetensors`.
        device: of the network.
        checkpoint_every: pictures between two checkpoints, each with a validation.
        progress: called after each step with seen, total, loss and samples_per_s.
        start_from: weights to begin with, of the same kind, a joint network's too; without them
            an encoder begins with ImageNet's.

    Raises:
        BadInput: there are too few photos, or no crops.
        WeightsMissing: the weights to begin with cannot be read, or the folder holds another
            network.
    """
    path = Path(folder) / "finder.safetensors"
    held_out = is_held_out(photos.name, recipe.held_out)
    if held_out.all():
        raise BadInput(
            f"all {len(photos)} photos are held out, by their names, to calibrate by; give more"
        )
    if not held_out.any():
        log.warning("none of %d photos is held out: scores are not calibrated", len(photos))
    if not len(crops):
        raise BadInput("there are no crops of people to paste; give a pack with LSP extended's")
    place = join_processes(device)
    try:
        net = first_net(recipe, place.device, start_from)
        pictures = FinderPictures(photos.where(~held_out), crops)
        scorer = FinderScorer(recipe, photos.where(held_out), validation, path, place.device)
        counts = {"photos": len(photos), "crops": len(crops)}
        settings = LoopSettings.of(recipe, checkpoint_every, **counts)
        groups = parameter_groups(net, recipe.encoder_rate)
        loss_of = FinderLoss(recipe, pictures, place)
        train_loop(net, loss_of, settings, path.parent, place, scorer, progress, groups)
    finally:
        leave_processes()
    return path


def first_net(recipe: FinderRecipe, device: torch.device, start_from: Path | None) -> HeatmapNet:
    """Return the network that a training begins with."""
    torch.manual_seed(recipe.seed)
    net = build_net(recipe.config, device)
    if start_from:
        start_from_weights(net, start_from)
    else:
        start_from_published(net)
    set_prior(net.state_dict())
    return net


class FinderLoss:
    """The loss of the next pictures, drawn anew for each step."""

    def __init__(self, recipe: FinderRecipe, pictures: FinderPictures, place: Place) -> None:
        self.recipe, self.pictures, self.place = recipe, pictures, place

    def __call__(self, net: nn.Module, seen: int, generator: torch.Generator) -> Tensor:
        """Return the loss of one batch.

        Args:
            net: the finder, perhaps wrapped.
            seen: pictures seen before.
            generator: for every draw but the size, which all processes share.
        """
        recipe, device = self.recipe, self.place.device
        size = int(np.random.default_rng([recipe.seed, seen]).choice(recipe.sizes))
        calm = seen >= recipe.samples * (1 - recipe.calm_part)
        seed = int(torch.randint(2**62, (), generator=generator))
        count = recipe.batch // self.place.world
        views = self.pictures.batch(count, size, recipe.calm if calm else recipe.mix, seed)
        images = stack_images([view.image for view in views], device)
        images = random_colour(images, recipe.colour, generator)
        with quick_autocast(device):
            maps = net(images.contiguous(memory_format=torch.channels_last))[-1]
        boxes = pad_boxes([view.box_xyxy_px for view in views]).to(device)
        ignored = pad_boxes([view.ignored_xyxy_px for view in views]).to(device)
        return finder_loss(maps.float(), boxes, ignored, stride=size // maps.shape[-1])


class FinderScorer:
    """Calibrates the finder's score on photos that were kept back, and writes the weights.

    The threshold in the weights' metadata is the lowest one with a precision of 0.85 on them.
    """

    def __init__(
        self,
        recipe: FinderRecipe,
        held_out: PhotoSet,
        validation: PhotoSet,
        path: Path,
        device: torch.device,
    ) -> None:
        self.recipe, self.path, self.device = recipe, path, device
        self.held_out, self.validation = held_out, validation
        self.net = build_net(recipe.config, device).eval()

    def __call__(self, state: dict[str, Tensor]) -> dict[str, float]:
        """Write a state with its score calibrated, and return the scores to log."""
        recipe = self.recipe
        self.net.load_state_dict(state)
        found = search_photos(self.net, self.held_out, recipe.input_size, self.device)
        line = fit_score(found)
        curve = score_curve(self.held_out, [rescore(result, *line) for result in found])
        threshold = choose_threshold(curve)
        state = rescale_centre(state, *line)
        self.net.load_state_dict(state)
        found = search_photos(self.net, self.validation, recipe.input_size, self.device)
        kept = [result.above(threshold) for result in found]
        scores = {
            **recall_precision(self.validation, kept),
            **recall_by_group(self.validation, kept),
        }
        about = {
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "threshold": threshold,
            "held_out": curve[threshold],
            "validation": scores,
        }
        export_hourglass(self.path, recipe.config, state, None, recipe.input_size, about)
        held_out = {f"held_out_{name}": value for name, value in curve[threshold].items()}
        return {"threshold": threshold, **held_out, **scores}
