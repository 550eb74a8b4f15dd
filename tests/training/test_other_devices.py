"""Losses and views on torch's device without numbers: what mixes devices fails as on a GPU."""

import pytest
import torch

from lift3d.models.fusion_config import encoder_config, small_config
from lift3d.models.fusion_net import FusionNet
from lift3d.training.augment import Augmentation, Augmenter
from lift3d.training.fusion_loss import FusionLoss
from lift3d.training.fusion_views import changed_views
from lift3d.training.losses import cross_entropy, squared_error
from lift3d.training.person_targets import finder_loss

META = torch.device("meta")


def some(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device=META)


@pytest.mark.parametrize("loss", [cross_entropy, squared_error])
def test_losses_of_maps_stay_on_their_device(loss):
    assert loss(some(2, 16, 64, 64), some(2, 16, 2), 1.0).device == META


def test_the_loss_of_the_finder_stays_on_its_device():
    assert finder_loss(some(2, 5, 48, 48), some(2, 4, 4), some(2, 3, 4), 8).device == META


def test_views_stay_on_their_device():
    changes = Augmentation(upright=0.5, placed=0.5, degrade=0.0, occlude=0.5, colour=0.2)
    augmenter = Augmenter(changes, torch.Generator().manual_seed(0))
    images = some(4, 3, 96, 96, dtype=torch.uint8)
    assert {x.device for x in augmenter(images, some(4, 16, 2), 128)} == {META}
    views = changed_views(augmenter, images, some(4, 17, 2), some(4, 17, 3), 128)
    assert {x.device for x in views} == {META}


@pytest.mark.parametrize("fusion", [0, 4, "image", "maps"])
@pytest.mark.parametrize("shape", [small_config, encoder_config])
def test_the_fusion_networks_loss_stays_on_its_device(shape, fusion, monkeypatch):
    monkeypatch.setattr(torch, "autocast", _NoAutocast)  # which knows no such device
    net = FusionNet(shape(fusion=fusion)).to(META)
    side = net.config.picture_size
    poses = net(some(4, 3, side, side), some(4, 16, side, side))
    assert FusionLoss()(poses, some(3, 17, 3), some(1, 16, 2), net).device == META


class _NoAutocast:
    def __init__(self, *arguments: object, **settings: object) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass
