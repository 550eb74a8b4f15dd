import time

import numpy as np
import pytest

from lift3d.pipelines.picture_strokes import LEFT, MIDDLE, RIGHT, side_colours
from lift3d.pipelines.pictures import draw_figure_3d, draw_overlay
from lift3d.poses import Pose2D, Pose3D, get_skeleton
from lift3d.poses.errors import BadInput

LSP, H36M = get_skeleton("lsp14"), get_skeleton("h36m17")
LSP_JOINTS_PX = np.array(
    [
        (70, 190), (70, 150), (75, 110), (125, 110), (130, 150), (130, 190), (30, 120),
        (45, 85), (70, 55), (130, 55), (155, 85), (170, 120), (100, 50), (100, 20),
    ],
    dtype=float,
)  # fmt: skip


def grey() -> np.ndarray:
    return np.full((220, 200, 3), 128, np.uint8)


def pose_2d(confidence: float = 1.0, **fields) -> Pose2D:
    return Pose2D(LSP_JOINTS_PX, np.full(14, confidence), LSP, **fields)


def standing() -> np.ndarray:
    """Return h36m17 millimetres (17, 3) of a person who faces the camera and points at it, left."""
    joints = np.zeros((17, 3))
    for side, (hip, shoulder) in {-1: (1, 14), 1: (4, 11)}.items():
        for n, y in enumerate((0, 400, 800)):
            joints[hip + n] = (side * 120, y, 0)
        for n, y in enumerate((-480, -250, -20)):
            joints[shoulder + n] = (side * 180, y, 0)
    joints[7:11, 1] = (-230, -480, -600, -720)
    joints[[12, 13]] = (180, -480, -300), (180, -480, -600)
    return joints


def pose_3d(joints_mm: np.ndarray, confidence: float = 1.0, pose2d: Pose2D | None = None) -> Pose3D:
    return Pose3D(joints_mm, np.full(17, confidence), H36M, pose2d=pose2d)


def where(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return the (x, y) of all pixels of exactly this colour."""
    return np.argwhere((image == colour).all(axis=-1))[:, ::-1]


def views(figure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the front and the side view of a figure of one person, without the legend."""
    front, side = np.split(figure[40:], 2, axis=1)
    return front, side


def test_sides_have_their_colours_and_the_middle_is_neutral():
    colours = dict(zip(H36M.joints, side_colours(H36M), strict=True))
    assert colours["right_knee"] == RIGHT == (230, 159, 0)
    assert colours["left_knee"] == LEFT == (0, 114, 178)
    assert colours["spine"] == MIDDLE == (96, 96, 96)


def test_overlay_without_people_is_the_photo():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    drawn = draw_overlay(image, [])
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


def test_overlay_leaves_its_input_alone_and_keeps_the_size():
    image = grey()
    drawn = draw_overlay(image, [pose_2d()])
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(image, grey())


def test_overlay_draws_right_and_left_where_they_are():
    drawn = draw_overlay(grey(), [pose_2d()])
    for colour, joints in ((RIGHT, [0, 1, 2, 6, 7, 8]), (LEFT, [3, 4, 5, 9, 10, 11])):
        for x, y in LSP_JOINTS_PX[joints].astype(int):
            assert tuple(drawn[y, x]) == colour
    assert tuple(drawn[20, 100]) == MIDDLE
    assert where(drawn, RIGHT)[:, 0].max() < 100 < where(drawn, LEFT)[:, 0].min() + 3


def test_overlay_shows_unsure_joints_as_rings_and_faint_bones():
    drawn = draw_overlay(grey(), [pose_2d(confidence=0.1)])
    assert tuple(drawn[190, 70]) == (255, 255, 255)  # the middle of a ring
    halfway = drawn[170, 70].astype(float)
    np.testing.assert_allclose(halfway, (np.array(RIGHT) + 128) / 2, atol=8)


def test_overlay_takes_the_threshold_as_an_argument():
    drawn = draw_overlay(grey(), [pose_2d(confidence=0.1)], min_confidence=0.05)
    assert tuple(drawn[190, 70]) == RIGHT


def test_overlay_leaves_joints_out_that_were_not_found():
    joints_px = LSP_JOINTS_PX.copy()
    joints_px[[0, 1, 2, 6, 7, 8]] = np.nan
    drawn = draw_overlay(grey(), [Pose2D(joints_px, np.ones(14), LSP)])
    assert len(where(drawn, RIGHT)) == 0
    assert len(where(drawn, LEFT)) > 100


def test_overlay_of_a_person_without_joints_and_box_is_the_photo():
    nobody = Pose2D(np.full((14, 2), np.nan), np.zeros(14), LSP)
    np.testing.assert_array_equal(draw_overlay(grey(), [nobody]), grey())


def test_overlay_lines_grow_with_the_person():
    def area(scale: float) -> int:
        image = np.full((900, 900, 3), 128, np.uint8)
        pose = Pose2D(scale * LSP_JOINTS_PX, np.ones(14), LSP)
        return len(where(draw_overlay(image, [pose]), RIGHT))

    assert area(4) > 10 * area(1)


def test_overlay_gives_two_people_boxes_of_two_colours():
    boxes = np.array([[5, 60, 95, 210], [105, 60, 195, 210]])
    nobody = [Pose2D(np.full((14, 2), np.nan), np.zeros(14), LSP, box_xyxy_px=box) for box in boxes]
    drawn = draw_overlay(grey(), nobody)
    first, second = tuple(drawn[150, 5]), tuple(drawn[150, 105])
    assert len({first, second, (128, 128, 128)}) == 3


def test_overlay_shows_id_and_score():
    drawn = [draw_overlay(grey(), [pose_2d(person_id=n, score=s)]) for n, s in ((0, 1), (4, 0.5))]
    assert (drawn[0] != drawn[1]).any()
    tag = np.argwhere((drawn[0] != drawn[1]).any(axis=-1))
    assert tag[:, 0].max() < 20  # nothing but the label above the box differs


@pytest.mark.parametrize("value", [-1e9, 1e9, -300.0])
def test_overlay_survives_joints_and_boxes_far_outside(value):
    joints_px = LSP_JOINTS_PX.copy()
    joints_px[0] = value
    box = np.array([value, value, 1e9, 1e9])
    assert draw_overlay(grey(), [Pose2D(joints_px, np.ones(14), LSP, box_xyxy_px=box)]).any()


def test_overlay_works_on_the_smallest_photo():
    drawn = draw_overlay(np.zeros((16, 16, 3), np.uint8), [pose_2d()])
    assert drawn.shape == (16, 16, 3)


def test_overlay_rejects_a_grey_image():
    with pytest.raises(BadInput) as caught:
        draw_overlay(np.zeros((20, 30), np.uint8), [])
    assert str(caught.value) == (
        "image must be RGB of shape (H, W, 3) and type uint8, got (20, 30) uint8; "
        "read it with read_image"
    )


def test_figure_shows_right_left_and_up_as_the_camera_sees_them():
    front, _ = views(draw_figure_3d([pose_3d(standing())]))
    right, left = where(front, RIGHT), where(front, LEFT)
    assert right[:, 0].max() < left[:, 0].min() + 10
    assert right[:, 1].min() > where(front, MIDDLE)[:, 1].min()  # the head is above the arms


def test_figure_shows_what_is_near_the_camera_on_the_left_of_the_side_view():
    _, side = views(draw_figure_3d([pose_3d(standing())]))
    assert where(side, LEFT)[:, 0].min() < where(side, RIGHT)[:, 0].min() - 50


def test_figure_has_one_scale_for_both_views():
    joints_mm = np.zeros((17, 3))
    joints_mm[5] = (600, 0, 600)  # left knee: 600 mm to the right of the hip and away from it
    front, side = (where(view, LEFT) for view in views(draw_figure_3d([pose_3d(joints_mm)])))
    lengths = [np.ptp(points[:, 0]) for points in (front, side)]
    assert abs(lengths[0] - lengths[1]) <= 1
    assert lengths[0] > 100


def test_figure_draws_near_limbs_over_far_ones():
    joints_mm = standing()
    joints_mm[4:7] = joints_mm[1:4] + np.array(
        [0, 0, 100]
    )  # the left leg right behind the right one
    front, _ = views(draw_figure_3d([pose_3d(joints_mm)]))
    assert len(where(front[300:380], RIGHT)) > 50
    assert len(where(front[300:380], LEFT)) == 0
    joints_mm[4:7] = joints_mm[1:4] + np.array([100, 0, 0])  # nearer to the side's viewer
    _, side = views(draw_figure_3d([pose_3d(joints_mm)]))
    assert len(where(side[300:380], LEFT)) > 50
    assert len(where(side[300:380], RIGHT)) == 0


def test_figure_leaves_joints_out_that_were_not_found():
    joints_mm = standing()
    joints_mm[[1, 2, 3, 14, 15, 16]] = np.nan
    front, _ = views(draw_figure_3d([pose_3d(joints_mm)]))
    assert len(where(front, RIGHT)) == 0
    assert len(where(front, LEFT)) > 100


def test_figure_shows_unsure_limbs_faint():
    front, _ = views(draw_figure_3d([pose_3d(standing(), confidence=0.1)]))
    sure, _ = views(draw_figure_3d([pose_3d(standing())]))
    assert len(where(front, RIGHT)) < 0.3 * len(where(sure, RIGHT))


def test_figure_of_a_person_without_any_joint_has_empty_axes():
    front, _ = views(draw_figure_3d([pose_3d(np.full((17, 3), np.nan))]))
    assert len(where(front, RIGHT)) == 0
    assert front.min() < 100  # title and tick labels are there


@pytest.mark.parametrize("scale", [1e4, 1e6, 1e39])
def test_figure_of_a_giant_is_drawn_as_quickly(scale):
    begin = time.perf_counter()
    assert draw_figure_3d([pose_3d(scale * standing().astype(float))]).shape[0] > 100
    assert time.perf_counter() - begin < 5


def test_figure_names_the_person_by_its_id():
    named = pose_3d(standing(), pose2d=pose_2d(person_id=5))
    assert (draw_figure_3d([named]) != draw_figure_3d([pose_3d(standing())])).any()


def test_figure_puts_people_into_rows_of_one_size():
    one, two, five = (draw_figure_3d([pose_3d(standing())] * n) for n in (1, 2, 5))
    assert two.shape[1] == one.shape[1]
    assert two.shape[0] == one.shape[0] + 480
    assert five.shape[1] == 2 * one.shape[1]
    assert five.shape[0] == one.shape[0] + 2 * 480


def test_figure_without_people_says_so_in_dark_letters():
    figure = draw_figure_3d([], height_px=320)
    assert figure.shape[0] == 320
    letters = np.argwhere(figure.max(axis=-1) < 100)
    assert len(letters) > 200
    np.testing.assert_allclose(letters.mean(axis=0), (160, figure.shape[1] / 2), atol=25)


def test_figure_rejects_a_height_without_room_for_the_text():
    with pytest.raises(BadInput) as caught:
        draw_figure_3d([], height_px=100)
    assert str(caught.value) == "height_px must be at least 160, got 100; the text needs the room"
