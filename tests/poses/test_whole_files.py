import pytest

from lift3d.poses.whole_files import whole_file


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "x.json"
    with whole_file(path) as part:
        part.write_text("half")
        assert not path.exists()
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_what_fails_leaves_what_was_there(tmp_path, stop):
    path = tmp_path / "x.json"
    path.write_text("before")

    def stopped():
        with whole_file(path) as part:
            part.write_text("half")
            raise stop

    with pytest.raises(stop):
        stopped()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
