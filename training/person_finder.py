"""Train the person finder: an hourglass with a centre map and four distances to the box's sides."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets.crops import CropSet
from ..datasets.photos import PhotoSet
from ..detectors.heatmap import px_to_cells
from ..detectors.people import OUTPUTS, decode_boxes
from ..detectors.preprocess import stack_images
from ..evaluation.people import finder_scores
from ..models.hourglass import HourglassConfig, StackedHourglass, build_hourglass
from ..models.tensor_file import read_tensors
from ..poses.errors import WeightsMissing
from .augment import random_colour
from .distributed import Place, join_processes, leave_processes
from .export import export_hourglass
from .loop import LoopSettings, Progress, train_loop
from .photo_augment import PhotoView, mosaic, random_view


@dataclass(frozen=True)
class FinderRecipe:
    """Everything that decides what a training of the person finder gives.

    Attributes:
        config: the network, one stack with `OUTPUTS` maps.
        start_from: weights of a joint hourglass of the same width, whose stem and first stack
            the finder starts from; None: from scratch.
        size: side of the training pictures.
        input_size: longer side of the photos that the trained finder is used with.
        samples: pictures in the whole training.
        batch: pictures in a step, over all processes.
        rate: peak learning rate of AdamW.
        warm_up: pictures over which the rate rises.
        decay: of the moving average of the weights.
        mosaics: share of pictures put together from four others.
        crop_share: share of a mosaic's parts that are person crops instead of photos.
        colour: strength of the changes of colour.
        seed: of the first weights and of every random draw.
    """

    config: HourglassConfig = field(
        default_factory=lambda: HourglassConfig(stacks=1, features=128, outputs=OUTPUTS)
    )
    start_from: str | None = None
    size: int = 256
    input_size: int = 320
    samples: int = 44_000
    batch: int = 16
    rate: float = 1e-3
    warm_up: int = 2_000
    decay: float = 0.998
    mosaics: float = 0.3
    crop_share: float = 0.4
    colour: float = 0.15
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
) -> Path:
    """Train, or go on with the training that `folder` holds, and return the weights' path.

    Args:
        recipe: network, schedule, seed.
        photos: whole photos with all people.
        crops: person crops for the mosaics; sport poses and upside-down people come from here.
        validation: photos whose recall and precision are logged; nothing is chosen by them.
        folder: for `checkpoint.safetensors`, `log.jsonl` and `finder.safetensors`.
        device: of the network.
        checkpoint_every: pictures between two checkpoints, each with a validation.
        progress: called after each step with seen, total, loss and samples_per_s.

    Raises:
        WeightsMissing: `start_from` cannot be read, or the folder holds another network.
    """
    place = join_processes(device)
    path = Path(folder) / "finder.safetensors"
    try:
        _train(recipe, photos, crops, validation, path, place, checkpoint_every, progress)
    finally:
        leave_processes()
    return path


def _train(
    recipe: FinderRecipe,
    photos: PhotoSet,
    crops: CropSet,
    validation: PhotoSet,
    path: Path,
    place: Place,
    checkpoint_every: int,
    progress: Progress,
) -> None:
    torch.manual_seed(recipe.seed)
    net = build_hourglass(recipe.config, place.device)
    if recipe.start_from is not None:
        start_from(net, Path(recipe.start_from))
    set_prior(net)
    tested = build_hourglass(recipe.config, place.device)
    pictures = FinderPictures(recipe, photos, crops)

    def loss_of(net: nn.Module, _: int, generator: torch.Generator) -> Tensor:
        seed = int(torch.randint(2**62, (), generator=generator))
        views = pictures.batch(recipe.batch // place.world, seed)
        images = stack_images([view.image for view in views], place.device)
        images = random_colour(images, recipe.colour, generator)
        with torch.autocast(place.device.type, torch.bfloat16):
            maps = net(images.contiguous(memory_format=torch.channels_last))[-1]
        boxes = pad_boxes([view.box_xyxy_px for view in views]).to(place.device)
        return finder_loss(maps.float(), boxes, stride=images.shape[-1] // maps.shape[-1])

    def on_checkpoint(state: dict[str, Tensor]) -> dict[str, float]:
        tested.load_state_dict(state)
        scores = finder_scores(tested.eval(), validation, recipe.input_size, place.device)
        about = {"recipe": json.loads(json.dumps(asdict(recipe))), "validation": scores}
        export_hourglass(path, recipe.config, state, None, recipe.input_size, about)
        return scores

    settings = LoopSettings.of(recipe, checkpoint_every)
    train_loop(net, loss_of, settings, path.parent, place, on_checkpoint, progress)


def start_from(net: StackedHourglass, weights: Path) -> None:
    """Copy all tensors of the same name and shape from a joint hourglass's weights file.

    Raises:
        WeightsMissing: the file cannot be read, or shares no tensor with the network.
    """
    tensors, _ = read_tensors(weights)
    own = net.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise WeightsMissing(
            f"{weights} has no tensor of the finder's; give a joint hourglass of its width"
        )
    net.load_state_dict({**own, **{k: v.to(own[k].dtype) for k, v in fitting.items()}})


@torch.no_grad()
def set_prior(net: StackedHourglass, logit: float = -4.0) -> None:
    """Let the centre map start at a low probability, since almost no cell is a centre."""
    bias = net.get_parameter("stacks.0.score.bias")
    bias[0] = logit


class FinderPictures:
    """Draws training pictures: views of photos, and mosaics of photos and person crops."""

    def __init__(self, recipe: FinderRecipe, photos: PhotoSet, crops: CropSet) -> None:
        self.recipe = recipe
        self.crops = crops
        self.crop_boxes = joint_boxes(crops.joints_px)
        self.pool = ThreadPoolExecutor()
        self.images = list(self.pool.map(photos.load, range(len(photos))))
        self.boxes = [photos.box_xyxy_px[photos.people(i)] for i in range(len(photos))]

    def batch(self, count: int, seed: int) -> list[PhotoView]:
        """Return `count` pictures, the same ones for the same seed."""
        seeds = np.random.SeedSequence(seed).spawn(count)
        return list(self.pool.map(lambda s: self._picture(np.random.default_rng(s)), seeds))

    def _picture(self, rng: np.random.Generator) -> PhotoView:
        size = self.recipe.size
        if rng.random() >= self.recipe.mosaics:
            return self._photo(size, rng)
        parts = [
            self._crop(rng) if rng.random() < self.recipe.crop_share else self._photo(size, rng)
            for _ in range(4)
        ]
        return mosaic(parts, size, rng)

    def _photo(self, size: int, rng: np.random.Generator) -> PhotoView:
        row = int(rng.integers(len(self.images)))
        return random_view(self.images[row], self.boxes[row], size, rng)

    def _crop(self, rng: np.random.Generator) -> PhotoView:
        row = int(rng.integers(len(self.crops)))
        size = int(self.recipe.size * rng.uniform(0.4, 0.75))
        return random_view(self.crops.images[row], self.crop_boxes[row : row + 1], size, rng)


def joint_boxes(joints_px: np.ndarray, margin: float = 0.08) -> np.ndarray:
    """Return boxes (N, 4) around joints (N, J, 2), wider by a part of their extent."""
    low, high = np.nanmin(joints_px, 1), np.nanmax(joints_px, 1)
    border = margin * (high - low).max(-1, keepdims=True)
    return np.concatenate([low - border, high + border], 1)


def pad_boxes(boxes: list[np.ndarray]) -> Tensor:
    """Return boxes of several pictures as one tensor (N, P, 4), NaN where there are fewer."""
    most = max(1, *(len(rows) for rows in boxes))
    padded = np.full((len(boxes), most, 4), np.nan, np.float32)
    for k, rows in enumerate(boxes):
        padded[k, : len(rows)] = rows
    return torch.from_numpy(padded)


def finder_loss(maps: Tensor, boxes: Tensor, stride: int) -> Tensor:
    """Return the loss of the finder's maps: focal loss of the centres plus GIoU of the boxes.

    Zhou et al., "Objects as points" (2019), equation 1, with alpha 2 and beta 4; Rezatofighi et
    al., "Generalized intersection over union" (CVPR 2019). A cell belongs to the person whose
    Gaussian is the highest there; the boxes are learned near the centres, weighted by it.

    Args:
        maps: (N, 5, H, W) of the network.
        boxes: (N, P, 4) input pixels, NaN rows where there are fewer people.
        stride: input pixels for each cell.
    """
    gauss = centre_gaussians(boxes, maps.shape[-2:], stride)  # (N, P, H, W)
    target, owner = gauss.max(1)
    logit = maps[:, 0]
    probability = logit.sigmoid()
    positive = target > 0.999
    log_p, log_q = functional.logsigmoid(logit), functional.logsigmoid(-logit)
    loss_positive = -((1 - probability) ** 2) * log_p * positive
    loss_negative = -((1 - target) ** 4) * probability**2 * log_q * ~positive
    people = (~boxes.isnan().any(-1)).sum().clamp_min(1)
    focal = (loss_positive.sum() + loss_negative.sum()) / people
    near = target * (target > 0.5)
    wanted = boxes.nan_to_num().gather(1, owner.flatten(1)[..., None].expand(-1, -1, 4))
    found = decode_boxes(maps[:, 1:], stride).flatten(1, 2)  # (N, H, W, 4) -> (N, H*W, 4)
    weight = near.flatten(1)
    overlap = generalised_iou(found, wanted)
    return focal + 2 * ((1 - overlap) * weight).sum() / weight.sum().clamp_min(1)


def centre_gaussians(boxes: Tensor, size: tuple[int, int] | torch.Size, stride: int) -> Tensor:
    """Return a Gaussian (N, P, H, W) around each box's centre cell, its width a part of the box's.

    The peak is one at the cell that holds the centre; a NaN box gives zeros.
    """
    centre = px_to_cells((boxes[..., :2] + boxes[..., 2:]) / 2, stride).round()
    spread = ((boxes[..., 2:] - boxes[..., :2]) / stride * 0.1).clamp_min(0.6)
    x = torch.arange(size[1], device=boxes.device)
    y = torch.arange(size[0], device=boxes.device)
    gx = torch.exp(-0.5 * ((x - centre[..., :1]) / spread[..., :1]) ** 2)
    gy = torch.exp(-0.5 * ((y - centre[..., 1:]) / spread[..., 1:]) ** 2)
    return (gy[..., :, None] * gx[..., None, :]).nan_to_num()


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalised IoU (...) of boxes (..., 4), in -1..1."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp_min(0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - both
    hull_low = torch.minimum(a[..., :2], b[..., :2])
    hull_high = torch.maximum(a[..., 2:], b[..., 2:])
    hull = (hull_high - hull_low).prod(-1)
    return both / union.clamp_min(1e-6) - (hull - union) / hull.clamp_min(1e-6)
