"""Discs, rings and faint bones: round when small, the same when drawn in part."""

import cv2
import numpy as np
import pytest

from lift3d.pipelines.picture_strokes import WHITE, draw_body, draw_disc
from lift3d.poses import get_skeleton

LSP = get_skeleton("lsp14")
BLACK = (0, 0, 0)


@pytest.mark.parametrize("radius_px", [1.0, 1.5, 2.0, 3.3, 6.0])
def test_small_discs_have_the_area_of_circles_and_no_corners(radius_px):
    canvas = np.zeros((21, 21, 3), np.uint8)
    draw_disc(canvas, np.array([10.0, 10.0]), radius_px, WHITE)

    cover = canvas[..., 0] / 255
    np.testing.assert_allclose(cover.sum(), np.pi * radius_px**2, rtol=0.08, atol=0.35)
    np.testing.assert_array_equal(canvas, canvas[::-1])
    np.testing.assert_array_equal(canvas, canvas.transpose(1, 0, 2))
    y, x = np.nonzero(cover > 0.5)
    assert np.hypot(x - 10, y - 10).max() < radius_px + 0.01


def test_a_disc_of_one_pixel_in_numbers():
    canvas = np.zeros((5, 5, 3), np.uint8)
    draw_disc(canvas, np.array([2.0, 2.0]), 1.0, (200, 100, 0))
    # Half of each neighbour, 1.5 - sqrt(2) = 0.086 of each corner.
    np.testing.assert_array_equal(
        canvas[1:4, 1:4, 0], [[17, 100, 17], [100, 200, 100], [17, 100, 17]]
    )
    assert canvas[..., 2].max() == canvas[0].max() == 0


@pytest.mark.parametrize("centre_px", [(-9, 3), (3, 1e9), (-0.6, -0.7), (9.4, 5)])
def test_discs_at_the_edge_and_outside_touch_only_the_picture(centre_px):
    canvas = np.zeros((10, 10, 3), np.uint8)
    draw_disc(canvas, np.array(centre_px, float), 2.0, WHITE)

    wide = np.zeros((30, 30, 3), np.uint8)
    draw_disc(wide, np.array(centre_px, float) + 10, 2.0, WHITE)
    np.testing.assert_allclose(canvas, wide[10:20, 10:20], atol=1)


def joint(confidence: float, width_px: float) -> np.ndarray:
    """Return how white the pixels (41, 41) round one right joint are: the colour has no blue."""
    canvas = np.full((41, 41, 3), 128, np.uint8)
    joints_px = np.full((14, 2), np.nan)
    joints_px[0] = 20, 20
    sure = np.full(14, confidence)
    draw_body(canvas, joints_px, sure, LSP, width_px=width_px, min_confidence=0.5)
    return canvas[..., 2] / 255


@pytest.mark.parametrize("width_px", [1.0, 1.5, 2.0, 3.0])
def test_unsure_joints_are_rings_with_a_hole_and_sure_ones_discs(width_px):
    disc, ring = joint(1.0, width_px), joint(0.0, width_px)
    assert disc[20, 20] == 0
    assert ring[20, 20] == 1
    assert ring[19:22, 19:22].mean() > 0.5
    for ray in (ring[20, 21:24], ring[20, 17:20], ring[21:24, 20], ring[17:20, 20]):
        assert ray.min() < 0.4  # the colour goes round it


def blended(canvas, joints_px, bones, colour, width_px):
    """Draw lines half transparent by a copy of the whole canvas."""
    layer = canvas.copy()
    for a, b in bones:
        ends = [[int(v) for v in np.rint(joints_px[joint] * 16)] for joint in (a, b)]
        cv2.line(layer, *ends, colour, max(1, round(width_px)), cv2.LINE_AA, 4)
    return cv2.addWeighted(layer, 0.5, canvas, 0.5, 0)


@pytest.mark.parametrize("seed", range(6))
def test_faint_bones_are_the_same_as_on_a_copy_of_the_whole_picture(seed):
    rng = np.random.default_rng(seed)
    canvas = rng.integers(0, 256, (120, 160, 3), np.uint8)
    joints_px = np.full((14, 2), np.nan)
    joints_px[:3] = rng.uniform(-40, 160, (3, 2))  # right ankle, knee and hip
    bones = [(a, b) for a, b in LSP.bones if {a, b} <= {0, 1, 2}]
    wanted = blended(canvas, joints_px, bones, (230, 159, 0), 0.6 * 5)
    for joint in range(3):
        for radius_px, colour in ((5.0, WHITE), (3.75, (230, 159, 0)), (2.5, WHITE)):
            draw_disc(wanted, joints_px[joint], radius_px, colour)

    draw_body(canvas, joints_px, np.zeros(14), LSP, width_px=5, min_confidence=0.5)
    np.testing.assert_array_equal(canvas, wanted)


def test_faint_bones_copy_no_more_than_they_touch(monkeypatch):
    sizes = []
    blend = cv2.addWeighted

    def counted(layer, *arguments):
        sizes.append(layer.shape[:2])
        return blend(layer, *arguments)

    monkeypatch.setattr(cv2, "addWeighted", counted)
    joints_px = np.full((14, 2), np.nan)
    joints_px[:2] = (900, 500), (930, 560)
    canvas = np.zeros((1000, 2000, 3), np.uint8)
    draw_body(canvas, joints_px, np.zeros(14), LSP, width_px=5, min_confidence=0.5)
    draw_body(canvas, joints_px + 9000, np.zeros(14), LSP, width_px=5, min_confidence=0.5)
    assert len(sizes) == 1
    assert max(sizes[0]) < 100
