"""The manifest: what was run, and what became of each video, over several runs."""

import json
import os

from lift3d import __version__
from lift3d.pipelines.manifest import Manifest, has_changed, read_manifest, read_manifests


def manifest(path):
    return Manifest(path, ["lift3d", "batch", "videos"], {"people": "abc"}, {"stride": 2})


def test_the_file_says_what_was_run_and_what_became_of_it(tmp_path):
    path = tmp_path / "manifest.json"
    made = manifest(path)
    made.put("b", {"status": "failed"})
    made.put("a", {"status": "done"})
    made.save()
    assert json.loads(path.read_text()) == {
        "schema_version": 1,
        "lift3d_version": __version__,
        "command": ["lift3d", "batch", "videos"],
        "weights_sha256": {"people": "abc"},
        "settings": {"stride": 2},
        "files": {"a": {"status": "done"}, "b": {"status": "failed"}},
    }
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_what_earlier_runs_wrote_about_others_stays(tmp_path):
    path = tmp_path / "manifest.json"
    first = manifest(path)
    first.put("a", {"status": "failed"})
    first.save()
    second = manifest(path)
    second.put("b", {"status": "done"})
    second.put("a", {"status": "done"})
    second.save()
    assert read_manifest(path) == {"a": {"status": "done"}, "b": {"status": "done"}}


def test_a_damaged_manifest_is_begun_anew(tmp_path):
    path = tmp_path / "manifest.json"
    for text in ("", "{", "[]", '{"files": 3}', '{"files": {"a": 3}}'):
        path.write_text(text)
        assert read_manifest(path) == {}


def test_of_all_manifests_of_a_folder_what_was_written_last_counts(tmp_path):
    written = {
        "manifest.json": {"a": ("done", "2026-01-01T12:00:00+0000"), "b": ("done", None)},
        "manifest.1-of-2.json": {"a": ("damaged", "2026-01-01T12:00:01+0000")},
        "manifest.2-of-2.json": {
            "a": ("failed", "2026-01-01T13:00:00+0100"),
            "b": ("failed", None),
            "c": ("failed", None),
        },
        "manifesto.json": {"d": ("damaged", None)},
    }
    for name, files in written.items():
        entries = {video: {"status": s, "finished": when} for video, (s, when) in files.items()}
        (tmp_path / name).write_text(json.dumps({"files": entries}))
    said = {name: entry["status"] for name, entry in read_manifests(tmp_path).items()}
    assert said == {"a": "damaged", "b": "done", "c": "failed"}


def test_a_file_that_is_gone_or_no_file_has_changed_only_if_it_was_there(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "nothing.mp4")
    for name in ("pipe.mp4", "link.mp4", "gone.mp4"):
        assert not has_changed(str(tmp_path / name), {"fingerprint": None})
        assert has_changed(str(tmp_path / name), {"fingerprint": "abc"})
