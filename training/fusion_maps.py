"""Confidence maps to train on: a frozen detector's, and Gaussians with a detector's errors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..datasets.detector_noise import DetectorNoise
from ..detectors.crop_inference import read_maps as joints_of_maps
from ..detectors.crop_inference import to_maps
from ..detectors.preprocess import to_input
from ..lifting.joint_maps import drawn_maps, plan_maps, read_maps, same_area
from ..models.bfloat16 import quick_autocast
from ..models.load import LoadedHourglass
from ..poses.convert import convert_joints
from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton

HEAD_TOP = "head_top"


@dataclass(frozen=True)
class MapDraws:
    """What the confidence maps of a training are like.

    Attributes:
        detected: share of the crops whose maps a detector makes; the others are drawn.
        skill: range of `DetectorNoise.skill` for those that are drawn.
        exact: share of the drawn ones that are drawn round the true joints.
        spread: range of the Gaussians' standard deviation as a part of the side.
        hidden: share of the crops with up to four empty maps.
        headless: share without a map of the head's top, which COCO's detectors lack.
    """

    detected: float = 0.7
    skill: tuple[float, float] = (0.0, 3.0)
    exact: float = 0.2
    spread: tuple[float, float] = (0.012, 0.03)
    hidden: float = 0.15
    headless: float = 0.15

    def __post_init__(self) -> None:
        for name in ("detected", "exact", "hidden", "headless"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} must be from 0 to 1, got {getattr(self, name)}")


class TrainingMaps:
    """Make confidence maps of `mpii16` for batches of crops.

    Args:
        draws: what they are like.
        detector: frozen; None: all maps are drawn.

    Raises:
        BadInput: the detector's weights are a person finder's or of a skeleton without the joints.
    """

    def __init__(self, draws: MapDraws, detector: LoadedHourglass | None) -> None:
        self.draws, self.detector = draws, detector
        if detector is None:
            return
        if detector.skeleton is None:
            raise BadInput("the detector's weights are a person finder's; give a joint network's")
        self.skeleton = get_skeleton(detector.skeleton)
        self.source = torch.tensor(plan_maps(self.skeleton, _MPII).source)

    @property
    def crop_size(self) -> int:
        """Side of the crops that are looked at, the detector's input; 0 without one."""
        return self.detector.input_size if self.detector else 0

    def __call__(
        self, crops: Tensor, joints_px: Tensor, size: int, generator: torch.Generator
    ) -> Tensor:
        """Return maps (N, 16, size, size), their peaks the joints' confidences.

        Args:
            crops: (N, 3, S, S) in 0..255, as the detector takes them.
            joints_px: (N, 16, 2) crop pixels, NaN where not known.
            size: side of the maps.
            generator: of every draw.
        """
        N, S = len(crops), crops.shape[-1]
        shares = torch.rand((N, 4), generator=generator)
        labelled = joints_px[:, _LIMBS].isfinite().all(-1).sum(1) >= 4
        found = shares[:, 0] < self.draws.detected
        # a photo with few labels cannot be drawn from
        found = ((found | ~labelled.cpu()) & (self.detector is not None)).to(crops.device)
        rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
        maps = self._drawn(joints_px, S, size, rng)
        if found.any():
            maps[found] = self._detected(crops[found], size).to(maps)
        count = torch.where(shares[:, 1] < self.draws.hidden, 1 + 4 * shares[:, 3], 0.0)
        order = torch.rand((N, 16), generator=generator).argsort(1).argsort(1)
        lost = order < count.floor()[:, None]
        lost[:, _MPII.index(HEAD_TOP)] |= shares[:, 2] < self.draws.headless
        return maps * ~lost[..., None, None].to(maps.device)

    @torch.no_grad()
    def look(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the detector finds in crops, without mirrored ones.

        Args:
            crops: (N, 3, crop_size, crop_size) in 0..255.

        Returns:
            joints_px (N, 16, 2) crop pixels, confidence (N, 16), and the detector's own maps.
        """
        detector = self.detector
        assert detector is not None
        inputs = to_input(crops).contiguous(memory_format=torch.channels_last)
        with quick_autocast(crops.device):
            output = detector.net(inputs)[-1]
        # in float32: 16 bits would put joints into steps of a quarter of a cell
        maps = to_maps(output, detector.net.config.output)
        joints = joints_of_maps(maps, detector.net, False, detector.calibration)
        placed = convert_joints(
            joints.joints_px.float().cpu().numpy(),
            joints.confidence.float().cpu().numpy(),
            self.skeleton,
            _MPII,
        )
        px, confidence = (torch.from_numpy(a).to(crops.device) for a in placed[:2])
        return px, confidence, maps

    def _detected(self, crops: Tensor, size: int) -> Tensor:
        px, confidence, found = self.look(crops)
        px = (px + 0.5) * (size / self.crop_size) - 0.5
        own = (self.source >= 0).to(crops.device)
        to_cells = same_area(size, found.shape[-1]).expand(len(crops), -1, -1)
        given = found[:, self.source.to(crops.device)[own]]
        maps = drawn_maps(px, confidence, size)
        maps[:, own] = read_maps(given, confidence[:, own], to_cells, size)
        return maps

    def _drawn(self, joints_px: Tensor, side: int, size: int, rng: np.random.Generator) -> Tensor:
        """Return Gaussians round joints as a detector would have found them."""
        draws, N = self.draws, len(joints_px)
        true_px = joints_px.cpu().double().numpy()
        body = convert_joints(true_px, None, "mpii16", "h36m17").joints
        known = _known(body)
        middle = np.where(known, body, 0.0).sum(1) / np.maximum(known.sum(1), 1)
        filled = np.where(known, body, middle[:, None])
        noise = DetectorNoise(skill=float(rng.uniform(*draws.skill)))
        found, confidence = noise.apply(filled, rng)
        exact = rng.random(N) < draws.exact
        found = np.where(exact[:, None, None], body, found)
        found = np.where(known, found, np.nan)
        placed = convert_joints(found, confidence, "h36m17", "mpii16")
        px = (placed.joints + 0.5) * (size / side) - 0.5
        spread = rng.uniform(*draws.spread, N)
        place, height, wide = (
            torch.from_numpy(array).float().to(joints_px.device)
            for array in (px, placed.confidence, spread)
        )
        return drawn_maps(place, height, size, wide)


def _known(joints: np.ndarray) -> np.ndarray:
    return np.isfinite(joints).all(-1, keepdims=True)


_MPII = get_skeleton("mpii16")
_LIMBS = [k for k, name in enumerate(_MPII.joints) if name.startswith(("left", "right"))]
