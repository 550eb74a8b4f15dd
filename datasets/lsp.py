"""Leeds Sports Pose and its extension: the readers of their official folders."""

from pathlib import Path
from typing import Literal

import numpy as np

from ..poses.errors import BadInput, DecodeError
from .labels import PersonLabels, mpii16_rows
from .mat_files import read_mat

N_TRAIN = 1000
RENAMED = {"neck": "upper_neck"}


def read_lsp(folder: str | Path, split: Literal["train", "test"]) -> PersonLabels:
    """Read Leeds Sports Pose (Johnson and Everingham, BMVC 2010): 1000 + 1000 photos.

    The folder holds `joints.mat`, "joints" (3, 14, 2000), and `images/im0001.jpg` to
    `images/im2000.jpg`; the first 1000 train, the last 1000 test. One person a photo. The third
    row is 1 for joints that are hidden; they are labelled all the same.

    LSP's "neck" becomes `upper_neck` and its "head top" `head_top`, as the field does that trains
    on LSP and MPII together; `pelvis` and `thorax` stay NaN. Coordinates come from MATLAB, whose
    first pixel is 1: 1 is subtracted. The authors do not state it, and some readers keep the
    numbers as they are; on these photos the labels are rougher than that.

    Args:
        folder: the folder with `joints.mat` and `images`.
        split: "train" or "test".

    Raises:
        BadInput: no such split.
        DecodeError: joints.mat is missing, damaged or not LSP's.
    """
    if split not in ("train", "test"):
        raise BadInput(f"split must be 'train' or 'test', got {split!r}")
    path = Path(folder) / "joints.mat"
    table = _read_table(path, (3, 14), "with (14, 3, N) use read_lsp_extended")
    rows = range(N_TRAIN) if split == "train" else range(N_TRAIN, 2 * N_TRAIN)
    if table.shape[2] != 2 * N_TRAIN:
        raise DecodeError(f"{path} must label {2 * N_TRAIN} photos, got {table.shape[2]}")
    table = table[:, :, rows].transpose(2, 1, 0)  # (3, 14, N) -> (N, 14, 3)
    names = [f"im{row + 1:04d}.jpg" for row in rows]
    return _to_labels(Path(folder), names, table[..., :2], table[..., 2] == 1, "lsp")


def read_lsp_extended(folder: str | Path) -> PersonLabels:
    """Read LSP extended (Johnson and Everingham, CVPR 2011): 10,000 photos to train on.

    The folder (`lspet_dataset` or `hr-lspet`) holds `joints.mat`, "joints" (14, 3, 10000), and
    `images/im00001.jpg` and so on. One person a photo. The axes stand in another order than in
    LSP, and the third column means the opposite: 1 is a joint that is seen. Where it is 0 the
    joint is not labelled (its coordinates are no place in the photo) and becomes NaN. Names and
    the subtracted 1: as in `read_lsp`.

    Raises:
        DecodeError: joints.mat is missing, damaged or not LSP extended's.
    """
    table = _read_table(Path(folder) / "joints.mat", (14, 3), "with (3, 14, N) use read_lsp")
    table = table.transpose(2, 0, 1)  # (14, 3, N) -> (N, 14, 3)
    names = [f"im{row + 1:05d}.jpg" for row in range(len(table))]
    labelled = table[..., 2] == 1
    joints = np.where(labelled[..., None], table[..., :2], np.nan)
    return _to_labels(Path(folder), names, joints, np.zeros_like(labelled), "lspet")


def _read_table(path: Path, axes: tuple[int, int], hint: str) -> np.ndarray:
    table = np.asarray(read_mat(path, "joints"))
    if table.ndim != 3 or table.shape[:2] != axes or table.dtype.kind not in "fiu":
        expected = f"({axes[0]}, {axes[1]}, N)"
        raise DecodeError(f"joints in {path} must have shape {expected}, got {table.shape}; {hint}")
    return table.astype(np.float64)


def _to_labels(
    folder: Path, names: list[str], lsp14_px: np.ndarray, lsp14_hidden: np.ndarray, source: str
) -> PersonLabels:
    """Return labels of one person a photo from joints (N, 14, 2) that count pixels from 1."""
    N = len(names)
    theirs, ours = mpii16_rows("lsp14", RENAMED)
    joints = np.full((N, 16, 2), np.nan, np.float32)
    joints[:, ours] = lsp14_px[:, theirs] - 1
    hidden = np.zeros((N, 16), bool)
    hidden[:, ours] = lsp14_hidden[:, theirs]
    paths = [folder / "images" / name for name in names]
    no_boxes = np.full((N, 4), np.nan, np.float32)
    return PersonLabels(paths, np.arange(N), joints, hidden, no_boxes, source)
