"""Synthetic people as crops: labels at the limbs, none outside of the photo."""

import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.datasets.synthetic import capsule_body
from lift3d.datasets.synthetic.people import SyntheticPeople
from lift3d.datasets.synthetic.shards import write_shards
from lift3d.datasets.synthetic.views import outside_photo
from lift3d.poses import get_skeleton
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


def test_joints_in_the_border_beside_the_photo_are_not_labelled(made):
    folder, samples = made
    crops = crops_of_people(folder, 48)
    for sample, joints in zip(samples, crops.joints_px, strict=True):
        border = outside_photo(sample.camera)
        at = np.rint(joints[np.isfinite(joints).all(1)]).astype(int)
        inside = ((at >= 0) & (at < 48)).all(1)
        assert not border[at[inside, 1], at[inside, 0]].any()
