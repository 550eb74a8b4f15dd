"""Joints that a detector finds beforehand: mirrored and turned with their poses, kept in a file."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.joint_branch import joint_numbers
from lift3d.models.load import LoadedHourglass
from lift3d.models.tensor_file import read_tensors, write_tensors
from lift3d.poses.errors import BadInput, WeightsMissing
from lift3d.poses.skeleton import get_skeleton
from lift3d.training import found_joints
from lift3d.training.augment import Augmentation
from lift3d.training.distributed import Place
from lift3d.training.found_joints import FoundJoints, kept_or_found
from lift3d.training.fusion_maps import MapDraws, TrainingMaps
from lift3d.training.synthetic_pictures import SyntheticPictures

CPU = torch.device("cpu")
CALM = Augmentation((0.95, 1.05), 0.01, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0)
MPII, BODY = get_skeleton("mpii16"), get_skeleton("h36m17")


@pytest.fixture(scope="module")
def maps():
    torch.manual_seed(0)
    net = StackedHourglass(HourglassConfig(stacks=1, features=16, depth=2, output="softmax"))
    net = net.eval().requires_grad_(False)
    return TrainingMaps(MapDraws(), LoadedHourglass(net, "mpii16", 64))


def find(path, people, maps, count=5, seed=1):
    pictures = SyntheticPictures(people, 64)
    return kept_or_found(path, pictures, maps, CALM, count, seed, Place(0, 1, CPU))


def test_they_are_found_once_and_read_again(stroke_people, maps, tmp_path, monkeypatch):
    path = tmp_path / "sub" / "found.safetensors"
    first = find(path, stroke_people, maps)
    monkeypatch.setattr(found_joints, "find_joints", None)
    again = find(path, stroke_people, maps)

    assert first.joints.shape == (5, 16, 3)
    assert first.joints_mm.shape == (5, 17, 3)
    assert torch.equal(again.joints, first.joints)
    assert torch.equal(again.joints_mm, first.joints_mm)
    assert first.joints[..., :2].min() > -0.1
    assert first.joints[..., :2].max() < 1.1
    assert read_tensors(path)[1]["count"] == 5


def test_the_poses_are_the_pictures(stroke_people, maps, tmp_path):
    found = find(tmp_path / "found.safetensors", stroke_people, maps)

    lengths = found.joints_mm.norm(dim=-1)  # turning and mirroring leave them
    for k in range(5):
        wanted = np.linalg.norm(stroke_people.sample(k).joints_mm, axis=-1)
        ours = lengths[k].numpy()
        near = np.allclose(ours, wanted, rtol=1e-4)
        assert near or np.allclose(ours, wanted[BODY.flip_index], rtol=1e-4)


def test_a_file_of_other_joints_is_named(stroke_people, maps, tmp_path):
    path = tmp_path / "found.safetensors"
    find(path, stroke_people, maps)

    with pytest.raises(BadInput) as failure:
        find(path, stroke_people, maps, count=6)
    assert str(failure.value) == (
        f"{path} should hold joints found with the count 6, has 5; give the path of a new file, "
        "or delete this one"
    )
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsMissing, match="is no readable safetensors file"):
        find(path, stroke_people, maps)


def test_other_peoples_joints_are_refused(stroke_people, maps, tmp_path):
    path = tmp_path / "found.safetensors"
    find(path, stroke_people, maps)

    class Later:
        def sample(self, index):
            return stroke_people.sample(index + 1)

    with pytest.raises(BadInput, match="should hold joints found with the people"):
        find(path, Later(), maps)
    tensors, about = read_tensors(path)
    write_tensors(path, tensors, {key: value for key, value in about.items() if key != "people"})
    assert len(find(path, Later(), maps).joints) == 5  # a file of before, which does not say it


def test_another_detectors_joints_are_refused(stroke_people, maps, tmp_path):
    path = tmp_path / "found.safetensors"
    find(path, stroke_people, maps)
    torch.manual_seed(1)
    config = maps.detector.net.config
    other = replace(maps.detector, net=StackedHourglass(config).eval().requires_grad_(False))

    with pytest.raises(BadInput, match="should hold joints found with the detector"):
        find(path, stroke_people, TrainingMaps(MapDraws(), other))


def test_joints_and_poses_are_mirrored_and_turned_together(monkeypatch):
    monkeypatch.setattr(found_joints, "BLUR", 0.0)
    monkeypatch.setattr(found_joints, "HIDDEN", (0.0,))
    torch.manual_seed(2)
    body = torch.randn(1, 17, 3)
    shared = [name for name in MPII.joints if name in BODY.joints]
    ours, theirs = ([s.index(name) for name in shared] for s in (MPII, BODY))
    joints = torch.zeros(1, 16, 3)
    joints[:, ours] = torch.cat([body[:, theirs, :2], torch.ones(1, len(ours), 1)], -1)

    numbers, poses = FoundJoints(joints, body).draw(40, np.random.default_rng(3))

    flat = torch.zeros(40, 16, 2)
    flat[:, ours] = poses[:, theirs, :2]
    torch.testing.assert_close(numbers, joint_numbers(flat, joints[..., 2].expand(40, -1)))
    order = torch.from_numpy(BODY.flip_index.copy())
    kept = (poses[..., 2] == body[..., 2]).all(1)
    mirrored = (poses[..., 2] == body[:, order, 2]).all(1)
    assert (kept | mirrored).all()
    assert 10 < int(mirrored.sum()) < 30


def test_people_lose_joints():
    found = FoundJoints(torch.ones(3, 16, 3), torch.zeros(3, 17, 3))

    numbers, _ = found.draw(400, np.random.default_rng(4))

    lost = (numbers[..., 2] == 0).float().mean(1)
    assert 0.3 < (lost == 0).float().mean() < 0.7
    assert 0.05 < lost.mean() < 0.1
