"""Networks on a CPU by OpenVINO: the same maps, for sizes that come often."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from lift3d.detectors import hourglass, openvino_net
from lift3d.detectors.fast_net import FastNet
from lift3d.detectors.fused_net import plain
from lift3d.detectors.hourglass import HourglassDetector
from lift3d.detectors.openvino_net import OFTEN, OpenvinoNet, has_openvino, without_telemetry
from lift3d.detectors.packed_filters import left_unpacked
from lift3d.models.encoder_hourglass import EncoderHourglass, EncoderHourglassConfig
from lift3d.poses.errors import BadInput

pytestmark = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is not installed")

IMAGES = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


class OneConv(nn.Module):
    """Give two sums of an image's colours."""

    def __init__(self):
        super().__init__()
        self.conv = plain(nn.Conv2d(3, 2, 1))

    def forward(self, images):
        return [self.conv(images)]


class Unwritable(nn.Module):
    """Give lengths, by a function of torch that is written in no graph."""

    def forward(self, images):
        return [torch.hypot(images, images)]


def passed(net, images):
    """Return the maps of images by OpenVINO, which must take them."""
    maps = OpenvinoNet(net)(images, often=True)
    assert maps is not None
    return maps


def test_the_maps_are_those_of_torch(net):
    images = torch.randn(3, 3, 64, 128)
    quick = FastNet(net, torch.float32)
    for ours, theirs in zip(passed(quick._net, images), quick(images), strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()
        assert (ours != theirs).any()


def test_an_images_maps_depend_on_it_alone(net):
    quick = FastNet(net, torch.float32)._net
    images, before = torch.randn(3, 3, 64, 64), torch.get_num_threads()
    together = passed(quick, images)[-1]
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            alone = passed(quick, images[1:2])[-1]
            assert (alone == together[1:2]).all()
    finally:
        torch.set_num_threads(before)


def test_it_takes_sizes_that_come_often():
    quick = OpenvinoNet(OneConv())
    assert quick(IMAGES.expand(OFTEN, -1, -1, -1)) is None
    assert quick(IMAGES[..., :32]) is None
    assert quick(IMAGES) is not None
    assert quick(IMAGES[..., :32]) is None
    assert quick(IMAGES[..., :32], often=True) is not None
    assert quick(IMAGES[:0], often=True) is None


def test_so_many_sizes_are_kept(monkeypatch):
    monkeypatch.setattr(openvino_net, "MOST_SIZES", 2)
    quick = OpenvinoNet(OneConv())
    for width in (32, 64, 32, 96):
        assert quick(torch.zeros(1, 3, 32, width), often=True) is not None
    assert [width for _, width, _ in quick._ready] == [64, 96]
    for _ in range(OFTEN + 1):
        assert quick(torch.zeros(1, 3, 32, 32)) is None
    assert quick(torch.zeros(1, 3, 32, 96)) is not None


def test_networks_may_start_it_in_several_threads_at_once(monkeypatch):
    monkeypatch.setattr(openvino_net, "_STARTED", [])
    nets = [OpenvinoNet(OneConv()) for _ in range(3)]
    together = threading.Barrier(3)

    def first(net):
        together.wait()
        return net(IMAGES, often=True)

    with ThreadPoolExecutor(3) as pool:
        assert all(maps is not None for maps in pool.map(first, nets))


def test_what_an_image_of_the_recording_left_in_the_graph_is_noticed(caplog):
    class Halved(nn.Module):
        def forward(self, images):
            return [sum(images.chunk(2, -1))]

    assert OpenvinoNet(Halved())(IMAGES, often=True) is None
    assert "OpenVINO is not used: " in caplog.text


def test_a_size_that_does_not_fit_is_refused_and_others_go_on():
    quick = OpenvinoNet(EncoderHourglass(EncoderHourglassConfig(features=16)).eval())
    with left_unpacked(), pytest.raises(BadInput):
        quick(torch.zeros(1, 3, 65, 64), often=True)
    assert quick._works


def test_torch_goes_on_in_another_process_as_after_a_fork(monkeypatch):
    quick = OpenvinoNet(OneConv())
    assert quick(IMAGES, often=True) is not None
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert quick(IMAGES, often=True) is None


@pytest.mark.parametrize("spoiled", ["function", "maps"])
def test_torch_goes_on_where_it_cannot(spoiled, caplog, monkeypatch):
    if spoiled == "maps":
        monkeypatch.setattr(openvino_net, "UNLIKE", -1.0)
    quick = OpenvinoNet(OneConv() if spoiled == "maps" else Unwritable())
    assert quick(IMAGES, often=True) is None
    assert quick(IMAGES, often=True) is None
    reason = "torch.hypot" if spoiled == "function" else "its maps differ from torch's"
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("OpenVINO is not used: ")
    assert reason in caplog.messages[0]


def test_nobody_is_told_of_the_import():
    script = """
import sys
from lift3d.detectors.openvino_net import without_telemetry
with without_telemetry():
    import openvino
loaded = [name for name in sys.modules if name.startswith("openvino_telemetry")]
assert loaded == [], loaded
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_ctrl_c_is_heard_after_a_network_is_left_in_another_thread():
    script = """
import faulthandler, gc, signal, threading
faulthandler.enable()  # lets signals have a stack of their own
import torch
from lift3d.detectors.fused_net import plain
from lift3d.detectors.openvino_net import Passes
conv = plain(torch.nn.Conv2d(3, 2, 1))
net = torch.nn.Identity()
net.forward = lambda images: [conv(images)]
kept = [Passes(net, 32, 32, 1)]
def leave():
    kept.clear()
    gc.collect()
thread = threading.Thread(target=leave)
thread.start()
thread.join()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_what_others_imported_stays(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino_telemetry", np)
    with without_telemetry():
        assert sys.modules["openvino_telemetry"] is None
    assert sys.modules["openvino_telemetry"] is np


@pytest.mark.parametrize(
    ("precision", "quickest", "taken"),
    [
        ("auto", torch.float32, True),
        ("auto", torch.bfloat16, False),
        ("float32", torch.float32, False),
    ],
)
def test_the_detector_runs_by_it_where_float32_is_quickest(precision, quickest, taken, monkeypatch):
    monkeypatch.setattr(hourglass, "dtype_for", lambda *_: quickest)
    detector = HourglassDetector(device="cpu", precision=precision)
    for net in (detector._people.net, detector.looks.joints.net):
        assert (net._openvino is not None) == taken


def test_all_frames_of_a_video_run_by_it(monkeypatch):
    monkeypatch.setattr(hourglass, "dtype_for", lambda *_: torch.float32)
    detector = HourglassDetector(device="cpu", search_size=64)
    frames = [np.zeros((64, 64, 3), np.uint8)] * 2
    detector.detect(frames)
    assert not detector._people.net._openvino._ready
    detector.detect_frames(frames, [0.0, 0.1])
    assert detector._people.net._openvino._ready
    assert detector.looks.joints.net.often
