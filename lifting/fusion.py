"""The lifter that looks at the picture: Tekin et al., "Learning to Fuse 2D and 3D Image Cues"."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from ..models.device import choose_device
from ..models.fusion_net import UNIT_MM, FusionNet, image_input
from ..models.fusion_pruning import fold_norms, prune
from ..models.load_fusion import load_fusion
from ..poses import Pose2D, Pose3D, PoseCrop, Skeleton, get_skeleton
from ..poses.boxes import apply_affine, invert_affine
from ..poses.convert import convert_joints
from ..poses.errors import BadInput, NotFitted
from .body_joints import MIN_JOINTS, body_poses
from .joint_maps import drawn_maps, plan_maps, read_maps, same_area
from .posed import posed

BATCH = 32  # crops that run together
LEAST_SIDE = 48  # pixels of a crop


class FusionLifter:
    """Lift 2D poses by a network that sees their crops and their confidence maps.

    The crop is scaled to the network's input; the detector's heatmaps are laid over it, joint by
    joint name. Where a detector gives joints alone, or lacks a map, Gaussians are drawn round the
    joints, as high as their confidences. A joint of confidence 0 has an empty map.

    The network is trained by `lift3d train fusion` and loaded.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps" or "auto".

    Attributes:
        net_: the network, pruned, batch norms folded.

    >>> FusionLifter().lift([])
    Traceback (most recent call last):
    lift3d.poses.errors.NotFitted: this FusionLifter has no network yet; ...
    """

    needs: frozenset[str] = frozenset({"crop"})
    net_: FusionNet

    def __init__(self, *, device: str = "cpu") -> None:
        self.device = device

    @property
    def skeleton(self) -> Skeleton:
        """Return the skeleton of the 3D poses, h36m17."""
        return get_skeleton("h36m17")

    @classmethod
    def load(cls, weights: str | Path, *, device: str = "cpu") -> "FusionLifter":
        """Return the lifter of a weights file of `lift3d train fusion`, or of the zoo by name.

        Raises:
            BadInput: the zoo has no such weights.
            WeightsMissing: no such file, or none of a fusion network.
        """
        net, _ = load_fusion(weights, choose_device(device))
        return cls.of(net, device=device)

    @classmethod
    def of(cls, net: FusionNet, *, device: str = "cpu") -> "FusionLifter":
        """Return a lifter with a trained network.

        It is pruned if its fusion has settled, its batch norms are folded in place.
        """
        lifter = cls(device=device)
        net = net.eval().requires_grad_(False)
        if net.config.fusion == "trainable" and int(net.settled_at) >= 0:
            net = prune(net)
        lifter.net_ = fold_norms(net).to(choose_device(device))
        return lifter

    def lift(self, poses: Sequence[Pose2D]) -> list[Pose3D]:
        """Return a 3D pose for each 2D pose, in the same order, of any mix of skeletons.

        A joint that the 2D pose lacks has half the mean confidence of its neighbours in the
        skeleton. A pose with fewer than four joints comes back as NaN with confidence 0 and no
        camera.

        Raises:
            NotFitted: there is no network yet.
            BadInput: a pose has no crop, or one that is too small or not square, or maps of a
                skeleton that has nothing to do with the network's.
        """
        self._network()
        joints, weights = body_poses(poses)
        lifted = [self._lift_batch(poses[k : k + BATCH]) for k in range(0, len(poses), BATCH)]
        joints_mm = np.concatenate([np.zeros((0, self.skeleton.n_joints, 3)), *lifted])
        joints_mm[(weights > 0).sum(axis=1) < MIN_JOINTS] = np.nan
        return posed(poses, joints_mm, joints, weights, self.skeleton)

    def lift_arrays(
        self,
        joints_px: ArrayLike,
        confidence: ArrayLike | None = None,
        *,
        skeleton: str | Skeleton,
    ) -> np.ndarray:
        """Raise BadInput: joints without their picture cannot be lifted by this lifter."""
        raise BadInput(
            "the fusion lifter looks at the picture, which arrays of joints do not have; "
            "call lift(poses) with each Pose2D's crop, or use the lifter 'consensus'"
        )

    def network_inputs(self, pose: Pose2D) -> tuple[Tensor, Tensor]:
        """Return image (3, P, P) and confidence maps (K, S, S) of one pose, on the CPU.

        Raises:
            NotFitted, BadInput: as `lift`.
        """
        config = self._network().config
        crop, size, wanted = _checked(pose.crop), config.input_size, config.picture_size
        side = len(crop.image)
        image = torch.from_numpy(np.ascontiguousarray(crop.image)).permute(2, 0, 1)[None].float()
        if side != wanted:
            image = functional.interpolate(
                image, size=wanted, mode="bilinear", align_corners=False, antialias=side > wanted
            )
        to_crop = same_area(size, side).double().numpy()
        to_image = _after(crop.to_image, to_crop)
        target = get_skeleton(config.map_skeleton)
        maps = _maps(pose, crop, to_image, target, size)
        return image_input(image)[0], maps

    def _network(self) -> FusionNet:
        """Return the network; raise NotFitted where there is none."""
        if not hasattr(self, "net_"):
            raise NotFitted(
                "this FusionLifter has no network yet; train one with `lift3d train fusion` and "
                "use FusionLifter.load(path)"
            )
        return self.net_

    @torch.inference_mode()
    def _lift_batch(self, poses: Sequence[Pose2D]) -> np.ndarray:
        """Return (N, 17, 3) millimetres."""
        net = self._network()
        inputs = [self.network_inputs(pose) for pose in poses]
        device = net.last.weight.device
        images, maps = (
            torch.stack(part).to(device, memory_format=torch.channels_last)
            for part in zip(*inputs, strict=True)
        )
        lifted = UNIT_MM * net(images, maps).cpu().double().numpy()
        return np.stack([_turned_back(*each) for each in zip(lifted, poses, strict=True)])


def _checked(crop: PoseCrop | None) -> PoseCrop:
    """Return the crop once it is found usable."""
    if crop is None:
        raise BadInput(
            "the fusion lifter needs each person's crop, and a pose has none; use a detector that "
            "gives crops, such as 'hourglass' with with_maps=True"
        )
    height, width = crop.image.shape[:2]
    if height != width or height < LEAST_SIDE:
        raise BadInput(
            f"the crop of a person must be square, of {LEAST_SIDE} pixels or more, got "
            f"{width} x {height}; cut a square round the person"
        )
    return crop


def _turned_back(joints_mm: np.ndarray, pose: Pose2D) -> np.ndarray:
    """Return joints (17, 3) of a crop that may be turned in the axes of the image."""
    linear = _checked(pose.crop).to_image[:, :2]
    turn = linear / np.sqrt(abs(np.linalg.det(linear)))
    return np.concatenate([joints_mm[:, :2] @ turn.T, joints_mm[:, 2:]], axis=1)


def _maps(
    pose: Pose2D, crop: PoseCrop, to_image: np.ndarray, target: Skeleton, size: int
) -> Tensor:
    """Return the network's confidence maps (K, S, S): the detector's where it has them, or drawn.

    Args:
        pose: of any skeleton.
        crop: its own.
        to_image: (2, 3) from pixels of the network's input to those of the image.
        target: the network's skeleton.
        size: S.
    """
    source = plan_maps(pose.skeleton, target).source
    converted = convert_joints(pose.joints_px, pose.confidence, pose.skeleton, target)
    joints_px = torch.from_numpy(apply_affine(invert_affine(to_image), converted.joints)).float()
    confidence = torch.from_numpy(converted.confidence.clip(0, 1)).float()
    if crop.heatmaps is None or crop.heatmap_to_image is None:
        return drawn_maps(joints_px[None], confidence[None], size)[0]
    to_cells = torch.from_numpy(_after(invert_affine(crop.heatmap_to_image), to_image)).float()
    own = [k for k, index in enumerate(source) if index >= 0]
    heatmaps = np.ascontiguousarray(crop.heatmaps[[source[k] for k in own]], dtype=np.float32)
    given = torch.from_numpy(heatmaps).nan_to_num(0.0, 0.0, 0.0).clamp_min(0)[None]
    read = read_maps(given, confidence[None, own], to_cells[None], size)[0]
    rest = [k for k in range(len(source)) if k not in own]
    maps = read.new_empty(len(source), size, size)
    maps[own] = read
    maps[rest] = drawn_maps(joints_px[None, rest], confidence[None, rest], size)[0]
    return maps


def _after(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the affine map (2, 3) that does `inner` first, then `outer`."""
    return outer[:, :2] @ inner + np.c_[np.zeros((2, 2)), outer[:, 2]]
