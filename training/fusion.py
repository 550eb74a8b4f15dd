"""Recipe: synthetic people and real photos to the weights of the fusion network."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..models.fusion_config import FusionConfig, encoder_config
from ..models.fusion_net import FusionNet
from ..models.heatmap_net import place_net
from ..poses.errors import BadInput
from .augment import Augmentation
from .distributed import Place, join_processes, leave_processes
from .found_joints import kept_or_found
from .fusion_batches import FusionBatches
from .fusion_loss import FusionLoss
from .fusion_maps import MapDraws, TrainingMaps
from .fusion_plot import plot_fusion
from .fusion_start import begin_image_stream, hold_image_stream
from .fusion_validation import FusionData, Validation, write_weights
from .joint_branch import BATCH, BranchDraws, teach_joint_branch
from .loop import LoopSettings, Progress, make_output_folder, train_loop
from .synthetic_pictures import SyntheticPictures

log = logging.getLogger(__name__)

VIEWS = Augmentation(
    zoom=(0.8, 1.25),
    shift=0.05,
    turn_degrees=12.0,
    any_turn=0.03,
    cut_off=0.06,
    occlude=0.15,
    degrade=0.12,
    colour=0.15,
)


@dataclass(frozen=True)
class FusionRecipe:
    """Everything that decides what a training of the fusion network gives.

    Attributes:
        config: the network.
        loss: in 3D, on photos, and for a sharp fusion (eq. 4).
        draws: what the confidence maps are like.
        augmentation: random changes of all pictures.
        samples: in the whole training.
        batch: samples in a step, over all processes.
        photo_share: share of the samples that are real photos.
        rate: peak learning rate of AdamW (the paper: Adam, 1e-3).
        fusion_rate: the same for alpha and beta, as a part of `rate`.
        encoder_rate: the same for an image stream that begins with trained weights.
        joint_rate: the same for a branch of the joints that was taught before.
        joint_samples: poses without pictures that the branch begins with: of motion capture, where
            it is given, and found ones.
        joint_poses: of them in each step, over all processes.
        found: pictures of synthetic people in which the detector looks for joints beforehand, so
            that the branch learns its errors; 0, or no detector: none.
        warm_up: samples over which the rate rises.
        settled: part of the training, its end, in which the fusion weights are 0 and 1, so that
            pruning is exact; the paper prunes weights that are nearly that.
        settling: part before that in which alpha is multiplied by up to 30, so that the weights
            become 0 and 1 without a jump.
        decay: of the moving average of the weights.
        seed: of the first weights and every random draw.

    Raises:
        BadInput: `settled` is out of range, `fusion_rate` is not positive, or `batch` below 2.
    """

    config: FusionConfig = field(default_factory=encoder_config)
    loss: FusionLoss = field(default_factory=FusionLoss)
    draws: MapDraws = field(default_factory=MapDraws)
    augmentation: Augmentation = VIEWS
    samples: int = 1_000_000
    batch: int = 32
    photo_share: float = 0.25
    rate: float = 1e-3
    fusion_rate: float = 6.0
    encoder_rate: float = 0.4
    joint_rate: float = 0.4
    joint_samples: int = 1_000_000
    joint_poses: int = 128
    found: int = 60_000
    warm_up: int = 10_000
    settled: float = 0.3
    settling: float = 0.3
    decay: float = 0.9995
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("settled", "settling"):
            if not 0 < getattr(self, name) <= 1:
                raise BadInput(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        if self.batch < 2:
            raise BadInput(f"batch must be 2 or more, which batch norms need, got {self.batch}")
        if not self.fusion_rate > 0:
            raise BadInput(f"fusion_rate must be above 0, got {self.fusion_rate}")


def train_fusion(
    recipe: FusionRecipe,
    data: FusionData,
    folder: Path,
    device: torch.device,
    *,
    checkpoint_every: int = 20_000,
    workers: int = 0,
    found: Path | None = None,
    published: Path | None = None,
    progress: Progress = lambda _: None,
) -> Path:
    """Train the fusion network, or go on with the training that `folder` holds.

    With each checkpoint `fusion.safetensors` is written: the moving average as float16, pruned
    once the fusion has settled (`fusion-whole.safetensors` then keeps all layers), and
    `fusion.png`, the course of alpha, beta and the weights.

    Args:
        recipe: the settings.
        data: people, photos, detector.
        folder: for the checkpoint, the log, the weights and the picture.
        device: where to train.
        checkpoint_every: samples between two checkpoints, each with a validation.
        workers: processes that make or read the synthetic people.
        found: file of the joints that the detector found; where there is none it is written. None:
            `found.safetensors` in the folder.
        published: the package that has MediaPipe's weights, for an image stream that begins with
            its landmark network.
        progress: called after each step, also of what comes before the network's own.

    Returns:
        The path of the weights.

    Raises:
        BadInput: a setting is out of range, the folder holds a training of another recipe, or
            `found` joints of another detector.
        WeightsMissing: the folder holds the training of another network.
    """
    make_output_folder(folder)
    about = {"recipe": json.loads(json.dumps(asdict(recipe)))}
    place = join_processes(device)
    try:
        if recipe.batch < 2 * place.world:
            raise BadInput(f"batch must be 2 or more for each process, got {recipe.batch}")
        kept = found or folder / "found.safetensors"
        begin = partial(begin_image_stream, detector=data.detector, published=published)
        _train(recipe, data, folder, kept, place, about, checkpoint_every, workers, progress, begin)
    finally:
        leave_processes()
    return folder / "fusion.safetensors"


def _train(
    recipe: FusionRecipe,
    data: FusionData,
    folder: Path,
    kept: Path,
    place: Place,
    about: dict[str, Any],
    checkpoint_every: int,
    workers: int,
    progress: Progress,
    begin: Callable[[FusionNet], None],
) -> None:
    torch.manual_seed(recipe.seed)
    if data.detector:  # each process has a device of its own
        detector = replace(data.detector, net=place_net(data.detector.net, place.device))
        data = replace(data, detector=detector)
    net = FusionNet(recipe.config)
    if not (folder / "checkpoint.safetensors").exists():
        begin(net)
    net = net.to(place.device)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    size = data.detector.input_size if data.detector else recipe.config.picture_size
    people = SyntheticPictures(
        data.people, _stored_size(data, size), workers, pinned=place.device.type == "cuda"
    )
    found = None
    if data.detector and recipe.found and net.joints is not None:
        maps = TrainingMaps(recipe.draws, data.detector)
        found = kept_or_found(
            kept, people, maps, recipe.augmentation, recipe.found, recipe.seed, place, progress
        )
    branch = BranchDraws(data.mocap, found)
    taught = net.joints is not None and bool(branch) and recipe.joint_samples >= BATCH
    if not (folder / "checkpoint.safetensors").exists():
        teach_joint_branch(net, branch, recipe.joint_samples, recipe.seed, place.device, progress)
    if net.joints is not None and taught:
        net.joints.hold_norms()
    batches = FusionBatches(
        people,
        data.photos,
        data.detector,
        recipe.draws,
        recipe.augmentation,
        recipe.loss,
        batch=recipe.batch,
        photo_share=recipe.photo_share,
        settle_at=min(round((1 - recipe.settled) * recipe.samples), recipe.samples - recipe.batch),
        settling=round(recipe.settling * recipe.samples),
        branch=branch,
        branch_poses=recipe.joint_poses,
        place=place,
    )
    validation = Validation(data, place.device) if place.rank == 0 else None

    def on_checkpoint(average: dict[str, Tensor]) -> dict[str, float]:
        assert validation is not None
        whole = FusionNet(recipe.config)
        whole.load_state_dict({key: value.cpu() for key, value in average.items()})
        scores = {**_fusion_state(net), **write_weights(folder, whole, about, validation)}
        if (folder / "log.jsonl").exists() and "alpha" in scores:
            plot_fusion(folder / "log.jsonl", folder / "fusion.png")
        return scores

    photos = len(data.photos) if data.photos else 0
    settings = LoopSettings.of(recipe, checkpoint_every, photos=photos)
    groups = _groups(net, recipe, taught)
    train_loop(net, batches, settings, folder, place, on_checkpoint, progress, groups)
    if place.rank == 0 and recipe.config.fusion == "trainable":
        plot_fusion(folder / "log.jsonl", folder / "fusion.png")


def _fusion_state(net: FusionNet) -> dict[str, float]:
    """Return alpha, beta and the weights of a network in training."""
    if net.config.fusion != "trainable":
        return {}
    weights = net.fusion_weights().detach().cpu().tolist()
    state = {"alpha": float(net.alpha.detach()), "beta": float(net.beta.detach())}
    state |= {f"w{k + 1}": w for k, w in enumerate(weights)}
    return {name: round(value, 5) for name, value in state.items()}


def _groups(net: FusionNet, recipe: FusionRecipe, taught: bool) -> list[dict[str, Any]]:
    """Return the optimizer's groups.

    alpha and beta have a rate of their own and no decay; what begins with trained weights learns
    slower, and in part not at all.
    """
    encoder = hold_image_stream(net)
    branch = list(net.joints.parameters()) if net.joints is not None else []
    of_fusion = ("log_alpha", "beta")
    named = [(name, p) for name, p in net.named_parameters() if p.requires_grad]
    first = {id(p) for p in encoder + branch} | {id(p) for name, p in named if name in of_fusion}
    groups: list[dict[str, Any]] = [{"params": [p for _, p in named if id(p) not in first]}]
    # the branch is a group of its own either way: checkpoints keep the optimizer's state in order
    of_branch = recipe.joint_rate if taught else 1.0
    for parameters, scale in ((encoder, recipe.encoder_rate), (branch, of_branch)):
        if parameters:
            groups.append({"params": parameters, "scale": scale})
    own = [p for name, p in named if name in of_fusion]
    if own:
        # the gradient of lambda / alpha^2 falls by orders of magnitude: Adam must soon forget
        # how large it was, or alpha stands still
        adam = {"weight_decay": 0.0, "betas": (0.9, 0.98)}
        groups.append({"params": own, "scale": recipe.fusion_rate, **adam})
    return groups


def _stored_size(data: FusionData, size: int) -> int:
    """Return the side that synthetic pictures are kept at until they are augmented."""
    return max(size, data.photos.images.shape[1]) if data.photos is not None else size
