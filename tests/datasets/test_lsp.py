"""Leeds Sports Pose and its extension, in tiny folders of the official layouts."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from lift3d.datasets.lsp import read_lsp, read_lsp_extended
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput, DecodeError

MPII = get_skeleton("mpii16")
LSP = get_skeleton("lsp14")


@pytest.fixture
def lsp(tmp_path: Path) -> Path:
    table = np.zeros((3, 14, 2000))
    table[0] = np.arange(14)[:, None] * 10 + 1  # MATLAB's x of joint j: 10 j + 1
    table[1] = np.arange(2000) + 1
    table[2, LSP.index("left_wrist"), 1] = 1
    savemat(tmp_path / "joints.mat", {"joints": table})
    return tmp_path


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    table = np.zeros((14, 3, 2))
    table[:, 0] = np.arange(14)[:, None] * 10 + 1
    table[:, 1] = 5
    table[:, 2] = 1
    table[LSP.index("head_top"), :, 1] = -12, -7, 0
    savemat(tmp_path / "joints.mat", {"joints": table})
    return tmp_path


def test_lsp_trains_on_the_first_thousand_photos_and_tests_on_the_last(lsp: Path) -> None:
    train, test = read_lsp(lsp, "train"), read_lsp(lsp, "test")
    assert train.image_paths[0] == lsp / "images" / "im0001.jpg"
    assert train.image_paths[-1].name == "im1000.jpg"
    assert [path.name for path in test.image_paths[::999]] == ["im1001.jpg", "im2000.jpg"]
    assert test.photo.tolist() == list(range(1000))
    assert test.joints_px[0, MPII.index("right_ankle")].tolist() == [0, 1000]
    assert np.isnan(test.box_xyxy_px).all()


def test_lsp_joints_go_by_name_and_its_neck_is_the_upper_neck(lsp: Path) -> None:
    joints = read_lsp(lsp, "train").joints_px[0]
    for name in ("right_ankle", "left_hip", "right_wrist", "left_shoulder", "head_top"):
        assert joints[MPII.index(name)].tolist() == [10 * LSP.index(name), 0]
    assert joints[MPII.index("upper_neck")].tolist() == [10 * LSP.index("neck"), 0]
    assert np.isnan(joints[[MPII.index("pelvis"), MPII.index("thorax")]]).all()


def test_a_flag_of_one_hides_a_joint_in_lsp(lsp: Path) -> None:
    labels = read_lsp(lsp, "train")
    assert np.argwhere(labels.hidden).tolist() == [[1, MPII.index("left_wrist")]]
    assert np.isfinite(labels.joints_px[1, MPII.index("left_wrist")]).all()


def test_a_flag_of_zero_means_unlabelled_in_lsp_extended(extended: Path) -> None:
    labels = read_lsp_extended(extended)
    assert [path.name for path in labels.image_paths] == ["im00001.jpg", "im00002.jpg"]
    assert labels.joints_px[0, MPII.index("head_top")].tolist() == [130, 4]
    assert np.isnan(labels.joints_px[1, MPII.index("head_top")]).all()
    assert np.isfinite(labels.joints_px[1]).all(-1).sum() == 13
    assert not labels.hidden.any()
    assert labels.source == "lspet"


def test_load_returns_the_photo_in_rgb_as_it_is_stored(extended: Path) -> None:
    (extended / "images").mkdir()
    cv2.imwrite(str(extended / "images" / "im00001.jpg"), np.full((8, 12, 3), (255, 0, 0), "u1"))
    image = read_lsp_extended(extended).load(0)
    assert image.shape == (8, 12, 3)
    assert image[4, 6].tolist() == pytest.approx([0, 0, 255], abs=3)


def test_load_names_a_missing_and_a_damaged_photo(extended: Path) -> None:
    path = extended / "images" / "im00001.jpg"
    labels = read_lsp_extended(extended)
    with pytest.raises(DecodeError) as error:
        labels.load(0)
    assert str(error.value) == f"{path} does not exist; unpack the photos of 'lspet' there"
    path.parent.mkdir()
    for content in (b"", b"no picture"):
        path.write_bytes(content)
        with pytest.raises(DecodeError) as error:
            labels.load(0)
        assert str(error.value) == f"{path} cannot be decoded as a picture; fetch it again"


def test_each_reader_refuses_the_axes_of_the_other(lsp: Path) -> None:
    path = lsp / "joints.mat"
    with pytest.raises(DecodeError) as error:
        read_lsp_extended(lsp)
    assert str(error.value) == (
        f"joints in {path} must have shape (14, 3, N), got (3, 14, 2000); "
        "with (3, 14, N) use read_lsp"
    )
    savemat(path, {"joints": np.zeros((14, 3, 5))})
    with pytest.raises(DecodeError) as error:
        read_lsp(lsp, "train")
    assert str(error.value) == (
        f"joints in {path} must have shape (3, 14, N), got (14, 3, 5); "
        "with (14, 3, N) use read_lsp_extended"
    )


def test_lsp_with_another_number_of_photos_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "joints.mat", {"joints": np.zeros((3, 14, 7))})
    with pytest.raises(DecodeError) as error:
        read_lsp(tmp_path, "test")
    assert str(error.value) == f"{tmp_path / 'joints.mat'} must label 2000 photos, got 7"


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        read_lsp(tmp_path, "val")  # type: ignore[arg-type]
    assert str(error.value) == "split must be 'train' or 'test', got 'val'"


def test_missing_damaged_and_foreign_mat_files_are_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "joints.mat"
    with pytest.raises(DecodeError) as error:
        read_lsp(tmp_path, "train")
    assert str(error.value) == f"{path} does not exist; give the data set's official folder"
    savemat(path, {"labels": np.zeros(3), "notes": "none"})
    with pytest.raises(DecodeError) as error:
        read_lsp(tmp_path, "train")
    assert str(error.value) == f"{path} must hold the variable 'joints', got labels, notes"
    savemat(path, {"joints": np.zeros((3, 14, 2000))}, do_compression=True)
    whole = path.read_bytes()
    for content in (b"", b"no MATLAB file" * 40, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(DecodeError, match=r"is no readable MATLAB file \(.+\)$"):
            read_lsp(tmp_path, "train")
