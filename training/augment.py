"""Random changes to batches of crops, on the device that holds them."""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn import functional

from ..detectors.preprocess import GREY
from ..detectors.squares import trunk_joints
from ..poses.skeleton import get_skeleton


@dataclass(frozen=True)
class Augmentation:
    """How far crops are changed; each probability is for one crop.

    Attributes:
        zoom: (smallest, largest) factor, drawn evenly in its logarithm.
        shift: standard deviation of the shift, as a part of the side.
        turn_degrees: standard deviation of the usual rotation.
        any_turn: probability of a rotation drawn from the full circle instead.
        cut_off: probability of a zoom and shift that leave a part of the person outside.
        occlude: probability of up to three patches of another crop or of one colour.
        degrade: probability of a coarse version (small or blurred pictures).
        colour: strength of brightness, contrast and colour changes.
        upright: probability that the trunk is turned to point up before the usual rotation.
        placed: probability of a crop that keeps its place, neither zoomed, shifted nor turned.
    """

    zoom: tuple[float, float] = (0.72, 1.3)
    shift: float = 0.05
    turn_degrees: float = 25.0
    any_turn: float = 0.12
    cut_off: float = 0.1
    occlude: float = 0.25
    degrade: float = 0.12
    colour: float = 0.18
    upright: float = 0.0
    placed: float = 0.0


class Augmenter:
    """Changes batches of crops by an `Augmentation`, reproducibly for one generator."""

    def __init__(self, settings: Augmentation, generator: torch.Generator) -> None:
        self.settings = settings
        self.generator = generator
        skeleton = get_skeleton("mpii16")
        self.flip_index = torch.as_tensor(skeleton.flip_index.copy())
        self.trunk = list(trunk_joints(skeleton))

    def __call__(self, images: Tensor, joints_px: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Return changed crops and their joints.

        Args:
            images: uint8 (N, 3, S, S).
            joints_px: (N, 16, 2) crop pixels, `mpii16`, NaN where not labelled.
            size: side of the result.

        Returns:
            images float32 (N, 3, size, size) in 0..255, and joints_px (N, 16, 2), which may lie
            outside of them.
        """
        lean = trunk_lean(joints_px[:, self.trunk])
        affine, flipped = self._affine(lean, images.shape[-1], size)
        crops = warp(images, affine, size)
        joints = joints_px @ affine[:, :, :2].mT + affine[:, None, :, 2]
        mirrored = joints[:, self.flip_index.to(joints.device)]
        joints = torch.where(flipped[:, None, None], mirrored, joints)
        crops = random_colour(self._degrade(crops), self.settings.colour, self.generator)
        crops = self._occlude(crops)
        return crops.clamp_(0, 255), joints

    def _uniform(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return torch.rand(shape, generator=self.generator).to(device)

    def _normal(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return torch.randn(shape, generator=self.generator).to(device)

    def _affine(self, lean: Tensor, side: int, size: int) -> tuple[Tensor, Tensor]:
        """Return affine maps (N, 2, 3) from crop to result pixels and who is mirrored (N,).

        Args:
            lean: (N,) of the trunks, clockwise from upright, in radians.
            side: of the crops.
            size: side of the result.
        """
        s, count, device = self.settings, len(lean), lean.device
        pick = self._uniform((4, count), device)
        low, high = torch.tensor(s.zoom).log().tolist()
        zoom = torch.exp(low + (high - low) * self._uniform((count,), device))
        angle = self._normal((count,), device).clamp(-2, 2) * (s.turn_degrees * pi / 180)
        full = (2 * self._uniform((count,), device) - 1) * pi
        flipped = pick[2] < 0.5
        if s.upright:
            straight = self._uniform((count,), device) < s.upright
            angle = angle + torch.where(straight, torch.where(flipped, lean, -lean), 0.0)
        angle = torch.where(pick[0] < s.any_turn, full, angle)
        shift = self._normal((count, 2), device).clamp(-2, 2) * s.shift
        cut = pick[1] < s.cut_off
        zoom = torch.where(cut, zoom * (1.2 + 0.8 * pick[3]), zoom)
        wide = (self._uniform((count, 2), device) - 0.5) * 0.7
        shift = torch.where(cut[:, None], wide, shift)
        if s.placed:
            placed = self._uniform((count,), device) < s.placed
            zoom, angle = torch.where(placed, 1.0, zoom), torch.where(placed, 0.0, angle)
            shift = torch.where(placed[:, None], 0.0, shift)
        scale = zoom * size / side
        cos, sin = scale * angle.cos(), scale * angle.sin()
        sign = torch.where(flipped, -1.0, 1.0)
        linear = torch.stack([sign * cos, -sin, sign * sin, cos], -1).view(count, 2, 2)
        middle_in, middle_out = (side - 1) / 2, (size - 1) / 2
        offset = middle_out + shift * size - linear.sum(-1) * middle_in
        return torch.cat([linear, offset[..., None]], -1), flipped

    def _degrade(self, crops: Tensor) -> Tensor:
        chosen = torch.rand(len(crops), generator=self.generator) < self.settings.degrade
        if not chosen.any():
            return crops
        factor = 1.5 + 1.5 * float(torch.rand((), generator=self.generator))
        size = crops.shape[-1]
        some = crops[chosen.to(crops.device)]
        small = functional.interpolate(some, size=round(size / factor), mode="area")
        back = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)
        crops = crops.clone()
        crops[chosen.to(crops.device)] = back
        return crops

    def _occlude(self, crops: Tensor) -> Tensor:
        """Cover up to three rectangles of some crops by another crop's content or by a colour."""
        count, _, size, _ = crops.shape
        draws = torch.rand((count, 3, 9), generator=self.generator).tolist()
        chosen = torch.rand(count, generator=self.generator) < self.settings.occlude
        result = crops.clone()
        for i in torch.nonzero(chosen).flatten().tolist():
            for high, wide, top, left, other, again, *colour in draws[i]:
                rows, columns = (round((0.08 + 0.27 * part) * size) for part in (high, wide))
                y, x = int(top * (size - rows)), int(left * (size - columns))
                spot = result[i, :, y : y + rows, x : x + columns]
                if other < 0.6:
                    source = int(other / 0.6 * count)
                    spot.copy_(crops[source, :, y : y + rows, x : x + columns])
                else:
                    for channel, value in enumerate(colour):
                        spot[channel] = 255 * value
                if again < 0.5:
                    break
        return result


def trunk_lean(trunk_px: Tensor) -> Tensor:
    """Return how far trunks lean (N,), clockwise from upright, in radians; 0 where not labelled.

    Args:
        trunk_px: (N, 4, 2) both shoulders, then both hips.
    """
    up = trunk_px[:, :2].mean(1) - trunk_px[:, 2:].mean(1)
    # not -up: of a trunk without length that is -0, whose angle is half a turn
    return torch.atan2(up[:, 0], 0.0 - up[:, 1]).nan_to_num(0.0)


def random_colour(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change saturation, gain, contrast and brightness: one affine map of RGB for each image.

    Args:
        images: (N, 3, H, W), in 0..255 or scaled; the changes are relative to their spread.
        strength: about the standard deviation of the logarithm of the gains.
        generator: for every draw.
    """
    count, device = len(images), images.device
    draw = torch.randn((count, 5, 1), generator=generator).to(device)
    mix = torch.rand((count, 1, 1), generator=generator).to(device)
    gain, contrast = torch.exp(strength * draw[:, :3] / 2), torch.exp(strength * draw[:, 3:4])
    mix = torch.where(mix < 0.1, torch.zeros_like(mix), 0.6 + 0.6 * mix)  # some become grey
    matrix = contrast * gain * (mix * torch.eye(3, device=device) + (1 - mix) / 3)
    pixels = images.flatten(2)  # (N, 3, H, W) -> (N, 3, H * W)
    mean = pixels.mean((1, 2), keepdim=True)
    shift = strength * pixels.std() * draw[:, 4:]
    return torch.baddbmm((1 - contrast) * mean + shift, matrix, pixels).view_as(images)


def warp(images: Tensor, affine: Tensor, size: int) -> Tensor:
    """Warp images (N, 3, S, S) by maps (N, 2, 3) from their pixels to the result's.

    Returns float32 (N, 3, size, size), grey outside of the source.
    """
    side = images.shape[-1]
    inverse = torch.linalg.inv(affine[:, :, :2])
    offset = -(inverse @ affine[:, :, 2:])
    reach = torch.arange(size, device=images.device, dtype=torch.float32)
    y, x = torch.meshgrid(reach, reach, indexing="ij")
    target = torch.stack([x, y], -1).view(1, -1, 2)
    source = target @ inverse.mT + offset.mT  # (N, size * size, 2)
    grid = ((2 * source + 1) / side - 1).view(-1, size, size, 2)
    centred = images.to(torch.float32, memory_format=torch.contiguous_format).sub_(GREY)
    return functional.grid_sample(centred, grid, mode="bilinear", align_corners=False).add_(GREY)
