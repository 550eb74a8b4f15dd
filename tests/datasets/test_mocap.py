import numpy as np
import pytest

from lift3d.datasets.mocap import read_mocap
from lift3d.poses import get_skeleton
from lift3d.poses.errors import BadInput, DecodeError


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Return the arrays of a pack of three clips with 2, 3 and 1 poses."""
    rng = np.random.default_rng(0)
    return {
        "poses": rng.integers(-900, 900, (6, 17, 3)).astype(np.int16),
        "clip": np.array([0, 0, 1, 1, 1, 2], dtype=np.int32),
        "parents": np.array(get_skeleton("h36m17").parents),
        "clip_names": np.array(["01_01", "02_01", "03_01"]),
        "clip_subject": np.array([1, 2, 3], dtype=np.int16),
        "clip_fps": np.array([24, 20, 24], dtype=np.float32),
        "clip_grade": np.array([0, 2, 0], dtype=np.int8),
        "clip_split": np.array([0, 0, 1], dtype=np.uint8),
    }


def written(folder, arrays):
    np.savez(folder / "pack.npz", **arrays)
    return folder / "pack.npz"


def test_poses_come_back_as_float32_millimetres(tmp_path, arrays):
    pack = read_mocap(written(tmp_path, arrays))

    assert pack.poses_mm.dtype == np.float32
    np.testing.assert_array_equal(pack.poses_mm, arrays["poses"])
    assert pack.clip_names[pack.clip].tolist() == ["01_01"] * 2 + ["02_01"] * 3 + ["03_01"]


@pytest.mark.parametrize(
    ("split", "grades", "rows"),
    [(0, (0, 1, 2), [0, 1, 2, 3, 4]), (0, (0,), [0, 1]), (1, (0,), [5]), (1, (2,), [])],
)
def test_rows_are_chosen_by_split_and_grade(tmp_path, arrays, split, grades, rows):
    pack = read_mocap(written(tmp_path, arrays))

    assert pack.rows(split=split, grades=grades).tolist() == rows


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("poses", np.zeros((6, 16, 3)), "poses in {} must have shape (N, 17, 3), got (6, 16, 3)"),
        (
            "parents",
            np.arange(3) - 1,
            "parents in {} must be those of h36m17, (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, "
            "8, 14, 15), got (-1, 0, 1); reorder the joints",
        ),
        ("poses", np.zeros((6, 17, 3), complex), "poses in {} must be numbers, got complex128"),
        ("poses", np.full((6, 17, 3), "a"), "poses in {} must be numbers, got <U1"),
        ("clip", np.zeros(6), "clip in {} must be whole numbers, got float64"),
        ("clip_grade", np.array(["a"] * 3), "clip_grade in {} must be whole numbers, got <U1"),
        ("clip_fps", np.zeros(3, bool), "clip_fps in {} must be numbers, got bool"),
        ("clip_names", np.arange(3), "clip_names in {} must be text, got int64"),
        ("clip", np.zeros(5, int), "clip in {} must have shape (6,), got (5,)"),
        ("clip", np.arange(6), "clip in {} must be from 0 to 2, got 0 to 5"),
        ("clip_split", np.zeros(4, int), "clip_split in {} must have shape (3,), got (4,)"),
        (
            "poses",
            np.zeros((6, 17, 3)),
            "poses in {} must have bones, got 6 of 6 with a joint on its parent; drop them",
        ),
        (
            "poses",
            np.where(np.arange(6)[:, None, None] < 2, np.nan, np.zeros((6, 17, 3))),
            "poses in {} must be finite, got 2 of 6 with NaN or inf",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, arrays, key, value, message):
    path = written(tmp_path, arrays | {key: value})

    with pytest.raises(BadInput) as error:
        read_mocap(path)

    assert str(error.value) == message.format(path)


def test_a_file_that_is_no_pack_is_a_decode_error(tmp_path):
    path = tmp_path / "notes.npz"
    path.write_text("not a pack")

    with pytest.raises(DecodeError, match=r"notes\.npz .*; expected a motion-capture pack$"):
        read_mocap(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DecodeError) as error:
        read_mocap(tmp_path / "none.npz")

    assert str(error.value) == (
        f"{tmp_path / 'none.npz'} does not exist; give the path of the data pack; "
        "expected a motion-capture pack"
    )


def test_a_pack_without_clips_names_the_missing_array(tmp_path, arrays):
    del arrays["clip_grade"]

    with pytest.raises(DecodeError, match="has no array 'clip_grade'"):
        read_mocap(written(tmp_path, arrays))
