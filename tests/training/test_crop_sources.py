"""Where the crops of a training come from: nobody to learn from, or to validate with, is told."""

import numpy as np
import pytest

from lift3d.datasets.crops import CropSet
from lift3d.poses.errors import BadInput
from lift3d.training.crop_sources import CropSources


@pytest.mark.parametrize(("counts", "what"), [((3, 0), "validate with"), ((0, 3), "train on")])
def test_parts_without_anybody_are_told(tmp_path, monkeypatch, counts, what):
    def read(path, split):
        count = counts[split]
        names = np.array(["coco"] * count)
        joints_px = np.zeros((count, 16, 2), np.float32)
        return CropSet(np.zeros((count, 8, 8, 3), np.uint8), joints_px, names, names)

    monkeypatch.setattr("lift3d.training.crop_sources.read_crops_pack", read)
    with pytest.raises(BadInput, match=f"there is nobody to {what} in the data given"):
        CropSources(crops=tmp_path / "crops.npz").read()
