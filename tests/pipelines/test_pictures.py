import time

import numpy as np
import pytest

from lift3d.pipelines.picture_strokes import LEFT, MIDDLE, RIGHT, side_colours
from lift3d.pipelines.pictures import draw_figure_3d, draw_overlay
from lift3d.pipelines.pictures_2d import BOX_COLOURS
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
    box = np.array([20.0, 30, 180, 210])
    drawn = [
        draw_overlay(grey(), [pose_2d(person_id=n, score=s, box_xyxy_px=box)])
        for n, s in ((0, 1), (4, 0.5))
    ]
    assert (drawn[0] != drawn[1]).any()
    tag = np.argwhere((drawn[0] != drawn[1]).any(axis=-1))
    assert tag[:, 0].max() < 30  # nothing but the label above the box differs


def only_box(*box_xyxy_px: float, n: int = 0) -> Pose2D:
    """Return person `n` without joints."""
    box = np.array(box_xyxy_px, float)
    return Pose2D(np.full((14, 2), np.nan), np.zeros(14), LSP, box_xyxy_px=box, person_id=n)


def tag_of(drawn: np.ndarray, n: int) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 of the label of person `n`, where its colour fills 4 x 4 px."""
    same = (drawn == BOX_COLOURS[n]).all(axis=-1)
    full = np.lib.stride_tricks.sliding_window_view(same, (4, 4)).all(axis=(-1, -2))
    rows, columns = np.nonzero(full)
    return columns.min(), rows.min(), columns.max() + 4, rows.max() + 4


def test_labels_do_not_lie_on_each_other_and_stay_in_the_picture():
    people = [only_box(30, 60, 120, 200, n=n) for n in range(4)]
    people[1] = only_box(34, 64, 120, 200, n=1)
    drawn = draw_overlay(grey(), people)

    tags = [tag_of(drawn, n) for n in range(4)]
    alone = [tag_of(draw_overlay(grey(), [person]), n) for n, person in enumerate(people)]
    for tag, own in zip(tags, alone, strict=True):  # nothing of a label is covered
        assert (tag[2] - tag[0], tag[3] - tag[1]) == (own[2] - own[0], own[3] - own[1])
    for n, (x0, y0, x1, y1) in enumerate(tags):
        for left, top, right, bottom in tags[n + 1 :]:
            assert x1 <= left or right <= x0 or y1 <= top or bottom <= y0


def test_a_label_stays_where_it_is_when_the_next_person_becomes_larger():
    first = only_box(30, 60, 120, 200)
    alone = tag_of(draw_overlay(grey(), [first]), 0)
    for right in (110, 140):
        drawn = draw_overlay(grey(), [first, only_box(32, 60, right, 200, n=1)])
        assert tag_of(drawn, 0) == alone


def test_without_room_above_the_label_is_at_the_lower_edge():
    above, below, inside = (
        tag_of(draw_overlay(grey(), [only_box(30, top, 120, bottom)]), 0)
        for top, bottom in ((40, 150), (2, 150), (2, 215))
    )
    assert above[3] == 40
    assert below[1] == 151
    assert 190 < inside[1] < inside[3] == 216


def test_a_label_of_a_picture_smaller_than_it_is_inside():
    drawn = draw_overlay(np.zeros((20, 400, 3), np.uint8), [only_box(395, 0, 399, 19)])
    x0, y0, x1, y1 = tag_of(drawn, 0)
    assert (x1, y1 - y0) == (400, 15)
    assert y0 >= 0
    assert x0 > 300


def test_a_panoramas_labels_do_not_grow_with_its_width():
    photo, panorama = (
        draw_overlay(np.zeros((480, width, 3), np.uint8), [only_box(200, 100, 300, 400)])
        for width in (640, 640 * 4)
    )
    heights = [tag[3] - tag[1] for tag in (tag_of(photo, 0), tag_of(panorama, 0))]
    assert 14 <= heights[0] <= 20
    assert heights[1] <= 2.2 * heights[0]  # the root of four
    strip = draw_overlay(np.zeros((60, 4000, 3), np.uint8), [only_box(200, 20, 230, 55)])
    assert tag_of(strip, 0)[3] - tag_of(strip, 0)[1] <= 20


def test_a_wild_joint_does_not_make_the_person_a_giant():
    wild = LSP_JOINTS_PX.copy()
    wild[0] = 1e9, -1e9
    image = np.full((400, 700, 3), 128, np.uint8)
    usual, drawn = (
        draw_overlay(image, [Pose2D(joints_px, np.ones(14), LSP)])
        for joints_px in (LSP_JOINTS_PX, wild)
    )
    arm = np.s_[85:130, 150:180]  # away from the leg that is wild
    assert abs(len(where(usual[arm], LEFT)) - len(where(drawn[arm], LEFT))) < 10


def test_a_box_round_joints_leaves_them_a_margin():
    drawn = draw_overlay(np.full((300, 300, 3), 128, np.uint8), [pose_2d()])
    pad = 0.05 * np.hypot(140, 170)
    changed = (drawn != 128).any(axis=-1)
    np.testing.assert_allclose(np.flatnonzero(changed[100])[[0, -1]], (30 - pad, 170 + pad), atol=1)
    np.testing.assert_allclose(np.flatnonzero(changed[:, 160])[-1], 190 + pad, atol=1)


@pytest.mark.parametrize("left_px", [250, 172])  # far, and by less than a box's margin
@pytest.mark.parametrize("box", [None, np.array([-300.0, 20, -200, 180])])
def test_a_person_outside_the_picture_has_neither_box_nor_label(box, left_px):
    outside = Pose2D(LSP_JOINTS_PX - (left_px, 0), np.ones(14), LSP, box_xyxy_px=box)
    np.testing.assert_array_equal(draw_overlay(grey(), [outside]), grey())


def lab(colours: np.ndarray) -> np.ndarray:
    """Return CIELAB (N, 3) of linear RGB (N, 3) in 0..1, white point D65."""
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    t = colours @ np.transpose(to_xyz) / (0.95047, 1.0, 1.08883)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


# Machado et al. (2009), severity 1, for linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


@pytest.mark.parametrize("sight", SIGHT)
def test_box_colours_are_told_apart_by_everybody(sight):
    srgb = np.array([*BOX_COLOURS, RIGHT, LEFT, MIDDLE]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.transpose(SIGHT[sight]), 0, 1))
    distance = np.linalg.norm(seen[:, None] - seen, axis=-1)
    boxes = distance[:4, :4][~np.eye(4, dtype=bool)]
    assert boxes.min() > 60
    assert distance[:4, 4:].min() > 18


@pytest.mark.parametrize("n", range(4))
def test_labels_are_dark_on_bright_and_bright_on_dark(n):
    drawn = draw_overlay(np.full((480, 640, 3), 128, np.uint8), [only_box(200, 200, 300, 400, n=n)])
    x0, y0, x1, y1 = tag_of(drawn, n)
    levels = drawn[y0:y1, x0:x1].mean(axis=-1)
    if n % 2 == 0:
        assert levels.max() > 225
        assert levels.min() == np.mean(BOX_COLOURS[n]) < 120
    else:
        assert levels.min() < 50
        assert levels.max() == np.mean(BOX_COLOURS[n]) > 140


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


def test_figure_of_a_person_without_any_joint_says_so():
    for view in views(draw_figure_3d([pose_3d(np.full((17, 3), np.nan))])):
        assert len(where(view, RIGHT)) == 0
        assert view[:60].min() < 100  # the title is there
        assert view[-60:].min() < 100  # tick labels and the axis' name, too
        middle = view[view.shape[0] // 2 - 60 : view.shape[0] // 2 + 60, 150:300]
        assert (middle.max(axis=-1) < 110).sum() > 200  # letters


def test_one_wild_joint_makes_nobody_small():
    joints_mm = standing()
    joints_mm[16] = (-9000, -200, 4000)  # right wrist
    usual, wild = (views(draw_figure_3d([pose_3d(j)]))[0] for j in (standing(), joints_mm))
    heights = [np.ptp(where(view, LEFT)[:, 1]) for view in (usual, wild)]
    assert heights[1] > 0.7 * heights[0]


def test_joints_beyond_a_hundred_metres_are_none():
    far, missing = standing(), standing()
    far[16], missing[16] = (2e5, 0, 0), np.nan
    np.testing.assert_array_equal(*(draw_figure_3d([pose_3d(j)]) for j in (far, missing)))


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
        draw_figure_3d([], height_px=319)
    assert str(caught.value) == "height_px must be at least 320, got 319; the text needs the room"


def test_the_text_has_room_at_the_least_height():
    _, side = views(draw_figure_3d([pose_3d(standing())], height_px=320))
    assert (side[:, :4] == 255).all()  # nothing is cut off at the edges
    assert (side[:, -4:] == 255).all()
    assert (side[-4:] == 255).all()
