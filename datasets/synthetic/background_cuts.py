"""Backgrounds without people, cut from photos whose people are labelled."""

from pathlib import Path

import cv2
import numpy as np

from ...poses.errors import BadInput
from ...poses.whole_files import whole_file
from ..photos import PhotoSet
from .backgrounds import ENDINGS

MARGIN = (
    0.08  # of a box's longer side: boxes end at the joints or the outline, hair and shadows do not
)
QUALITY = 92


def write_backgrounds(photos: PhotoSet, folder: Path, least_px: int = 128) -> int:
    """Write the largest square without a labelled person of each photo, as JPEG files.

    Sides are odd, see `free_square`.

    People whom nobody has labelled, far away or in crowds, may be left in them.

    Args:
        photos: with boxes of their people.
        folder: is made where it does not exist; must hold no photos yet, perhaps of another part.
        least_px: smaller squares are left out.

    Returns:
        How many were written.

    Raises:
        BadInput: no photo has a square so large, the folder holds photos already, or cannot be
            written.
    """
    if any(path.suffix.lower() in ENDINGS for path in folder.glob("*")):
        raise BadInput(f"{folder} holds photos already; give a new folder, or empty it")
    written = 0
    for index in range(len(photos)):
        image = photos.load(index)
        x, y, side = free_square(image.shape[:2], photos.box_xyxy_px[photos.people(index)])
        if side < least_px:
            continue
        bgr = np.ascontiguousarray(image[y : y + side, x : x + side, ::-1])
        data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with whole_file(folder / f"{index:05d}.jpg") as part:
                part.write_bytes(data.tobytes())
        except OSError as error:
            raise BadInput(
                f"{folder} cannot be written ({error.strerror}); choose another with -o"
            ) from None
        written += 1
    if not written:
        raise BadInput(
            f"none of the {len(photos)} photos has a square of {least_px} px without people; "
            "give other photos"
        )
    return written


def free_square(shape: tuple[int, int], boxes_px: np.ndarray) -> tuple[int, int, int]:
    """Return x, y and the side of the largest square that meets no box, margins included.

    Of those with an odd side, which have a pixel in their middle.

    Args:
        shape: height and width of the photo.
        boxes_px: (M, 4) x0 y0 x1 y1.

    >>> free_square((100, 300), np.array([[0.0, 0, 100, 100]]))
    (109, 0, 99)
    """
    free = np.zeros((shape[0] + 2, shape[1] + 2), np.uint8)  # a border that counts as taken
    free[1:-1, 1:-1] = 1
    for x0, y0, x1, y1 in boxes_px:
        wider = MARGIN * max(x1 - x0, y1 - y0)
        left, top = (max(0, int(v - wider)) for v in (x0, y0))
        right, bottom = (max(0, int(np.ceil(v + wider))) for v in (x1, y1))
        free[top + 1 : bottom + 2, left + 1 : right + 2] = 0
    # chessboard distance r: all within r - 1 pixels is free, a square of 2 r - 1
    reach = cv2.distanceTransform(free, cv2.DIST_C, 3)
    row, column = np.unravel_index(int(reach.argmax()), reach.shape)
    r = int(reach[row, column])
    return (int(column) - r, int(row) - r, 2 * r - 1) if r else (0, 0, 0)
