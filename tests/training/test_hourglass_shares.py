"""Which crops the hourglass is trained on, and which calibrate it instead."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.poses.errors import BadInput
from lift3d.training.hourglass import SYNTHETIC, HourglassRecipe, drawn_shares, is_held_out

RECIPE = HourglassRecipe(balance={"lspet": 0.5, SYNTHETIC: 0.2}, held_out=4)


@pytest.fixture
def crops():
    source = np.repeat(["lspet", "coco_val2017", SYNTHETIC], [200, 50, 80])
    photo = np.array([str(k % 120) for k in range(len(source))])  # several people in a photo
    images = np.zeros((len(source), 2, 2, 3), np.uint8)
    return CropSet(images, np.zeros((len(source), 16, 2), np.float32), source, photo)


def test_a_held_out_crop_is_never_drawn(crops):
    shares, held_out = drawn_shares(crops, RECIPE)

    assert 30 < held_out.sum() < 100
    assert (shares[held_out] == 0).all()
    assert (shares[~held_out] > 0).all()
    drawn = torch.multinomial(torch.from_numpy(shares), 5000, replacement=True)
    assert not held_out[drawn.numpy()].any()


def test_no_photo_is_on_both_sides(crops):
    _, held_out = drawn_shares(crops, RECIPE)
    real = crops.source != SYNTHETIC

    assert not set(crops.photo[real & held_out]) & set(crops.photo[real & ~held_out])


def test_people_made_by_code_are_all_trained_on(crops):
    _, held_out = drawn_shares(crops, RECIPE)

    assert is_held_out(crops.photo[crops.source == SYNTHETIC], 4).any()
    assert not held_out[crops.source == SYNTHETIC].any()


def test_each_source_has_its_share_of_the_draws(crops):
    shares, _ = drawn_shares(crops, RECIPE)

    by_source = {name: shares[crops.source == name].sum() for name in np.unique(crops.source)}
    assert by_source == pytest.approx({"lspet": 0.5, SYNTHETIC: 0.2, "coco_val2017": 0.3})


def test_crops_of_which_none_is_drawn_are_refused(crops):
    alone = crops.where(crops.source == "lspet")
    with pytest.raises(BadInput, match="none of the 200 crops is drawn"):
        drawn_shares(alone, replace(RECIPE, balance={"lspet": 0.0}))
