"""Synthetic people as crops: labels at the limbs, none outside of the photo."""

from dataclasses import replace

import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.datasets.synthetic import capsule_body
from lift3d.datasets.synthetic.people import SyntheticPeople
from lift3d.datasets.synthetic.shards import write_shards
from lift3d.poses import get_skeleton
from lift3d.training import synthetic_crops
from lift3d.training.synthetic_crops import crops_of_people

BODY, MPII = get_skeleton("h36m17"), get_skeleton("mpii16")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder of six small people, and the people."""
    body = capsule_body()
    pack = MocapPack(
        body.joints_mm[None].astype(np.float32), np.zeros(1, int), np.array(["01_01"]),
        np.array([1]), np.array([24.0]), np.array([0]), np.array([0]), np.array([""]),
    )  # fmt: skip
    people = SyntheticPeople(body, pack, size=48, seed=2)
    folder = tmp_path_factory.mktemp("people")
    write_shards(people, 6, folder)
    return folder, [people.sample(index) for index in range(6)]


def test_limbs_are_labelled_where_they_are_and_the_neck_is_not(made):
    folder, samples = made
    crops = crops_of_people(folder, 96)

    assert crops.images.shape == (6, 96, 96, 3)
    assert set(crops.source) == {"synthetic"}
    assert np.isnan(crops.joints_px[:, MPII.index("upper_neck")]).all()
    knee = crops.joints_px[:, MPII.index("left_knee")]
    true = np.array([sample.joints_px[BODY.index("left_knee")] for sample in samples])
    known = np.isfinite(knee).all(1)
    assert known.sum() >= 3
    np.testing.assert_allclose(knee[known], 2 * true[known] + 0.5, atol=1e-3)
    hips = crops.joints_px[:, [MPII.index("left_hip"), MPII.index("right_hip")]]
    np.testing.assert_allclose(crops.joints_px[:, MPII.index("pelvis")], hips.mean(1), atol=1e-3)


def test_joints_outside_of_the_photo_are_not_labelled(made, monkeypatch):
    sample = made[1][0]
    joints_px = sample.camera.to_photo(sample.joints_px)
    height = int(np.median(joints_px[:, 1]))  # a photo that ends at the person's middle
    camera = replace(sample.camera, photo_size=(sample.camera.photo_size[0], height))
    cut = [replace(sample, camera=camera)]
    monkeypatch.setattr(synthetic_crops.ShardPeople, "to_train_on", lambda shards: cut)

    labels = crops_of_people(made[0], 48).joints_px[0]

    names = [name for name in MPII.joints if name.startswith(("left", "right"))]
    inside = joints_px[[BODY.index(name) for name in names], 1] <= height - 0.5
    labelled = np.isfinite(labels[[MPII.index(name) for name in names]]).all(1)
    np.testing.assert_array_equal(labelled, inside)
    assert 0 < inside.sum() < len(inside)
