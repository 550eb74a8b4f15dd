"""The focal length of a photo: given, from EXIF, or not known."""

import json
import struct

import cv2
import numpy as np
import pytest

from lift3d.pipelines.find_images import ImageItem
from lift3d.pipelines.photo_camera import PhotoCamera
from lift3d.pipelines.photo_output import PhotoOutput
from lift3d.pipelines.photo_run import run_photos
from lift3d.pipelines.pipeline import Pipeline
from lift3d.poses.errors import BadInput


def with_film_focal(jpeg: bytes, focal_35mm: int) -> bytes:
    """Put an EXIF block that tells the focal length on 35 mm film into a JPEG file."""
    block = b"MM\0*" + struct.pack(">IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0)
    block += struct.pack(">HHHIHHI", 1, 0xA405, 3, 1, focal_35mm, 0, 0)
    body = b"Exif\0\0" + block
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.fixture
def jpeg(bright):
    """A JPEG of one person, 160 x 220, without EXIF."""
    return cv2.imencode(".jpg", bright)[1].tobytes()


def test_a_given_focal_length_or_view_comes_before_exif(tmp_path, jpeg):
    path = tmp_path / "a.jpg"
    path.write_bytes(with_film_focal(jpeg, 28))
    given = PhotoCamera(focal_px=500).of(path, (160, 220))
    assert (given.focal_px, given.centre_px, given.origin) == (500, (79.5, 109.5), "given")
    view = PhotoCamera(fov_deg=90).of(path, (160, 220))
    assert (view.focal_px, view.origin) == (110.0, "given field of view")


def test_exif_tells_the_focal_length(tmp_path, jpeg):
    path = tmp_path / "a.jpg"
    path.write_bytes(with_film_focal(jpeg, 28))
    told = PhotoCamera().of(path, (160, 220))
    # 28 mm times the photo's diagonal, hypot(160, 220) = 272.03 px, over film's, 43.267 mm
    assert told.focal_px == pytest.approx(28 * 272.0294 / 43.2666, rel=1e-5)
    assert told.origin == "EXIF"


def test_without_either_the_camera_is_not_known(tmp_path, jpeg):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg)
    assert PhotoCamera().of(path, (160, 220)) is None
    assert PhotoCamera().of(tmp_path / "gone.jpg", (160, 220)) is None


def test_two_focal_lengths_are_refused():
    with pytest.raises(BadInput) as error:
        PhotoCamera(focal_px=500, fov_deg=60)
    assert str(error.value) == "give focal_px or fov_deg, not both"


def record_of(scripted, folder, data):
    """Run a photo and return its record."""
    path = folder / "photo.jpg"
    path.write_bytes(data)
    pipeline = Pipeline(f"{scripted}:Scripted", device="cpu")
    output = PhotoOutput(folder / "out", ("json", "npz"), pictures=False)
    output.describe(pipeline, "scripted", "consensus")
    outcome = next(iter(run_photos(pipeline, output, [ImageItem(path, "photo")], 1)))
    assert outcome.error is None
    return json.loads(outcome.path.read_text())


def test_a_known_focal_length_places_people_so_that_they_project_to_their_joints(
    scripted, tmp_path, jpeg
):
    record = record_of(scripted, tmp_path, with_film_focal(jpeg, 28))
    camera, person = record["camera"], record["people"][0]
    assert camera["focal_from"] == "EXIF"
    in_camera = np.array(person["joints_mm"]) + person["root_mm"]
    projected = camera["focal_px"] * in_camera[:, :2] / in_camera[:, 2:] + camera["centre_px"]
    names = record["skeleton_3d"]["joints"], record["skeleton_2d"]["joints"]
    shared = ["left_knee", "right_knee", "left_ankle", "right_ankle", "left_wrist", "right_wrist"]
    found = np.array(person["joints_px"])[[names[1].index(name) for name in shared]]
    at = projected[[names[0].index(name) for name in shared]]
    assert np.linalg.norm(at - found, axis=1).mean() < 10  # of a person 200 px tall
    with np.load(tmp_path / "out" / "photo.npz") as arrays:
        np.testing.assert_allclose(arrays["root_mm"][0], person["root_mm"])


def test_a_photo_without_focal_length_has_no_places(scripted, tmp_path, jpeg):
    record = record_of(scripted, tmp_path, jpeg)
    assert "camera" not in record
    assert record["people"][0]["root_mm"] is None
