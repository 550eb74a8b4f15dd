"""Train a hourglass, with an encoder or stacked, on person crops."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.crops import CropSet
from ..detectors.heatmap import px_to_cells
from ..detectors.preprocess import to_input
from ..evaluation.crops import crop_scores
from ..models.bfloat16 import quick_autocast
from ..models.encoder_hourglass import EncoderHourglassConfig
from ..models.heatmap_net import HeatmapNet, HeatmapNetConfig, build_net
from ..poses.errors import BadInput
from .augment import Augmentation, Augmenter
from .calibrate import calibrate_weights
from .distributed import Place, join_processes, leave_processes
from .export import export_hourglass
from .loop import LoopSettings, Progress, train_loop
from .losses import cross_entropy, squared_error
from .schedule import Phase, size_at
from .start import parameter_groups, start_expert, start_from_published, start_from_weights

log = logging.getLogger(__name__)

LEAST_TO_CALIBRATE = 50
SYNTHETIC = "synthetic"  # source of the crops of people made by code
BALANCE = {"lspet": 0.55, SYNTHETIC: 0.12}
CALM = Augmentation(
    zoom=(0.8, 1.22),
    shift=0.04,
    turn_degrees=15.0,
    any_turn=0.04,
    cut_off=0.05,
    occlude=0.1,
    degrade=0.08,
    colour=0.12,
)


@dataclass(frozen=True)
class HourglassRecipe:
    """Everything that decides what a training of the hourglass gives.

    Attributes:
        config: the network. Its output "softmax" trains by cross-entropy, which learns several
            times faster from scratch; "linear" and "sigmoid" by squared error, the papers' recipe.
        phases: image sizes and numbers of crops, in order.
        batch: crops in a step, over all processes.
        rate: peak learning rate of AdamW.
        encoder_rate: the same for an encoder that starts from published weights, as a part of
            `rate`; see `usual_encoder_rate`.
        warm_up: crops over which the rate rises.
        variance: of the target Gaussian, in squared heatmap cells.
        decay: of the moving average of the weights.
        balance: source -> share of the crops drawn from it; sources without one share the rest.
        augmentation: random changes to the crops.
        calm: milder changes for the end of the training, closer to what the network will see.
        calm_samples: crops, the last ones, that are changed by `calm`.
        held_out: one photo in so many is not trained on; its crops calibrate the confidences.
        seed: of the first weights and of every random draw.

    Raises:
        BadInput: a size that the network cannot halve often enough.
    """

    config: HeatmapNetConfig = field(default_factory=EncoderHourglassConfig)
    phases: tuple[Phase, ...] = (Phase(128, 240_000), Phase(192, 110_000))
    batch: int = 32
    rate: float = 1.5e-3
    encoder_rate: float = 0.4
    warm_up: int = 8_000
    variance: float = 1.0
    decay: float = 0.999
    balance: dict[str, float] = field(default_factory=BALANCE.copy)
    augmentation: Augmentation = field(default_factory=Augmentation)
    calm: Augmentation = CALM
    calm_samples: int = 60_000
    held_out: int = 25
    seed: int = 1

    def __post_init__(self) -> None:
        divisor = self.config.divisor
        for phase in self.phases:
            if phase.size % divisor:
                raise BadInput(f"sizes must be multiples of {divisor}, got {phase.size}")

    @property
    def samples(self) -> int:
        """Crops seen by the whole training."""
        return sum(phase.samples for phase in self.phases)

    @property
    def input_size(self) -> int:
        """Size of the crops that the trained network is used with."""
        return self.phases[-1].size


def train_hourglass(
    recipe: HourglassRecipe,
    crops: CropSet,
    validation: CropSet,
    folder: Path,
    device: torch.device,
    checkpoint_every: int = 10_000,
    progress: Progress = lambda _: None,
    start_from: Path | None = None,
    published: Path | None = None,
    expert: Path | None = None,
) -> Path:
    """Train, or go on with the training that `folder` holds, and return the weights' path.

    Under `torchrun` every process takes its part of each batch. `hourglass.safetensors` holds the
    moving average of the weights, written anew with each checkpoint. At the end the
    confidences are calibrated by the crops that were held out, if there are enough of them.

    Args:
        recipe: network, data shares, schedule, seed.
        crops: training crops.
        validation: crops whose PCK is logged; nothing is chosen by it.
        folder: for `checkpoint.safetensors`, `log.jsonl` and `hourglass.safetensors`.
        device: for the network and the decoded crops.
        checkpoint_every: crops between two checkpoints, each with a validation.
        progress: called after each step with seen, total, loss and samples_per_s.
        start_from: weights to begin with, of the same kind; without them an encoder begins with
            those that were published: ImageNet's or MediaPipe's.
        published: the package that has MediaPipe's.
        expert: the package that has MoveNet's, where the network has an expert. The loss is of
            the product then, so that the network learns what the expert does not know.

    Raises:
        BadInput: the encoder is BlazePose's or there is an expert, and nothing to begin with; or no
            crop is to be drawn.
        WeightsMissing: the folder holds a checkpoint of another network, or the weights to begin
            with are missing.
    """
    path = Path(folder) / "hourglass.safetensors"
    shares, held_out = drawn_shares(crops, recipe)
    place = join_processes(device)
    try:
        begin = partial(_begin, start_from=start_from, published=published, expert=expert)
        _train(recipe, crops, shares, validation, path, place, checkpoint_every, progress, begin)
        if place.rank == 0 and held_out.sum() >= LEAST_TO_CALIBRATE:
            log.info("%s", calibrate_weights(path, crops.where(held_out), place.device))
    finally:
        leave_processes()
    return path


def _train(
    recipe: HourglassRecipe,
    crops: CropSet,
    shares: np.ndarray,
    validation: CropSet,
    path: Path,
    place: Place,
    checkpoint_every: int,
    progress: Progress,
    begin: Callable[[HeatmapNet], None],
) -> None:
    torch.manual_seed(recipe.seed)
    net = build_net(recipe.config, place.device)
    tested = build_net(recipe.config, place.device)
    if not (path.parent / "checkpoint.safetensors").exists():
        begin(net)
    groups = parameter_groups(net, recipe.encoder_rate)
    images = torch.from_numpy(crops.images).permute(0, 3, 1, 2).to(place.device)  # NHWC -> NCHW
    joints = torch.from_numpy(crops.joints_px).to(place.device)
    drawn = torch.from_numpy(shares)

    def loss_of(net: nn.Module, seen: int, generator: torch.Generator) -> Tensor:
        count = recipe.batch // place.world
        chosen = torch.multinomial(drawn, count, replacement=True, generator=generator)
        chosen = chosen.to(place.device)
        calm = seen >= recipe.samples - recipe.calm_samples
        augmenter = Augmenter(recipe.calm if calm else recipe.augmentation, generator)
        size = size_at(recipe.phases, seen)
        return heatmap_loss(net, *augmenter(images[chosen], joints[chosen], size), recipe)

    def on_checkpoint(state: dict[str, Tensor]) -> dict[str, float]:
        tested.load_state_dict(state)
        scores = crop_scores(tested.eval(), validation, recipe.input_size, place.device)
        about = {"recipe": json.loads(json.dumps(asdict(recipe))), "validation": scores}
        export_hourglass(path, recipe.config, state, "mpii16", recipe.input_size, about)
        return scores

    settings = LoopSettings.of(recipe, checkpoint_every, crops=len(crops))
    train_loop(net, loss_of, settings, path.parent, place, on_checkpoint, progress, groups)


def _begin(
    net: HeatmapNet, start_from: Path | None, published: Path | None, expert: Path | None
) -> None:
    if start_from:
        start_from_weights(net, start_from)
    else:
        start_from_published(net, published)
    start_expert(net, expert)


def heatmap_loss(
    net: nn.Module, crops: Tensor, joints_px: Tensor, recipe: HourglassRecipe
) -> Tensor:
    """Return the loss of a batch, the mean over the stacks (intermediate supervision).

    Args:
        net: the hourglass, perhaps wrapped.
        crops: (N, 3, S, S) in 0..255.
        joints_px: (N, J, 2) crop pixels, NaN where not labelled.
        recipe: gives the kind of loss and the Gaussian's variance.
    """
    inputs = to_input(crops).contiguous(memory_format=torch.channels_last)
    with quick_autocast(crops.device):
        outputs = net(inputs)
    cells = px_to_cells(joints_px, crops.shape[-1] // outputs[-1].shape[-1])
    criterion = cross_entropy if recipe.config.output == "softmax" else squared_error
    return torch.stack([criterion(maps, cells, recipe.variance) for maps in outputs]).mean()


def drawn_shares(crops: CropSet, recipe: HourglassRecipe) -> tuple[np.ndarray, np.ndarray]:
    """Return how likely each crop (N,) is drawn, and which are held out instead, never drawn.

    Held out are real photos alone, since the confidences, which they calibrate, are of real photos.

    Raises:
        BadInput: none is drawn.
    """
    held_out = is_held_out(crops.photo, recipe.held_out) & (crops.source != SYNTHETIC)
    shares = np.zeros(len(crops))
    shares[~held_out] = sampling_weights(crops.source[~held_out], recipe.balance)
    if not shares.sum() > 0:
        raise BadInput(
            f"none of the {len(crops)} crops is drawn: {held_out.sum()} are held out, and the "
            "others' sources have a share of 0; give more crops or other shares"
        )
    return shares, held_out


def is_held_out(photo: np.ndarray, one_in: int) -> np.ndarray:
    """Return a mask (N,) of the crops whose photo, by its name, is kept from the training.

    >>> is_held_out(np.array(["7", "7", "8"]), 2)
    array([ True,  True, False])
    """
    return np.array([crc32(str(name).encode()) % one_in == 0 for name in photo])


def sampling_weights(source: np.ndarray, balance: dict[str, float]) -> np.ndarray:
    """Return a weight (N,) for each crop so that each named source has its share of the draws.

    >>> sampling_weights(np.array(["a", "a", "b"]), {"a": 0.5})
    array([0.25, 0.25, 0.5 ])
    """
    weights = np.zeros(len(source))
    named = [name for name in balance if (source == name).any()]
    for name in named:
        weights[source == name] = balance[name] / (source == name).sum()
    rest = ~np.isin(source, named)
    if rest.any():
        weights[rest] = (1 - sum(balance[name] for name in named)) / rest.sum()
    return weights
