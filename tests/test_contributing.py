"""The detector and the lifter of CONTRIBUTING.md are whole, short, and keep the contracts."""

import re
from pathlib import Path

import numpy as np
import pytest

from lift3d import NotFitted, Pipeline, check_detector, check_lifter, load_detector
from lift3d.poses import get_skeleton

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
DETECTOR, CHECK_DETECTOR, LIFTER, CHECK_LIFTER = re.findall(
    r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
)


def run(*blocks: str) -> dict:
    """Run blocks one after the other and return their names."""
    names: dict = {"__name__": "contributing"}
    for block in blocks:
        exec(compile(block, "CONTRIBUTING.md", "exec"), names)
    return names


def lines_of_code(block: str) -> int:
    return sum(bool(line.strip()) for line in block.splitlines())


@pytest.fixture(scope="module")
def nearest():
    """Return the class of the lifter."""
    return run(LIFTER)["NearestPose"]


def standing_mm() -> np.ndarray:
    """Return a standing person (17, 3), y up, facing +z, the left at +x, the left arm forward."""
    x = [0, -90, -90, -90, 90, 90, 90, 0, 0, 0, 0, 160, 160, 160, -160, -170, -180]
    y = [0, 0, -430, -860, 0, -430, -860, 220, 450, 560, 700, 430, 150, 180, 430, 150, -90]
    z = [0, 0, 10, -20, 0, 10, -20, 0, 0, 40, 30, 0, 0, 240, 0, -30, 10]
    return np.stack([x, y, z], -1).astype(float)


def test_the_detector_has_20_lines_and_the_lifter_40():
    assert lines_of_code(DETECTOR) <= 20
    assert lines_of_code(LIFTER) <= 40


def test_the_detector_conforms_by_name_of_its_file(tmp_path, bright):
    path = tmp_path / "my_detector.py"
    path.write_text(DETECTOR)
    detector = load_detector(f"{path}:MyDetector")
    check_detector(detector)
    (person,) = Pipeline(detector, device="cpu").run(bright)
    assert person.joints_mm.shape == (17, 3)
    assert person.joints_mm[3, 1] > 500  # the ankle below the pelvis


def test_the_checks_as_they_are_written_pass():
    assert run(DETECTOR, CHECK_DETECTOR)["check_detector"] is check_detector
    assert run(LIFTER, CHECK_LIFTER)["check_lifter"] is check_lifter


def test_the_lifter_finds_a_pose_that_it_knows_from_the_side(nearest):
    pose = standing_mm()
    lifter = nearest(n_views=4).fit(np.stack([pose, pose * [1, 0.5, 1]]))
    # a quarter turn: the body's +z is the picture's +x, its +x is nearer to the camera or farther
    side_px = 100 + 0.2 * np.stack([pose[:, 2], -pose[:, 1]], -1)
    found = lifter.lift_arrays(side_px[None], skeleton="h36m17")[0]
    np.testing.assert_allclose(found[:, :2], np.stack([pose[:, 2], -pose[:, 1]], -1), atol=1e-9)
    np.testing.assert_allclose(np.abs(found[:, 2]), np.abs(pose[:, 0]), atol=1e-9)


def test_the_lifter_puts_the_left_of_a_person_who_faces_the_camera_on_the_right(nearest):
    pose = standing_mm()
    front_px = 100 + 0.2 * np.stack([pose[:, 0], -pose[:, 1]], -1)
    found = nearest().fit(pose[None]).lift_arrays(front_px[None], skeleton="h36m17")[0]
    wrist = get_skeleton("h36m17").index("left_wrist")
    assert found[wrist] == pytest.approx([160, -180, -240])


def test_the_lifter_says_that_it_is_not_fitted(nearest):
    with pytest.raises(NotFitted) as error:
        nearest().lift_arrays(np.zeros((1, 17, 2)), skeleton="h36m17")
    assert str(error.value) == "this NearestPose has no poses yet; call fit(poses_mm)"
