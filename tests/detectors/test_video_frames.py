"""Frames of videos: where people are looked for, boxes between, the quick network, the whole."""

import cv2
import numpy as np
import pytest
import torch

from lift3d.detectors.device_frames import cut_squares, fit_frames, upload_frames
from lift3d.detectors.hourglass import HourglassDetector
from lift3d.detectors.people import FoundPeople, find_people, find_people_alike, fit_photo
from lift3d.detectors.preprocess import cut_square
from lift3d.detectors.video_frames import fill_between, frames_to_look_at, match_boxes
from lift3d.pipelines.stream_workers import map_in_order
from lift3d.poses.errors import BadInput


def found(*people):
    boxes = np.array([box for box, _ in people], float).reshape(-1, 4)
    return FoundPeople(boxes, np.array([score for _, score in people], float))


def test_at_30_frames_a_second_every_fifth_frame_is_looked_at():
    assert frames_to_look_at([k / 30 for k in range(16)]) == [0, 5, 10, 15]


def test_slow_and_uneven_frames_are_looked_at_as_their_times_ask():
    assert frames_to_look_at([0, 0.2, 0.4]) == [0, 1, 2]
    assert frames_to_look_at([0, 0.01, 0.02, 1.0, 1.01]) == [0, 2, 3, 4]
    assert frames_to_look_at([3.0]) == [0]
    assert frames_to_look_at([]) == []


def test_a_box_moves_evenly_over_time_between_two_looks():
    looks = [found(([0, 0, 10, 20], 0.8)), found(([4, 0, 14, 20], 0.4))]
    filled = fill_between([0, 3], looks, [0.0, 0.1, 0.3, 0.4])
    assert len(filled) == 4
    np.testing.assert_allclose(filled[1].box_xyxy_px, [[1, 0, 11, 20]])
    np.testing.assert_allclose(filled[2].box_xyxy_px, [[3, 0, 13, 20]])
    np.testing.assert_allclose(filled[1].score, [0.7])


def test_a_box_stays_between_two_looks_though_times_go_back():
    looks = [found(([0, 0, 10, 20], 0.8)), found(([4, 0, 14, 20], 0.4))]
    for times in ([1.92, 1.96, 0.0, 0.04], [0.0, -5.0, 9.0, 0.1]):
        for people in fill_between([0, 3], looks, times):
            assert 0 <= people.box_xyxy_px[0, 0] <= 4
            assert 0.4 <= people.score[0] <= 0.8


def test_who_is_in_one_look_alone_stays_for_half_the_time():
    looks = [found(([0, 0, 10, 20], 0.8)), found(([50, 0, 60, 20], 0.6))]
    filled = fill_between([0, 4], looks, [0.0, 0.1, 0.2, 0.3, 0.4])
    assert [people.box_xyxy_px[:, 0].tolist() for people in filled] == [[0], [0], [0], [50], [50]]
    assert len(fill_between([0, 2], [found(), found()], [0.0, 0.1, 0.2])[1].score) == 0


def test_boxes_are_matched_by_the_best_overlap_first():
    first = np.array([[0, 0, 10, 10], [5, 0, 15, 10]], float)
    second = np.array([[4, 0, 14, 10], [40, 0, 50, 10]], float)
    assert match_boxes(first, second) == [(1, 0)]
    assert match_boxes(np.zeros((0, 4)), second) == []


def test_a_runners_boxes_that_do_not_overlap_are_one_persons():
    first, second = np.array([[0, 0, 40.0, 160]]), np.array([[60, 0, 104.0, 160]])
    assert match_boxes(first, second) == [(0, 0)]
    assert match_boxes(first, np.add(second, [90, 0, 90, 0])) == []  # too far
    assert match_boxes(first, np.array([[60, 0, 160, 200.0]])) == []  # too large
    standing = np.array([[0, 0, 42.0, 160]])
    assert match_boxes(first, np.concatenate([second, standing])) == [(0, 1)]
    people = [FoundPeople(box, np.array([0.5])) for box in (first, second)]
    between = fill_between([0, 2], people, [0.0, 0.1, 0.2])[1]
    assert between.box_xyxy_px.tolist() == [[30, 0, 72, 160]]


def test_squares_are_cut_on_the_device_as_by_opencv():
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (300, 400, 3), np.uint8), (0, 0), 4)
    frames = upload_frames([image, image[::-1].copy()], torch.device("cpu"))
    centre = np.array([[200.3, 150.6], [390.0, 20.0], [180.0, 140.0]])
    side = np.array([100.0, 90.0, 280.0])
    crops = cut_squares(frames, np.array([0, 0, 1]), centre, side, 64) * 64 + 114
    for k, source in enumerate((image, image, image[::-1])):
        expected = cut_square(source, centre[k], side[k], 64).astype(float)
        gap = np.abs(crops[k].permute(1, 2, 0).numpy() - expected)
        assert np.median(gap) < 0.6  # of 255; OpenCV rounds and interpolates in fixed point
        assert (gap > 8).mean() < 0.03  # the grey border is softer at its edge


def test_frames_are_fitted_on_the_device_as_photos_are():
    image = cv2.GaussianBlur(
        np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8), (0, 0), 4
    )
    inputs, factor = fit_frames(upload_frames([image], torch.device("cpu")), 320, 64)
    picture, expected_factor = fit_photo(image, 320, 64)
    assert factor == expected_factor
    assert inputs.shape == (1, 3, *picture.shape[:2])
    np.testing.assert_allclose(inputs[0].permute(1, 2, 0) * 64 + 114, picture, atol=0.6)


@pytest.fixture(scope="module")
def detector():
    return HourglassDetector(device="cpu")


@pytest.fixture(scope="module")
def frames():
    from pathlib import Path

    import lift3d
    from lift3d import read_image

    person = read_image(Path(lift3d.__file__).parent / "examples" / "person.jpg")
    images = []
    for k in range(6):
        image = np.full((700, 900, 3), 150, np.uint8)
        image[20:660, 100 + 4 * k : 580 + 4 * k] = person
        images.append(image)
    return images


@pytest.fixture
def torch_threads():
    """Return a function that sets torch's threads until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_photos_found_together_are_found_as_alone(detector, frames):
    given = (detector.device, 320, 0.25)
    together = find_people_alike(detector._people.net, frames[:3], *given)
    for image, people in zip(frames, together, strict=False):
        alone = find_people(detector._people.net, image, *given)
        np.testing.assert_allclose(people.box_xyxy_px, alone.box_xyxy_px, atol=0.1)


def test_frames_give_the_people_that_photos_give(detector, frames):
    times_s = [k / 30 for k in range(6)]
    quick = detector.detect_frames(frames, times_s)
    assert [len(people) for people in quick] == [1] * 6
    for people, photo in zip(quick, detector.detect(frames), strict=True):
        sure = people[0].confidence > 0.5
        gap = np.linalg.norm(people[0].joints_px - photo[0].joints_px, axis=1)[sure]
        assert np.median(gap) < 6  # of a person 480 px tall
    again = detector.detect_frames(frames, times_s)
    for one, two in zip(quick, again, strict=True):
        assert (one[0].joints_px == two[0].joints_px).all()


def test_several_threads_find_the_same_to_the_last_bit(detector, frames, torch_threads):
    torch_threads(3)
    assert detector.frame_threads() == 3
    whole = detector.detect_frames(frames[:2], [0.0, 0.1])

    def detect(k):
        return detector.detect_frames(frames[:2], [0.0, 0.1])

    for found in map_in_order(detect, range(3), threads=2):
        for ours, theirs in zip(found, whole, strict=True):
            away = np.abs(ours[0].joints_px - theirs[0].joints_px).max()
            assert away <= (0 if torch.__version__ >= "2.13" else 1e-3)  # see docs/videos.md
            assert (ours[0].box_xyxy_px == theirs[0].box_xyxy_px).all()


def test_many_cores_give_no_more_than_four_threads(detector, torch_threads):
    torch_threads(9)
    assert detector.frame_threads() == 4


def test_the_device_path_finds_what_the_host_path_finds(detector, frames):
    times_s = [k / 30 for k in range(6)]
    looks = frames_to_look_at(times_s)
    host = detector.detect_frames(frames, times_s)
    device = detector._detect_on_device(frames, times_s, looks)
    for ours, theirs in zip(device, host, strict=True):
        sure = theirs[0].confidence > 0.5
        gap = np.linalg.norm(ours[0].joints_px - theirs[0].joints_px, axis=1)[sure]
        assert np.median(gap) < 3


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds(detector, frames):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    times_s = [k / 30 for k in range(6)]
    ours = HourglassDetector(device="cuda").detect_frames(frames, times_s)
    for one, two in zip(ours, detector.detect_frames(frames, times_s), strict=True):
        sure = two[0].confidence > 0.5
        gap = np.linalg.norm(one[0].joints_px - two[0].joints_px, axis=1)[sure]
        assert np.median(gap) < 3


def test_frames_of_nobody_and_no_frames_give_nothing(detector):
    assert detector.detect_frames([], []) == []
    dark = [np.full((64, 64, 3), 20, np.uint8)] * 2
    assert detector.detect_frames(dark, [0.0, 0.1]) == [[], []]
    with pytest.raises(BadInput, match="an image must be an RGB uint8 array"):
        detector.detect_frames([np.zeros((5, 5))], [0.0])
