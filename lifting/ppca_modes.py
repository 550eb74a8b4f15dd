"""Choose among the refined solutions those that really differ."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..poses import get_skeleton
from .ppca_solve import Solved

Array = NDArray[np.floating]

DIFFERENT = 0.05  # mean joint distance in body sizes, about 55 mm


@dataclass(frozen=True)
class LiftedModes:
    """M solutions for each of N 2D poses, the most probable first; NaN where there is none.

    Attributes:
        joints_mm: (N, M, 17, 3) float32, camera frame, relative to the pelvis.
        log_probability: (N, M) but for a constant of each pose; -inf where there is none.
        covariance_mm2: (N, M, 17, 3, 3) of each joint about that solution, relative to the pelvis,
            camera axes; None where the solutions were not refined.
        scale_px_per_mm: (N, M) and
        offset_px: (N, M, 2) the weak-perspective cameras.
        root_mm: (N, M, 3) the pelvis in the camera frame; None without a focal length.
    """

    joints_mm: Array
    log_probability: Array
    covariance_mm2: Array | None
    scale_px_per_mm: Array
    offset_px: Array
    root_mm: Array | None


def different_modes(solved: Solved, modes: int) -> tuple[NDArray[np.integer], Array]:
    """Return the most probable solutions that differ in the mean joint by 5 % of the body.

    Args:
        solved: C candidates for each of N poses.
        modes: M, how many.

    Returns:
        (N, M) which candidates, and (N, M) their energies, inf where there is none.
    """
    energy = torch.nan_to_num(solved.energy, nan=torch.inf, posinf=torch.inf)
    chosen = energy.argmin(dim=1, keepdim=True)
    lowest = energy.gather(1, chosen)
    if modes > 1:
        skeleton = get_skeleton("h36m17")
        parents, children = torch.tensor(skeleton.bones, device=energy.device).T
        limbs = solved.pose[:, :, children] - solved.pose[:, :, parents]
        size = limbs.square().sum(dim=(2, 3)).sqrt()
        relative = solved.pose - solved.pose[:, :, skeleton.root, None]
        relative = relative / size[..., None, None].clamp(min=1e-9)
        picks, energies = [chosen], [lowest]
        for _ in range(modes - 1):
            index = picks[-1][..., None, None].expand(-1, -1, *relative.shape[2:])
            last = relative.gather(1, index)
            near = (relative - last).norm(dim=-1).mean(dim=-1) < DIFFERENT
            energy = torch.where(near, torch.inf, energy)
            picks.append(energy.argmin(dim=1, keepdim=True))
            energies.append(energy.gather(1, picks[-1]))
        chosen, lowest = torch.cat(picks, dim=1), torch.cat(energies, dim=1)
    return chosen.cpu().numpy(), lowest.cpu().double().numpy()
