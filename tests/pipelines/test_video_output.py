"""Which files are a video's results, and which of them count."""

import json

import numpy as np
import pytest

from lift3d.pipelines.video_output import PartsInfo, VideoItem, VideoOutput
from lift3d.pipelines.writers import read_source

VIDEO = VideoItem("/videos/walk.mp4", "walk")


@pytest.fixture
def output(tmp_path):
    return VideoOutput(tmp_path, PartsInfo("moving", "flat"), ("jsonl", "npz"))


def write_results(output, source=VIDEO.source):
    """Write a video's JSON lines and npz, with the header only."""
    header = json.dumps({"record": "header", "source": source})
    output.path(VIDEO, "jsonl").write_text(header + "\n")
    np.savez(output.path(VIDEO, "npz"), header=np.array(header))


@pytest.mark.parametrize("name", ["w*", "w?lk", "[w]alk", "walk"])
def test_only_a_videos_own_unfinished_files_are_deleted(output, tmp_path, name):
    others = ("walk-2.detections.00000000.part", "wulk.jsonl.part", "walk.avi.jsonl.part")
    own = (f"{name}.detections.00000000.part", f"{name}.jsonl.part", f"{name}.npz.part")
    for file in (*others, *own):
        (tmp_path / file).touch()
    output.clean(VideoItem("/videos/x.mp4", name))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_video_is_done_when_all_its_files_can_be_read(output):
    assert not output.is_done(VIDEO)
    write_results(output)
    assert output.is_done(VIDEO)


@pytest.mark.parametrize("suffix", ["jsonl", "npz"])
@pytest.mark.parametrize("share", [0, 0.3])
def test_an_empty_or_torn_file_is_not_done_and_nobody_elses(output, suffix, share):
    write_results(output)
    path = output.path(VIDEO, suffix)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert not output.is_done(VIDEO)
    assert not output.belongs_to_another(VIDEO)


def test_a_file_that_is_no_archive_but_an_array_is_nobodys(output, tmp_path):
    with output.path(VIDEO, "npz").open("wb") as file:
        np.save(file, np.zeros(3))
    assert read_source(output.path(VIDEO, "npz")) is None
    assert not output.belongs_to_another(VIDEO)


def test_earlier_results_are_found_in_any_format(output, tmp_path):
    assert output.earlier(VIDEO) is None
    output.path(VIDEO, "csv").write_text("not ours")
    assert output.earlier(VIDEO) is None
    output.path(VIDEO, "csv").write_text("# " + json.dumps({"source": VIDEO.source}) + "\n")
    assert output.earlier(VIDEO) == tmp_path / "walk.csv"
    output.path(VIDEO, "npz").write_text("torn")
    assert output.earlier(VIDEO) == tmp_path / "walk.npz"
