"""Views, mosaics and pasted people keep the boxes on the people."""

import numpy as np
import pytest

from lift3d.training.photo_augment import (
    CALM,
    PhotoView,
    ViewChange,
    clip_boxes,
    mosaic,
    paste_person,
    random_view,
    turn_boxes,
)

BRIGHT, DARK = 250, 60


def photo(width: int = 120, height: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Return a dark picture with one bright person, and the person's box."""
    picture = np.full((height, width, 3), DARK, np.uint8)
    picture[20:80, 40:70] = BRIGHT
    return picture, np.array([[40.0, 20, 69, 79]])


def bright_box(image: np.ndarray) -> list[int]:
    rows, columns = np.nonzero(image.min(2) > 180)
    return [columns.min(), rows.min(), columns.max(), rows.max()]


def test_a_quarter_turn_exchanges_the_sides_of_a_box():
    turn = np.array([[0.0, -1, 100], [1, 0, 0]])
    boxes = turn_boxes(np.array([[10.0, 20, 30, 80]]), turn)
    np.testing.assert_allclose(boxes, [[20, 10, 80, 30]], atol=1e-9)


def test_people_mostly_outside_and_tiny_ones_are_kept_apart():
    boxes = np.array([[-50.0, 10, 10, 50], [-10, 10, 50, 50], [200, 10, 260, 50], [60, 60, 62, 62]])
    kept, rest = clip_boxes(boxes, 100, 100)
    np.testing.assert_allclose(kept, [[0, 10, 50, 50]])
    np.testing.assert_allclose(rest, [[0, 10, 10, 50], [60, 60, 62, 62]])


@pytest.mark.parametrize("zoom", [0.4, 1.0, 1.5])
def test_the_box_of_a_view_is_where_the_person_is(zoom):
    change = ViewChange(zoom=(zoom, zoom), turn_degrees=0.0, any_turn=0.0, degrade=0.0)
    seen = 0
    for seed in range(10):
        view = random_view(*photo(), 160, np.random.default_rng(seed), change)
        if len(view.box_xyxy_px):
            np.testing.assert_allclose(view.box_xyxy_px[0], bright_box(view.image), atol=1.6)
            seen += 1
    assert seen >= 5


def test_the_box_of_a_person_turned_upside_down_or_sideways_is_exact():
    change = ViewChange(zoom=(1, 1), turn_degrees=0.0, any_turn=2.0, degrade=0.0)
    shapes = set()
    for seed in range(12):  # any_turn 2: always the first half, the exact turns
        view = random_view(*photo(), 160, np.random.default_rng(seed), change)
        for box in view.box_xyxy_px:
            np.testing.assert_allclose(box, bright_box(view.image), atol=1.6)
            shapes.add(bool(box[2] - box[0] > box[3] - box[1]))
    assert shapes == {True, False}


def test_a_mosaic_keeps_the_boxes_on_the_people():
    rng = np.random.default_rng(0)
    parts = [random_view(*photo(), 128, rng, CALM) for _ in range(4)]
    picture = mosaic(parts, 128, rng)
    assert picture.image.shape == (128, 128, 3)
    assert len(picture.box_xyxy_px) >= 2
    for x0, y0, x1, y1 in picture.box_xyxy_px.round().astype(int):
        assert picture.image[(y0 + y1) // 2, (x0 + x1) // 2].min() > 180


def test_a_pasted_person_hides_whom_it_covers():
    image = np.full((100, 100, 3), DARK, np.uint8)
    view = PhotoView(image, np.array([[48.0, 48, 52, 52], [0, 0, 99, 99]]))
    person = PhotoView(np.full((80, 80, 3), BRIGHT, np.uint8), np.array([[2.0, 2, 77, 77]]))
    pasted = paste_person(view, person, np.random.default_rng(0))
    np.testing.assert_allclose(pasted.ignored_xyxy_px, [[48, 48, 52, 52]])
    np.testing.assert_allclose(pasted.box_xyxy_px[0], [0, 0, 99, 99])
    low, high = pasted.box_xyxy_px[1].reshape(2, 2)
    np.testing.assert_allclose(high - low, [75, 75])
    assert pasted.image[50, 50].min() == BRIGHT
    assert (image == DARK).all()
