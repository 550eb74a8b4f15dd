"""Pictures of synthetic people: the body of capsules in poses made here."""

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from lift3d.datasets.mocap import MocapPack
from lift3d.datasets.synthetic import capsule_body, read_body
from lift3d.datasets.synthetic.backgrounds import drawn_background, find_backgrounds
from lift3d.datasets.synthetic.people import SceneRanges, SyntheticPeople
from lift3d.datasets.synthetic.render import Seen
from lift3d.datasets.synthetic.sample import sample_from
from lift3d.datasets.synthetic.validation import digests, validation_people
from lift3d.datasets.synthetic.views import ViewRanges, outside_photo, random_view
from lift3d.datasets.synthetic.visibility import hidden_joints
from lift3d.datasets.synthetic.wardrobe import random_outfit
from lift3d.poses.errors import BadInput, DecodeError

ALONE = SceneRanges(others=0, props=0, patches=0)


@pytest.fixture(scope="module")
def mocap() -> MocapPack:
    """Return two clips of people who stand and sway, of a training and a validation subject."""
    rest = capsule_body().joints_mm
    rng = np.random.default_rng(0)
    poses = rest + rng.normal(0, 25, (8, 17, 3))
    poses[:, [1, 2, 3, 4, 5, 6]] = rest[[1, 2, 3, 4, 5, 6]]
    # arms of the second clip are raised
    poses[4:, [12, 13, 15, 16], 1] += [[500, 900, 500, 900]]
    return MocapPack(
        poses_mm=poses.astype(np.float32),
        clip=np.repeat([0, 1], 4),
        clip_names=np.array(["01_01", "02_01"]),
        clip_subject=np.array([1, 2]),
        clip_fps=np.array([24.0, 24.0]),
        clip_grade=np.array([0, 0]),
        clip_split=np.array([0, 1]),
        clip_description=np.array(["", ""]),
    )


@pytest.fixture(scope="module")
def people(mocap: MocapPack) -> SyntheticPeople:
    return SyntheticPeople(capsule_body(), mocap, size=64, seed=5)


def test_a_sample_depends_on_seed_and_index_alone(people: SyntheticPeople) -> None:
    first, other = people.sample(7), people.sample(8)
    again = replace(people).sample(7)
    assert again.jpeg == first.jpeg
    assert again.to_json() == first.to_json()
    assert np.array_equal(again.mask, first.mask)
    assert other.jpeg != first.jpeg
    assert replace(people, seed=6).sample(7).jpeg != first.jpeg


def test_joints_project_to_their_pixels_and_hang_from_the_pelvis(people: SyntheticPeople) -> None:
    sample = people.sample(3)
    assert sample.image.shape == (64, 64, 3)
    assert sample.image.dtype == np.uint8
    assert sample.joints_mm[0].tolist() == [0, 0, 0]
    projected = sample.camera.project(sample.camera_joints_mm)
    assert projected == pytest.approx(sample.joints_px, abs=0.1)  # labels are rounded
    photo = sample.camera.photo_K @ sample.camera_joints_mm[3]
    assert sample.camera.to_photo(sample.joints_px[3:4])[0] == pytest.approx(
        photo[:2] / photo[2], abs=0.5
    )


def test_a_sample_comes_back_from_its_json(people: SyntheticPeople) -> None:
    sample = people.sample(1)
    mask = cv2.imencode(".png", 255 * sample.mask.astype(np.uint8))[1].tobytes()
    back = sample_from(sample.jpeg, mask, sample.to_json())
    assert back.to_json() == sample.to_json()
    assert np.array_equal(back.mask, sample.mask)
    with pytest.raises(DecodeError, match="a sample's JSON is damaged"):
        sample_from(sample.jpeg, mask, "{}")


def test_joints_of_people_alone_lie_on_their_silhouettes(people: SyntheticPeople) -> None:
    alone = replace(people, scenes=ALONE)
    inside = []
    for index in range(4):
        sample = alone.sample(index)
        at = np.rint(sample.joints_px).astype(int)
        shown = ((at >= 0) & (at < 64)).all(1)
        shown[shown] &= ~outside_photo(sample.camera)[at[shown, 1], at[shown, 0]]
        inside += sample.mask[at[shown, 1], at[shown, 0]].tolist()
        assert sample.visible.sum() >= 5
    assert np.mean(inside) > 0.9


def test_the_split_chooses_the_subjects(people: SyntheticPeople, mocap: MocapPack) -> None:
    assert {people.poses.draw(np.random.default_rng(k))[2][:5] for k in range(9)} == {"01_01"}
    fixed = validation_people(capsule_body(), mocap, size=64)
    pose, _, name = fixed.poses.draw(np.random.default_rng(0))
    assert name.startswith("02_01 frame")
    frame = int(name.split()[-1])
    assert pose == pytest.approx(mocap.poses_mm[4 + frame] - mocap.poses_mm[4 + frame, 0], abs=1e-3)
    with pytest.raises(BadInput) as error:
        _ = replace(people, grades=(2,)).poses
    assert str(error.value) == (
        "the motion capture has no poses of split 0 and grades (2,); "
        "split 0 is for training, 1 validates"
    )


def test_labels_do_not_depend_on_the_background(people: SyntheticPeople, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 50, 3), (10, 20, 200), np.uint8))
    sample = people.sample(2)
    other = replace(people, backgrounds=find_backgrounds(tmp_path)).sample(2)
    assert digests([other])[0] == digests([sample])[0]
    assert digests([other])[1] != digests([sample])[1]


def test_a_broken_photo_is_named_once_and_another_stands_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cv2.imwrite(str(tmp_path / "b.png"), np.full((40, 50, 3), (10, 20, 200), np.uint8))
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "nowhere.jpg")
    folder = find_backgrounds(tmp_path)
    with caplog.at_level(logging.WARNING):
        for seed in range(6):
            piece = folder.piece(16, np.random.default_rng(seed))
            assert piece[8, 8].tolist() == [200, 20, 10]
    text = f"{tmp_path / 'a.jpg'} is no readable photo; another one stands in for it"
    assert caplog.messages == [text]


def test_a_photo_that_is_too_large_for_opencv_is_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"too large")

    def refuses(data: np.ndarray, kind: int) -> None:
        raise cv2.error("pixels <= CV_IO_MAX_IMAGE_PIXELS")

    monkeypatch.setattr(cv2, "imdecode", refuses)
    with pytest.raises(BadInput, match="none of the 1 photos"):
        find_backgrounds(tmp_path).piece(16, np.random.default_rng(0))


def test_folders_without_photos_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        find_backgrounds(tmp_path / "none")
    assert (
        str(error.value)
        == f"{tmp_path / 'none'} is no folder; give a folder of photos without people"
    )
    with pytest.raises(BadInput, match="holds no photos"):
        find_backgrounds(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    with pytest.raises(BadInput) as error:
        find_backgrounds(tmp_path).piece(16, np.random.default_rng(0))
    assert str(error.value) == f"none of the 1 photos in {tmp_path} can be read"


def test_drawn_backgrounds_differ() -> None:
    first, second = (drawn_background(32, 16.0, np.random.default_rng(k)) for k in (0, 1))
    assert first.shape == (32, 32, 3)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("seed", range(6))
def test_views_keep_pitch_and_people_in_their_ranges(seed: int) -> None:
    joints = capsule_body().joints_mm
    ranges = ViewRanges(pitch_deg=(20, 25), cut=0.0)
    view = random_view(joints, 64, ranges, np.random.default_rng(seed))
    assert 20 <= view.crop.pitch_deg <= 25
    ahead = view.camera.R[2]  # the optical axis in the world: it looks down by the pitch
    assert -np.degrees(np.arcsin(ahead[1])) == pytest.approx(view.crop.pitch_deg)
    photo = view.crop.to_photo(view.camera.project(joints))
    assert (photo > 0).all()
    assert (photo < view.crop.photo_size).all()


def test_a_joint_is_hidden_by_others_at_once_and_by_its_own_body_when_far_behind() -> None:
    depth = np.array([1000.0, 1000, 1000, 1000])
    seen = Seen(
        (4, 1), np.arange(4), np.zeros((4, 3)), np.zeros((4, 3)), np.zeros((4, 3)), np.zeros(4),
        depth, owner=np.array([0, 0, 1, 1]),
    )  # fmt: skip
    square = replace(seen, size=(4, 4))
    joints = np.tile([[9.0, 9]], (17, 1))
    joints[[0, 1, 2, 3]] = [[0, 0], [1, 0], [2, 0], [3, 0]]
    joint_depth = np.full(17, 1100.0)
    joint_depth[[1, 3]] = 1300.0, 990.0
    joints[4] = 0, 3
    nothing = np.zeros((4, 4), bool)
    hidden = hidden_joints(square, joints, joint_depth, 1, nothing)
    # 0: within its own body; 1: far behind it; 2: behind another person; 3: in front of them
    assert hidden[:4].tolist() == [False, True, True, False]
    assert not hidden[4]  # nothing is seen there at all
    assert hidden[5:].all()  # outside of the crop
    nothing[3, 0] = True
    assert hidden_joints(square, joints, joint_depth, 1, nothing)[4]


def test_the_body_of_capsules_has_the_bones_and_parts_of_a_pack() -> None:
    body = capsule_body()
    assert len(body.bone_names) == 26
    assert body.skin_weight.sum(1) == pytest.approx(1)
    assert body.is_part("hair").sum() > 10
    assert body.is_part("eye").sum() == 2
    height = np.ptp(body.vertices_mm[:, 1])
    assert 1650 < height < 1800
    tall = body.shaped({"height_max": 0.5})
    assert np.ptp(tall.vertices_mm[:, 1]) == pytest.approx(1.2 * height)


def test_a_body_pack_without_an_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "body.npz", vertices=np.zeros((3, 3)))
    with pytest.raises(DecodeError, match="has no array 'shape_vertices'"):
        read_body(tmp_path / "body.npz", "medium")


@pytest.mark.parametrize("female", [False, True])
def test_an_outfit_comes_of_any_draw(female: bool) -> None:
    worn = [random_outfit(np.random.default_rng(seed), female) for seed in range(4000)]
    assert any(outfit.skirt and not outfit.tops for outfit in worn) == (not female)
