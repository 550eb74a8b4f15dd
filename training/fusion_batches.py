"""Batches of the fusion network: synthetic people with 3D truth, real photos with 2D labels."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets.crops import CropSet
from ..models.bfloat16 import quick_autocast
from ..models.fusion_net import FusionNet, image_input
from ..models.load import LoadedHourglass
from ..poses.convert import convert_joints
from ..poses.errors import BadInput
from .augment import Augmentation, Augmenter
from .distributed import Place
from .fusion_loss import FusionLoss
from .fusion_maps import MapDraws, TrainingMaps
from .fusion_views import changed_views
from .hourglass import sampling_weights
from .joint_branch import BranchDraws, branch_error
from .synthetic_pictures import PictureBatch, SyntheticPictures

BRANCH_SHARE = 0.5  # of the loss of poses without pictures
STEEPEST = 30.0  # times alpha: with alpha near 1 weights of less than 1e-3 and more than 0.999


class FusionBatches:
    """Draw batches and return their loss, for `train_loop`.

    Args:
        people: synthetic ones.
        photos: crops of real photos; None: none.
        detector: frozen, makes confidence maps; None: they are all drawn.
        draws: what the confidence maps are like.
        augmentation: random changes of all pictures.
        loss: of the poses.
        batch: samples in a step, over all processes.
        photo_share: share of them that are real photos.
        settle_at: samples after which the fusion weights become 0 and 1.
        settling: samples before that, in which they are sharpened towards it.
        branch: joints and poses without pictures, for the branch of the joints; empty: none.
        branch_poses: of them in a step, over all processes.
        place: this process.

    Raises:
        BadInput: shares without the data for them.
    """

    def __init__(
        self,
        people: SyntheticPictures,
        photos: CropSet | None,
        detector: LoadedHourglass | None,
        draws: MapDraws,
        augmentation: Augmentation,
        loss: FusionLoss,
        *,
        batch: int,
        photo_share: float,
        settle_at: int,
        settling: int,
        branch: BranchDraws,
        branch_poses: int,
        place: Place,
    ) -> None:
        self.count = batch // place.world
        self.n_photos = round(self.count * photo_share) if photos is not None else 0
        if not 0 <= photo_share < 1 or self.n_photos >= self.count:
            raise BadInput(
                f"photo_share must be from 0 to below 1 and leave synthetic people in each batch "
                f"of {self.count}, got {photo_share}"
            )
        self.people, self.place, self.loss = people, place, loss
        self.augmentation = augmentation
        self.settle_at, self.settling = settle_at, settling
        self.maps = TrainingMaps(draws, detector)
        self.branch, self.branch_poses = branch, branch_poses // place.world
        self.step_samples = batch
        self._stream: Iterator[PictureBatch] | None = None
        self._expected = -1
        if photos is not None and self.n_photos:
            images = torch.from_numpy(photos.images).permute(0, 3, 1, 2)  # NHWC -> NCHW
            self.images, self.labels_px = (
                images.to(place.device),
                torch.from_numpy(photos.joints_px),
            )
            self.labels_px = self.labels_px.to(place.device)
            self.shares = torch.from_numpy(sampling_weights(photos.source, {}))

    def __call__(self, net: nn.Module, seen: int, generator: torch.Generator) -> Tensor:
        """Return the loss of the next batch."""
        own = net.module if hasattr(net, "module") else net
        assert isinstance(own, FusionNet)
        if own.config.fusion == "trainable":
            self._sharpen(own, seen)
        size = own.config.input_size
        wanted = own.config.picture_size
        crops, joints_px, joints_mm = self._drawn(seen, self.maps.crop_size or wanted, generator)
        if own.config.fusion == "image":  # does not look at them
            maps = crops.new_zeros(len(crops), own.config.n_maps, size, size)
        else:
            maps = self.maps(crops, joints_px, size, generator)
        images = crops
        if crops.shape[-1] != wanted:
            images = functional.interpolate(
                crops, size=wanted, mode="bilinear", align_corners=False, antialias=True
            )
        images, maps = (
            x.contiguous(memory_format=torch.channels_last) for x in (image_input(images), maps)
        )
        with quick_autocast(self.place.device):
            poses = net(images, maps)
        loss = self.loss(poses.float(), joints_mm, joints_px[len(joints_mm) :], own)
        if own.joints is not None and self.branch and self.branch_poses:
            rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
            given = self.branch(self.branch_poses, rng)
            loss = loss + BRANCH_SHARE * branch_error(own, *given, self.place.device)
        return loss

    def _sharpen(self, net: FusionNet, seen: int) -> None:
        """Make the fusion weights steeper, and 0 and 1 in the end."""
        if seen >= self.settle_at:
            net.settle()
        left = (self.settle_at - seen) / max(self.settling, 1)
        net.sharpen(STEEPEST ** min(max(1 - left, 0.0), 1.0))

    def _drawn(
        self, seen: int, size: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return crops (N, 3, size, size), joints (N, 16, 2) and 3D joints of the first M."""
        augmenter = Augmenter(self.augmentation, generator)
        batch = self._next_people(seen).to(self.place.device)
        crops, body_px, joints_mm = changed_views(
            augmenter, batch.images, batch.joints_px, batch.joints_mm, size
        )
        converted = convert_joints(body_px.cpu().numpy(), None, "h36m17", "mpii16").joints
        joints_px = torch.from_numpy(converted).to(crops)
        if not self.n_photos:
            return crops, joints_px, joints_mm
        rows = torch.multinomial(self.shares, self.n_photos, replacement=True, generator=generator)
        rows = rows.to(self.place.device)
        photos, labels_px = augmenter(self.images[rows], self.labels_px[rows], size)
        return torch.cat([crops, photos]), torch.cat([joints_px, labels_px]), joints_mm

    def _next_people(self, seen: int) -> PictureBatch:
        """Return the synthetic people that come behind `seen` samples, from this process's part."""
        if self._stream is None or seen != self._expected:
            count = self.count - self.n_photos
            stride = count * self.place.world
            start = seen // self.step_samples * stride + count * self.place.rank
            self._stream = self.people.batches(start, count, stride)
        self._expected = seen + self.step_samples
        return next(self._stream)
