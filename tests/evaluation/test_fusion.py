"""Errors of lifters that look at pictures, projection on photos, correlation of the streams."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lift3d.datasets.crops import CropSet
from lift3d.detectors.crop_inference import read_joints
from lift3d.evaluation.fusion import (
    PictureSet,
    detected_poses,
    known_poses,
    photo_scores,
    projected_px,
    score_poses,
)
from lift3d.evaluation.stream_correlation import StreamCorrelation, stream_correlation
from lift3d.models.fusion_config import ConvShape, FusionConfig
from lift3d.models.fusion_net import FusionNet
from lift3d.models.hourglass import HourglassConfig, StackedHourglass
from lift3d.models.load import LoadedHourglass
from lift3d.poses import Pose3D, WeakPerspective, convert_joints, get_skeleton
from lift3d.poses.errors import BadInput

BODY = get_skeleton("h36m17")


def person(seed=0, size=64):
    rng = np.random.default_rng(seed)
    joints_mm = rng.normal(0, 300, (17, 3))
    joints_mm -= joints_mm[0]
    image = rng.integers(0, 256, (size, size, 3), np.uint8)
    return SimpleNamespace(image=image, joints_px=rng.uniform(5, 59, (17, 2)), joints_mm=joints_mm)


@pytest.fixture
def pictures():
    return PictureSet.of([person(seed) for seed in range(5)])


class Off:
    """Lifts to the truth, scaled, with one pose lost."""

    def __init__(self, joints_mm, scale=1.0, lost=()):
        self.joints_mm, self.scale, self.lost = joints_mm, scale, lost

    def lift(self, poses):
        lifted = self.scale * self.joints_mm.astype(float)
        lifted[list(self.lost)] = np.nan
        camera = WeakPerspective(0.05, np.array([30.0, 30.0]))
        return [
            Pose3D(joints_mm, np.ones(17), BODY, camera=camera, pose2d=pose)
            for joints_mm, pose in zip(lifted, poses, strict=True)
        ]


def test_scores_are_errors_over_the_poses_that_were_lifted(pictures):
    truth = pictures.joints_mm

    score = score_poses(Off(truth, 1.1, lost=[2]), known_poses(pictures), truth)

    rows = [0, 1, 3, 4]
    wanted = 0.1 * np.linalg.norm(truth[rows], axis=-1).mean()
    assert score.root_mm == pytest.approx(wanted, rel=1e-4)
    assert score.similarity_mm == pytest.approx(0, abs=1e-3)
    assert score.lifted == 0.8


def test_nothing_lifted_is_nan_and_not_an_error(pictures):
    score = score_poses(
        Off(pictures.joints_mm, lost=range(5)), known_poses(pictures), pictures.joints_mm
    )
    assert np.isnan(score.root_mm)
    assert score.lifted == 0


def test_joints_are_projected_by_the_poses_own_camera():
    joints_mm = person().joints_mm
    pose = Pose3D(joints_mm, np.ones(17), BODY, camera=WeakPerspective(0.1, np.array([5.0, 7.0])))

    flat = projected_px(pose)

    wanted = convert_joints(0.1 * joints_mm[:, :2] + [5, 7], None, BODY, "mpii16").joints
    np.testing.assert_allclose(flat, wanted)
    assert np.isnan(projected_px(Pose3D(joints_mm, np.ones(17), BODY))).all()


def test_photos_are_scored_for_the_projection_and_for_the_detector(pictures):
    poses = known_poses(pictures)
    lifter = Off(pictures.joints_mm, lost=[1])
    labels = np.stack([projected_px(pose) for pose in lifter.lift(poses)])
    labels[1] = labels[0]  # the pose that was lost counts as wrong
    crops = CropSet(pictures.images, labels, np.array(["a"] * 5), np.arange(5).astype(str))

    scores = photo_scores(lifter, poses, crops)

    assert scores["projected"] == pytest.approx(0.8)
    assert scores["detector"] < 0.5


def test_a_detector_looks_at_the_whole_picture_and_keeps_its_maps(pictures):
    torch.manual_seed(0)
    config = HourglassConfig(stacks=1, features=16, depth=2, output="softmax")
    detector = LoadedHourglass(StackedHourglass(config).eval(), "mpii16", 32)

    poses = detected_poses(detector, pictures.images, torch.device("cpu"))

    assert len(poses) == 5
    crop = poses[3].crop
    assert crop.image is not None
    assert crop.heatmaps.shape == (16, 8, 8)
    # a cell is 8 of the picture's pixels; the first one's centre is pixel 3.5
    np.testing.assert_allclose(crop.heatmap_to_image, [[8, 0, 3.5], [0, 8, 3.5]])
    cells = read_joints(torch.from_numpy(crop.heatmaps), "softmax").numpy()
    at = cells @ crop.heatmap_to_image[:, :2].T + crop.heatmap_to_image[:, 2]
    np.testing.assert_allclose(at, poses[3].joints_px, atol=0.01)


def test_the_digest_is_that_of_the_joints(pictures):
    again = PictureSet.of([person(seed) for seed in range(5)])
    other = PictureSet.of([person(seed) for seed in range(1, 6)])

    assert pictures.digest() == again.digest() != other.digest()


def test_sets_without_people_or_of_several_sizes_are_named():
    with pytest.raises(BadInput) as failure:
        PictureSet.of([])
    assert str(failure.value) == (
        "there are no people to measure on; give shards that are not empty"
    )
    with pytest.raises(BadInput, match="all pictures must have one size"):
        PictureSet.of([person(), person(size=32)])


def network(fusion):
    torch.manual_seed(0)
    convs = (ConvShape(3, 2, 3, 2), ConvShape(4, 3, 3, 2))
    return FusionNet(FusionConfig(convs, ((8, 8),), fusion=fusion, input_size=16)).eval()


def batches(count=3):
    rng = torch.Generator().manual_seed(0)
    for _ in range(count):
        yield torch.randn(8, 3, 16, 16, generator=rng), torch.rand(8, 16, 16, 16, generator=rng)


def test_the_correlations_are_pearsons_over_images_and_places():
    net = network(2)
    found = stream_correlation(net, batches())

    features = []
    with torch.no_grad():
        for image, maps in batches():
            both = torch.cat(net.stream_outputs(image, maps, 2), 1)
            features.append(both.permute(1, 0, 2, 3).flatten(1))
    values = torch.cat(features, 1).double().numpy()
    moving = values.std(1) > 0
    wanted = np.zeros((7, 7))
    wanted[np.ix_(moving, moving)] = np.corrcoef(values[moving]) ** 2
    np.fill_diagonal(wanted, 1)
    np.testing.assert_allclose(found.r_squared, wanted, atol=1e-6)
    assert (found.n_image, found.layer) == (4, 2)


def test_of_a_pruned_network_the_last_layer_left_is_taken():
    found = stream_correlation(network(1), batches())
    assert (found.n_image, found.layer, found.r_squared.shape) == (3, 1, (5, 5))


def test_the_means_are_of_the_blocks_without_the_diagonal():
    r = np.eye(4)
    r[0, 1] = r[1, 0] = 0.5
    r[:2, 2:] = r[2:, :2] = 0.25

    means = StreamCorrelation(r, 2, 1).means()

    assert means == {"image": 0.5, "maps": 0.0, "across": 0.25}


def test_the_picture_shows_the_matrix_between_names_and_above_a_scale():
    picture = StreamCorrelation(np.eye(60), 40, 1).picture(cell=4)

    assert picture.shape == (240 + 72, 240 + 48, 3)
    matrix, scale = picture[24:264, 24:264], picture[277, 24:264].astype(int)
    assert (matrix[159] == 255).all()
    dark, bright = matrix[1, 9], matrix[1, 1]
    assert bright.sum() > dark.sum()
    np.testing.assert_array_equal(scale[[0, -1]], [dark, bright])
    named = (picture < 128).all(axis=-1)
    for names in (named[:24, 24:264], named[24:264, :24].T[:, ::-1]):
        along = np.flatnonzero(names.any(axis=0))
        assert min(abs(along - 80)) < 5 or min(abs(along - 160)) < 5
        assert (names.sum(), len(along)) > (100, 40)
    np.testing.assert_array_equal(np.rot90(named[24:264, :24], -1)[:, 80:], named[:24, 24:184])


def test_the_picture_of_few_features_has_room_for_the_names():
    picture = StreamCorrelation(np.eye(5), 3, 1).picture()
    assert picture.shape == (240 + 72, 240 + 48, 3)


def test_an_early_fusion_has_no_streams_to_compare():
    with pytest.raises(BadInput) as failure:
        stream_correlation(network(0), batches())
    assert str(failure.value) == (
        "this network's streams have no layer of their own (fusion 0); give one that was trained "
        "with a later fusion"
    )
