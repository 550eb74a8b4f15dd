"""The manifest: what was run, and what became of each video, over several runs."""

import json

from lift3d import __version__
from lift3d.pipelines.manifest import Manifest, read_manifest


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
    for text in ("", "{", "[]", '{"files": 3}'):
        path.write_text(text)
        assert read_manifest(path) == {}
