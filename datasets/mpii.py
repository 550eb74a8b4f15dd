"""MPII Human Pose: the reader of the official release."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..poses.errors import BadInput, DecodeError
from .labels import PersonLabels
from .mat_files import read_mat


def read_mpii(
    mat_path: str | Path, images: str | Path, people: Literal["all", "single"] = "all"
) -> PersonLabels:
    """Read MPII Human Pose (Andriluka et al., CVPR 2014): the labelled people of its photos.

    The release labels joints in its training photos only; photos without labelled people are left
    out. A joint whose visibility is missing (head top and upper neck mostly) counts as seen. The
    release counts pixels from 1, as MATLAB does: 1 is subtracted. It has no boxes of people, only
    of heads, and a rough place and scale: boxes are NaN.

    Args:
        mat_path: `mpii_human_pose_v1_u12_1.mat`.
        images: the folder of the photos.
        people: "single" keeps the people that the release lists as well apart from others.

    Raises:
        BadInput: `people` is another word.
        DecodeError: the file is missing, damaged or not MPII's release.
    """
    if people not in ("all", "single"):
        raise BadInput(f"people must be 'all' or 'single', got {people!r}")
    release = read_mat(mat_path, "RELEASE")
    paths: list[Path] = []
    photo, joints, hidden = [], [], []
    try:
        for name, rectangles in _labelled_photos(release, people):
            found = [_read_points(rectangle) for rectangle in rectangles]
            found = [person for person in found if not np.isnan(person[0]).all()]
            photo += [len(paths)] * len(found)
            joints += [person[0] for person in found]
            hidden += [person[1] for person in found]
            paths += [Path(images) / name] * bool(found)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise DecodeError(f"{mat_path} is not laid out as MPII's release ({error})") from error
    if not joints:
        raise DecodeError(f"{mat_path} labels no joints; give the file with the training labels")
    no_boxes = np.full((len(photo), 4), np.nan, np.float32)
    return PersonLabels(
        paths, np.array(photo), np.stack(joints), np.stack(hidden), no_boxes, "mpii"
    )


def _labelled_photos(release: Any, people: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the name and the people's structs of each training photo."""
    photos = _as_list(release.annolist)
    train = np.atleast_1d(release.img_train)
    if len(train) != len(photos):
        raise ValueError(f"img_train has {len(train)} entries for {len(photos)} photos")
    # a cell array of one photo is squeezed to the cell's content
    single = [release.single_person] if len(photos) == 1 else list(release.single_person)
    for entry, is_train, apart in zip(photos, train, single, strict=True):
        rectangles = _as_list(entry.annorect)
        if people == "single":
            rectangles = [rectangles[int(number) - 1] for number in np.ravel(apart)]
        if is_train:
            yield str(entry.image.name), rectangles


def _read_points(rectangle: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return joints (16, 2), NaN where not labelled, and hidden (16,) of one person's struct."""
    joints, hidden = np.full((16, 2), np.nan, np.float32), np.zeros(16, bool)
    for points in _as_list(getattr(rectangle, "annopoints", None)):
        for point in _as_list(getattr(points, "point", None)):
            joint = int(point.id)
            if not 0 <= joint < 16:
                raise ValueError(f"a joint has the id {joint}; ids are 0 to 15")
            joints[joint] = float(point.x) - 1, float(point.y) - 1
            seen = np.ravel(getattr(point, "is_visible", ()))  # a number, a text or empty
            hidden[joint] = seen.size == 1 and int(seen[0]) == 0
    return joints, hidden


def _as_list(value: Any) -> list[Any]:
    """Return the elements of a struct array: one alone is squeezed to itself, none is empty."""
    if value is None:
        return []
    return [item for item in np.ravel(np.asarray(value, object)) if hasattr(item, "_fieldnames")]
