"""Joints that a detector finds in pictures of people whose 3D pose is known, kept in a file.

Looked for once, they teach a lifter the errors that this detector makes, many times as quickly as
looking anew with every step.
"""

import json
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..models.joint_branch import joint_numbers, mirror
from ..models.tensor_file import read_tensors, write_tensors
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton
from .augment import Augmentation, Augmenter
from .distributed import Place
from .fusion_maps import TrainingMaps
from .fusion_views import changed_views
from .kept_memory import keep_freed_memory
from .loop import Progress, agrees
from .synthetic_pictures import SyntheticPictures

BATCH = 32
KIND = "found joints"
TURN = 0.2  # radians, standard deviation of the turns in the picture's plane
BLUR = 0.004  # of the crop's side, standard deviation of what is added to the joints
HIDDEN = (0.0, 0.0, 0.1, 0.2)  # shares of the joints that a person loses

MPII, BODY = get_skeleton("mpii16"), get_skeleton("h36m17")


@dataclass(frozen=True)
class FoundJoints:
    """N people with the joints that a detector found.

    Attributes:
        joints: float32 (N, 16, 3), `mpii16`: x, y as parts of the crop's side, confidence.
        joints_mm: float32 (N, 17, 3) `h36m17`, camera axes, relative to the pelvis.
    """

    joints: Tensor
    joints_mm: Tensor

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return what the branch of the joints takes, (count, 16, 3), and poses (count, 17, 3) mm.

        People are mirrored, turned about the camera's axis, and lose joints.
        """
        rows = torch.from_numpy(rng.integers(len(self.joints), size=count))
        joints, poses = self.joints[rows].nan_to_num(), self.joints_mm[rows]
        mirrored = torch.from_numpy(rng.random(count) < 0.5)[:, None, None]
        joints = torch.where(mirrored, mirror(joints, MPII.flip_index), joints)
        poses = torch.where(mirrored, mirror(poses, BODY.flip_index), poses)
        turn = _turns(rng.normal(0, TURN, count))
        flat = joints[..., :2] @ turn.mT
        poses = torch.cat([poses[..., :2] @ turn.mT, poses[..., 2:]], -1)
        flat = flat + torch.from_numpy(rng.normal(0, BLUR, flat.shape)).float()
        lost = rng.random((count, MPII.n_joints)) < rng.choice(HIDDEN, (count, 1))
        return joint_numbers(flat, joints[..., 2] * torch.from_numpy(~lost)), poses


def find_joints(
    people: SyntheticPictures,
    maps: TrainingMaps,
    augmentation: Augmentation,
    count: int,
    seed: int,
    device: torch.device,
    progress: Progress = lambda _: None,
) -> FoundJoints:
    """Return what a detector finds in the first pictures of a stream, changed at random.

    Args:
        people: synthetic ones.
        maps: with the detector.
        augmentation: of the pictures.
        count: pictures to look at.
        seed: of the changes.
        device: of the detector.
        progress: called after each batch with seen, total, loss (none: 0) and samples_per_s.
    """
    keep_freed_memory(device)
    augmenter = Augmenter(augmentation, torch.Generator().manual_seed(seed))
    size, joints, poses = maps.crop_size, [], []
    batches = people.batches(0, BATCH, BATCH)
    for k, batch in enumerate(islice(batches, -(-count // BATCH))):
        started = time.perf_counter()
        given = batch.to(device)
        crops, _, joints_mm = changed_views(
            augmenter, given.images, given.joints_px, given.joints_mm, size
        )
        places, confidence, _ = maps.look(crops)
        joints.append(torch.cat([(places + 0.5) / size, confidence[..., None]], -1).cpu())
        poses.append(joints_mm.cpu())
        speed = BATCH / (time.perf_counter() - started)
        seen = min((k + 1) * BATCH, count)
        progress({"seen": seen, "total": count, "loss": 0.0, "samples_per_s": speed})
    return FoundJoints(torch.cat(joints)[:count], torch.cat(poses)[:count])


def kept_or_found(
    path: Path,
    people: SyntheticPictures,
    maps: TrainingMaps,
    augmentation: Augmentation,
    count: int,
    seed: int,
    place: Place,
    progress: Progress = lambda _: None,
) -> FoundJoints:
    """Return the joints that a file holds, or find them and write it: see `find_joints`.

    Raises:
        BadInput: the file holds something else, or joints that were found in another way or of
            other people.
        WeightsMissing: it cannot be read.
    """
    about = {
        "kind": KIND,
        "detector": _digest(maps),
        "count": count,
        "seed": seed,
        "augmentation": json.loads(json.dumps(asdict(augmentation))),
        "people": _digest_of_first(people),
    }
    if path.exists():
        tensors, metadata = read_tensors(path)
        for name, wanted in about.items():
            if name == "people" and name not in metadata:
                continue  # files of before did not say it
            if name not in metadata or not agrees(metadata[name], wanted):
                raise BadInput(
                    f"{path} should hold joints found with the {name} {wanted}, has "
                    f"{metadata.get(name)}; give the path of a new file, or delete this one"
                )
        return FoundJoints(tensors["joints"], tensors["joints_mm"])
    found = find_joints(people, maps, augmentation, count, seed, place.device, progress)
    if place.rank == 0:
        write_tensors(path, {"joints": found.joints, "joints_mm": found.joints_mm}, about)
    return found


def _digest(maps: TrainingMaps) -> str:
    """Return the SHA-256 of the detector's weights."""
    assert maps.detector is not None
    sha = sha256()
    for tensor in maps.detector.net.state_dict().values():
        sha.update(tensor.cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def _digest_of_first(people: SyntheticPictures) -> str:
    """Return the SHA-256 of the pose of the first person."""
    pose = np.ascontiguousarray(people.source.sample(0).joints_mm, dtype="<f4")
    return sha256(pose.tobytes()).hexdigest()


def _turns(angles: np.ndarray) -> Tensor:
    """Return rotations (N, 2, 2) of the plane."""
    cos, sin = np.cos(angles), np.sin(angles)
    return torch.from_numpy(np.array([[cos, -sin], [sin, cos]])).permute(2, 0, 1).float()
