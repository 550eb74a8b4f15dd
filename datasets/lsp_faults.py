"""Wrong labels of LSP extended, and what to do about each.

LSP extended's joints were marked by many hands over the internet. `lsp_faults.csv` lists the photos
whose labels contradict themselves or what two networks saw, each trained on the other half of the
photos (`lift3d train lsp-faults` finds them): arms or legs, or both, with left and right
exchanged, and people whose labels are somewhere else altogether.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np

from ..poses.errors import BadInput
from ..poses.skeleton import get_skeleton

PATH = Path(__file__).with_name("lsp_faults.csv")
MPII = get_skeleton("mpii16")
SIDES = ("left", "right")
ARMS = [MPII.index(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist") for side in SIDES]
LEGS = [MPII.index(f"{side}_{joint}") for joint in ("hip", "knee", "ankle") for side in SIDES]
EXCHANGED = {"arms": ARMS, "legs": LEGS, "all": ARMS + LEGS}


def lsp_number(photo: str) -> int:
    """Return the number of a photo of LSP extended by its name.

    Raises:
        BadInput: the name is none of theirs.

    >>> lsp_number("im00012"), lsp_number("00012")
    (12, 12)
    """
    number = photo.removeprefix("im")
    if not number.isdecimal():
        raise BadInput(f"photos of LSP extended are called im00001 or 00001, got {photo!r}")
    return int(number)


@cache
def lsp_faults() -> dict[int, str]:
    """Return photo number -> "arms", "legs", "all" (left and right exchanged) or "drop"."""
    with PATH.open(newline="") as file:
        return {int(row["photo"]): row["fault"] for row in csv.DictReader(file)}


def mend_lsp_extended(number: np.ndarray, joints_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exchange what is exchanged in the labels, and say which people to keep.

    Args:
        number: (N,) photo numbers of LSP extended, from 1.
        joints_px: (N, 16, 2) `mpii16`, as labelled.

    Returns:
        The joints with their own left and right, and a mask (N,) of the people to keep.
    """
    mended, keep = joints_px.copy(), np.ones(len(number), bool)
    for row, photo in enumerate(number):
        fault = lsp_faults().get(int(photo))
        if fault == "drop":
            keep[row] = False
        elif fault:
            joints = EXCHANGED[fault]
            mended[row, joints] = joints_px[row, MPII.flip_index[joints]]
    return mended, keep
