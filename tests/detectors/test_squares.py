"""Squares round boxes and upright ones round joints: places, turns, sizes, worked by hand."""

import numpy as np
import pytest

from lift3d.detectors.squares import BOX_MARGIN, JOINT_MARGIN, SIZE_RANGE, Squares, upright_squares
from lift3d.poses import Pose2D, Skeleton
from lift3d.poses.boxes import apply_affine, invert_affine

TRUNK = (0, 1, 2, 3)  # shoulders, hips; then two feet
STANDING = np.array([[-10, -40], [10, -40], [-8, 0], [8, 0], [-8, 60], [8, 60.0]])
FIRST = Squares(np.array([[100.0, 80.0]]), np.array([150.0]), np.zeros(1))


def turned(degrees):
    """Return the person turned clockwise about (100, 80)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return STANDING @ np.array([[cos, -sin], [sin, cos]]).T + (100, 80)


def pose(joints_px, confidence=None):
    """Return a pose of some joints without a name that matters."""
    count = len(joints_px)
    names = tuple(f"joint_{k}" for k in range(count))
    skeleton = Skeleton("some", names, (-1, *range(count - 1)), ())
    return Pose2D(joints_px, np.ones(count) if confidence is None else confidence, skeleton)


def test_a_square_is_as_wide_as_the_boxs_longer_side_and_a_little():
    squares = Squares.round_boxes(np.array([[10.0, 20, 50, 120], [0, 0, 2, 2]]))
    np.testing.assert_allclose(squares.centre_px, [[30, 70], [1, 1]])
    np.testing.assert_allclose(squares.side_px, [100 * BOX_MARGIN, 8 * BOX_MARGIN])
    assert not squares.turn.any()


@pytest.mark.parametrize("degrees", [31, 90, 180, -120])
def test_the_person_stands_upright_in_the_middle_of_the_second_square(degrees):
    joints = turned(degrees)
    rows, squares = upright_squares(FIRST, [pose(joints)], TRUNK)

    seen = apply_affine(invert_affine(squares.to_image(135)), joints[None])[0]
    assert rows.tolist() == [0]
    np.testing.assert_allclose(squares.side_px, JOINT_MARGIN * 100)
    np.testing.assert_allclose(seen - seen.mean(0), STANDING - STANDING.mean(0), atol=1e-6)
    np.testing.assert_allclose((seen.min(0) + seen.max(0)) / 2, [67, 67], atol=1e-6)


def test_the_crop_shows_what_the_joints_say():
    image = np.zeros((200, 200, 3), np.uint8)
    joints = turned(90)
    for number, (x, y) in enumerate(joints.round().astype(int)):
        image[y - 1 : y + 2, x - 1 : x + 2] = 100 + 20 * number
    squares = upright_squares(FIRST, [pose(joints)], TRUNK)[1]

    crop = squares.cut([image], 135)[0]
    at = apply_affine(invert_affine(squares.to_image(135)), joints[None])[0].round().astype(int)

    assert abs(crop[at[:, 1], at[:, 0], 0].astype(int) - (100 + 20 * np.arange(6))).max() < 12


def test_only_people_who_are_surely_not_upright_are_looked_at_again():
    first = Squares(
        *(np.repeat(part, 4, 0) for part in (FIRST.centre_px, FIRST.side_px, FIRST.turn))
    )
    little, no_trunk = np.full(6, 0.9), np.full(6, 0.9)
    little[5], no_trunk[0] = 0.1, 0.1
    people = [pose(turned(20)), pose(turned(90), little), pose(turned(90), no_trunk)]

    rows, squares = upright_squares(first, [*people, pose(turned(90))], TRUNK)

    assert rows.tolist() == [3]
    assert squares.side_px.shape == (1,)
    np.testing.assert_allclose(squares.turn, np.pi / 2)


def test_a_square_turned_by_a_quarter_shows_the_right_hand_side_on_top():
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, 70:] = 200
    square = Squares(np.array([[49.5, 49.5]]), np.array([100.0]), np.zeros(1))
    crop, half = square.turned((np.pi / 2, np.pi)).cut([image, image], 100)
    assert crop[:28].min() > 190
    assert crop[32:].max() < 10
    assert half[:, :28].min() > 190
    assert half[:, 32:].max() < 10


@pytest.mark.parametrize(("scale", "limit"), [(0.1, SIZE_RANGE[0]), (5.0, SIZE_RANGE[1])])
def test_the_second_square_is_never_of_quite_another_size(scale, limit):
    joints = (turned(60) - (100, 80)) * scale + (100, 80)
    squares = upright_squares(FIRST, [pose(joints)], TRUNK)[1]
    np.testing.assert_allclose(squares.side_px, limit * FIRST.side_px)
