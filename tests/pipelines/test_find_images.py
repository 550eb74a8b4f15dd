import os
from pathlib import Path

import pytest

from lift3d.pipelines.find_images import find_images

SUFFIXES = "photos end in .jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a function that makes empty files below the working folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> Path:
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()
        return tmp_path

    return make


def names(*sources: str) -> list[str]:
    found = find_images(list(sources))
    assert found.errors == []
    return [item.name for item in found.items]


def only_error(*sources: str) -> str:
    found = find_images(list(sources))
    assert found.items == []
    (error,) = found.errors
    return str(error)


def test_a_file_is_named_by_its_stem(tree):
    root = tree("a/img.jpg")
    (item,) = find_images(["a/img.jpg"]).items
    assert item.name == "img"
    assert item.path == root / "a/img.jpg"


def test_a_file_is_taken_whatever_its_suffix(tree):
    tree("upload.dat")
    assert names("upload.dat") == ["upload"]


def test_a_folder_is_searched_with_sub_folders_in_sorted_order(tree):
    tree("p/b.JPG", "p/a.png", "p/sub/c.webp", "p/sub/deep/d.tif", "p/notes.txt", "p/film.mp4")
    assert names("p") == ["a", "b", "sub/c", "sub/deep/d"]


def test_a_folder_leaves_hidden_files_and_folders_out(tree):
    tree("p/a.jpg", "p/.b.jpg", "p/.cache/c.jpg")
    assert names("p") == ["a"]


def test_a_folder_leaves_the_pictures_out_that_lift3d_wrote(tree):
    tree("p/a.jpg", "p/a.json", "p/a.overlay.png", "p/a.3d.png", "p/b.npz", "p/b.3d.png")
    tree("p/c.3d.png")
    assert names("p") == ["a", "c.3d"]


def test_a_pattern_that_the_shell_left_alone_is_expanded(tree):
    tree("p/b.jpg", "p/a.jpg", "p/c.png", "p/sub/d.jpg")
    assert names("p/*.jpg") == ["a", "b"]


def test_two_stars_go_through_all_folders(tree):
    tree("p/a.jpg", "p/x/b.jpg", "p/x/y/c.jpg", "p/x/notes.txt")
    assert names("p/**/*") == ["a", "b", "c"]
    assert names("p/**") == ["a", "b", "c"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tree):
    tree("img[1].jpg")
    assert names("img[1].jpg") == ["img[1]"]


def test_one_photo_named_twice_is_done_once(tree):
    tree("p/a.jpg", "p/b.jpg")
    assert names("p/b.jpg", "p", "./p/../p/b.jpg", "p/*.jpg") == ["b", "a"]


def test_the_same_name_in_two_folders_gets_the_parent_in_front(tree):
    tree("a/img.jpg", "b/img.jpg", "b/other.jpg")
    assert names("a/img.jpg", "b/img.jpg", "b/other.jpg") == ["a/img", "b/img", "other"]


def test_the_same_name_in_two_given_folders_gets_the_parent_in_front(tree):
    tree("one/s/img.jpg", "two/s/img.jpg")
    assert names("one", "two") == ["one/s/img", "two/s/img"]


def test_as_many_parents_as_tell_the_photos_apart(tree):
    tree("x/a/img.jpg", "y/a/img.jpg")
    assert names("x/a/img.jpg", "y/a/img.jpg") == ["x/a/img", "y/a/img"]


def test_names_do_not_depend_on_the_order_of_the_sources(tree):
    tree("a/img.jpg", "b/img.jpg")
    assert names("b/img.jpg", "a/img.jpg") == ["b/img", "a/img"]


def test_photos_of_one_folder_that_differ_in_the_suffix_keep_it(tree):
    tree("p/x.jpg", "p/x.png", "p/y.jpg")
    assert names("p") == ["x.jpg", "x.png", "y"]


def test_a_kept_suffix_does_not_clash_with_a_longer_name(tree):
    tree("p/x.jpg", "p/x.png", "p/x.jpg.png")
    assert names("p") == ["x.jpg", "x.jpg.png", "x.png"]


@pytest.mark.parametrize("name", ["manifest", "Manifest", "manifest.2-of-8"])
def test_a_photo_whose_results_would_be_called_as_a_manifest_keeps_its_suffix(tree, name):
    tree(f"p/{name}.png", "p/sub/manifest.png", "p/manifesto.png")
    assert sorted(names("p")) == sorted([f"{name}.png", "manifesto", "sub/manifest"])
    tree(f"p/{name}.png.jpg")
    assert {f"{name}.png", f"{name}.png.jpg"} < set(names("p"))


def test_suffix_and_parents_together_tell_three_photos_apart(tree):
    tree("a/x.jpg", "a/x.png", "b/x.jpg")
    assert names("a/x.jpg", "a/x.png", "b/x.jpg") == ["x.jpg", "x.png", "b/x"]


def test_names_that_differ_in_case_only_get_the_parent_in_front(tree):
    tree("a/IMG.jpg", "b/img.jpg")
    assert names("a/IMG.jpg", "b/img.jpg") == ["a/IMG", "b/img"]


def test_photos_whose_paths_differ_in_case_only_keep_distinct_names(tree):
    root = tree("a/x.jpg", "A/x.jpg", "p/q.jpg", "p/Q.jpg")
    if len(os.listdir(root)) < 3:
        pytest.skip("this file system ignores case")
    found = names("a/x.jpg", "A/x.jpg", "p/q.jpg", "p/Q.jpg")
    assert len(set(found)) == 4


def test_a_missing_file_names_the_closest_one_and_the_others_are_found(tree):
    root = tree("p/img_001.jpg", "p/other.jpg")
    found = find_images(["p/img_01.jpg", "p/other.jpg"])
    assert [item.name for item in found.items] == ["other"]
    assert [str(error) for error in found.errors] == [
        f"p/img_01.jpg: no such file or folder; the closest name in '{root}/p' is 'img_001.jpg'"
    ]


def test_a_missing_folder_names_the_closest_one(tree):
    root = tree("photos/img.jpg")
    assert only_error("photo/img.jpg") == (
        f"photo/img.jpg: no such file or folder; the closest name in '{root}' is 'photos'"
    )


def test_a_missing_file_without_a_similar_one_says_so(tree):
    root = tree("zzz.txt")
    assert only_error("img.jpg") == (
        f"img.jpg: no such file or folder; nothing in '{root}' has a name like 'img.jpg'"
    )


def test_a_folder_without_photos_is_an_error(tree):
    tree("p/notes.txt", "p/.hidden.jpg")
    assert only_error("p") == f"p: no photo in this folder; {SUFFIXES}"


def test_a_pattern_without_photos_is_an_error(tree):
    tree("p/notes.txt")
    assert only_error("p/*") == f"p/*: no photo matches this pattern; {SUFFIXES}"


def test_an_empty_source_does_not_mean_the_working_folder(tree):
    tree("img.jpg")
    assert only_error("") == "'': expected a photo, a folder or a pattern, got an empty name"


def test_an_unreadable_sub_folder_is_listed_and_the_rest_is_found(tree, monkeypatch):
    tree("p/a.jpg", "p/locked/b.jpg")
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_images(["p"])
    assert [item.name for item in found.items] == ["a"]
    assert [str(error) for error in found.errors] == [
        f"{os.path.abspath('p/locked')}: cannot be read: Permission denied; check its permissions"
    ]
