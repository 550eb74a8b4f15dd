"""The fusion lifter: what the network gets from crops and maps, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.lifting.fusion import FusionLifter
from lift3d.models.fusion_config import ConvShape, FusionConfig
from lift3d.models.fusion_net import FusionNet, image_input
from lift3d.models.load_fusion import save_fusion
from lift3d.pipelines.conformance import check_lifter
from lift3d.poses import Pose2D, PoseCrop, get_skeleton
from lift3d.poses.errors import BadInput, NotFitted

TINY = FusionConfig(
    (ConvShape(4, 4, 3, 2), ConvShape(6, 6, 3, 2)), ((12, 8),), fusion=1, input_size=64
)
MPII = get_skeleton("mpii16")


@pytest.fixture
def lifter():
    torch.manual_seed(0)
    return FusionLifter.of(FusionNet(TINY))


@pytest.fixture
def pose():
    """A person in a photo whose crop begins at pixel (100, 50), two photo pixels a crop pixel."""
    rng = np.random.default_rng(0)
    crop_px = rng.uniform(10, 80, (16, 2))
    image = rng.integers(0, 256, (96, 96, 3), np.uint8)
    to_image = np.array([[2.0, 0, 100], [0, 2.0, 50]])
    return Pose2D(2 * crop_px + [100, 50], np.full(16, 0.7), MPII, crop=PoseCrop(image, to_image))


def with_maps(pose, cells_px, stride=4):
    """Return the pose with a map of one hot cell for each joint."""
    side = 96 // stride
    maps = np.zeros((16, side, side), np.float32)
    for k, (x, y) in enumerate(cells_px):
        maps[k, y, x] = 0.01  # of a detector whose maps are small
    to_image = pose.crop.to_image
    shift = to_image[:, :2].sum(1) * (stride - 1) / 2 + to_image[:, 2]
    to_photo = np.c_[to_image[:, :2] * stride, shift]
    crop = replace(pose.crop, heatmaps=maps, heatmap_to_image=to_photo)
    return replace(pose, crop=crop)


def middle(maps):
    """Return the mean place (K, 2) of maps (K, S, S)."""
    reach = torch.arange(maps.shape[-1], dtype=maps.dtype)
    total = maps.sum((1, 2))
    x, y = (maps.sum(1) * reach).sum(1), (maps.sum(2) * reach).sum(1)
    return torch.stack([x, y], -1) / total[:, None]


def test_the_lifter_keeps_the_contract(lifter):
    check_lifter(lifter)


def test_maps_are_drawn_where_the_joints_lie_in_the_crop(lifter, pose):
    image, maps = lifter.network_inputs(pose)

    wanted = (pose.joints_px - [100, 50]) / 2  # crop pixels
    wanted = (wanted + 0.5) * (64 / 96) - 0.5  # of the network's input
    assert image.shape == (3, 64, 64)
    inside = (maps.amax((1, 2)) > 0.5).numpy()
    np.testing.assert_allclose(middle(maps).numpy()[inside], wanted[inside], atol=0.1)
    assert inside.sum() > 12


def test_a_detectors_maps_are_taken_with_the_confidence_as_their_peak(lifter, pose):
    cells = np.random.default_rng(1).integers(3, 20, (16, 2))

    maps = lifter.network_inputs(with_maps(pose, cells))[1]

    wanted = (4 * cells + 1.5 + 0.5) * (64 / 96) - 0.5
    np.testing.assert_allclose(middle(maps).numpy(), wanted, atol=0.1)
    assert 0.4 < float(maps.amax((1, 2)).min()) <= float(maps.amax()) <= 0.7


def test_a_joint_of_confidence_0_has_an_empty_map_with_and_without_heatmaps(lifter, pose):
    confidence = np.full(16, 0.7)
    confidence[3] = 0
    for given in (pose, with_maps(pose, np.full((16, 2), 9))):
        maps = lifter.network_inputs(replace(given, confidence=confidence))[1]
        assert (maps[3] == 0).all()
        assert (maps[4] > 0).any()


def test_coco_maps_serve_and_what_coco_lacks_is_drawn_or_empty(lifter, pose):
    coco = get_skeleton("coco17")
    joints_px = np.random.default_rng(2).uniform(130, 250, (17, 2))
    flat = np.full((17, 24, 24), 1.0, np.float32)
    to_photo = np.array([[8.0, 0, 103], [0, 8.0, 53]])
    crop = replace(pose.crop, heatmaps=flat, heatmap_to_image=to_photo)
    maps = lifter.network_inputs(Pose2D(joints_px, np.ones(17), coco, crop=crop))[1]

    assert (maps[MPII.index("head_top")] == 0).all()
    hips = [coco.index(f"{side}_hip") for side in ("left", "right")]
    pelvis = (joints_px[hips].mean(0) - [100, 50]) / 2
    wanted = (pelvis + 0.5) * (64 / 96) - 0.5
    found = middle(maps[[MPII.index("pelvis")]])[0]
    np.testing.assert_allclose(found.numpy(), wanted, atol=0.2)
    assert maps[MPII.index("left_wrist")].std() < 0.1  # the detector's own, flat


def test_the_crop_of_the_input_size_is_taken_as_it_is(lifter, pose):
    image = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    given = replace(pose, crop=PoseCrop(image, pose.crop.to_image))

    taken = lifter.network_inputs(given)[0]

    torch.testing.assert_close(taken, image_input(torch.from_numpy(image).permute(2, 0, 1)))


def test_lifting_gives_millimetres_camera_and_confidence(lifter, pose):
    lifted = lifter.lift([pose, with_maps(pose, np.full((16, 2), 9))])

    net = lifter.net_
    inputs = [part[None] for part in lifter.network_inputs(pose)]
    np.testing.assert_allclose(lifted[0].joints_mm, 250 * net(*inputs)[0].numpy(), atol=1e-3)
    assert lifted[0].pose2d is pose
    seen = lifted[0].confidence[1]
    assert seen == pytest.approx(0.7)
    assert lifted[0].confidence[7] < seen  # no spine in mpii16
    assert not np.allclose(lifted[0].joints_mm, lifted[1].joints_mm)


def test_the_pose_of_a_turned_crop_is_in_the_axes_of_the_photo(lifter, pose):
    plain = lifter.lift([pose])[0].joints_mm
    quarter = np.array([[0.0, -1], [1, 0]])  # clockwise in the photo
    to_photo = np.c_[2 * quarter, [300.0, 50]]
    joints_px = (pose.joints_px - [100, 50]) / 2 @ to_photo[:, :2].T + to_photo[:, 2]
    turned = replace(pose, joints_px=joints_px, crop=replace(pose.crop, to_image=to_photo))

    lifted = lifter.lift([turned])[0].joints_mm

    np.testing.assert_allclose(lifted[:, :2], plain[:, :2] @ quarter.T, atol=0.1)
    np.testing.assert_allclose(lifted[:, 2], plain[:, 2], atol=0.1)


def test_a_pose_with_too_few_joints_comes_back_as_nan(lifter, pose):
    confidence = np.zeros(16)
    confidence[[10, 11]] = 1

    lifted = lifter.lift([replace(pose, confidence=confidence)])[0]

    assert np.isnan(lifted.joints_mm).all()
    assert (lifted.confidence == 0).all()
    assert lifted.camera is None


def test_more_poses_than_a_batch_come_back_in_order(lifter, pose):
    moved = [replace(pose, joints_px=pose.joints_px + k) for k in range(35)]

    lifted = lifter.lift(moved)

    alone = lifter.lift([moved[33]])[0]
    np.testing.assert_allclose(lifted[33].joints_mm, alone.joints_mm, atol=1e-2)


def test_without_a_network_lifting_is_a_named_error(pose):
    with pytest.raises(NotFitted) as failure:
        FusionLifter().lift([pose])
    assert str(failure.value) == (
        "this FusionLifter has no network yet; train one with `lift3d train fusion` and use "
        "FusionLifter.load(path)"
    )


def test_a_pose_without_a_crop_is_named(lifter, pose):
    with pytest.raises(BadInput) as failure:
        lifter.lift([replace(pose, crop=None)])
    assert str(failure.value) == (
        "the fusion lifter needs each person's crop, and a pose has none; use a detector that "
        "gives crops, such as 'hourglass' with with_maps=True"
    )


@pytest.mark.parametrize("shape", [(64, 96), (32, 32)])
def test_a_crop_of_the_wrong_size_is_named(lifter, pose, shape):
    crop = PoseCrop(np.zeros((*shape, 3), np.uint8), pose.crop.to_image)
    with pytest.raises(BadInput) as failure:
        lifter.lift([replace(pose, crop=crop)])
    assert str(failure.value) == (
        "the crop of a person must be square, of 48 pixels or more, got "
        f"{shape[1]} x {shape[0]}; cut a square round the person"
    )


def test_joints_alone_are_refused(lifter, pose):
    with pytest.raises(BadInput) as failure:
        lifter.lift_arrays(pose.joints_px[None], skeleton="mpii16")
    assert str(failure.value) == (
        "the fusion lifter looks at the picture, which arrays of joints do not have; call "
        "lift(poses) with each Pose2D's crop, or use the lifter 'consensus'"
    )


def test_weights_load_pruned(tmp_path, pose):
    torch.manual_seed(0)
    net = FusionNet(replace(TINY, fusion="trainable")).eval()
    net.settle()
    save_fusion(tmp_path / "whole.safetensors", net, {})

    loaded = FusionLifter.load(tmp_path / "whole.safetensors")

    assert loaded.net_.config.fusion == 1
    assert np.isfinite(loaded.lift([pose])[0].joints_mm).all()
