"""The detector's parts on torch's device without numbers: what mixes devices fails as on a GPU."""

import numpy as np
import pytest
import torch

from lift3d.detectors.crop_inference import infer_crops
from lift3d.detectors.device_frames import cut_squares, fit_frames
from lift3d.detectors.fused_net import fuse
from lift3d.models.load import load_hourglass
from lift3d.poses import get_skeleton

META = torch.device("meta")


@pytest.mark.parametrize("weights", ["hourglass-s", "hourglass-m", "people"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_fused_network_stays_on_its_device(weights, dtype):
    net = fuse(load_hourglass(weights, torch.device("cpu")).net, dtype).to(META)
    maps = net(torch.empty(2, 3, 256, 256, dtype=dtype, device=META))[-1]
    assert maps.device == META
    assert maps.shape[2:] == (64, 64)


def test_joints_are_read_where_the_maps_are():
    loaded = load_hourglass("hourglass-s", torch.device("cpu"))
    net, flip_index = loaded.net.to(META), get_skeleton("mpii16").flip_index
    inputs = torch.empty(2, 3, 256, 256, device=META)
    found = infer_crops(net, inputs, flip_index, loaded.calibration)
    assert found.joints_px.device == found.confidence.device == found.maps.device == META


def test_frames_are_cut_where_they_are():
    frames = torch.empty(3, 3, 720, 1280, dtype=torch.uint8, device=META)
    assert fit_frames(frames[[0, 2]], 640, 32)[0].device == META
    centre, side = np.full((4, 2), 300.0), np.array([100.0, 300, 600, 1200])
    assert cut_squares(frames, np.array([0, 1, 2, 2]), centre, side, 256).device == META
