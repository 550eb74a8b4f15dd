"""Names of detectors and lifters: where they are looked for, and what goes wrong."""

import re
from importlib.metadata import EntryPoint

import pytest

import lift3d
from lift3d.detectors.hourglass import HourglassDetector
from lift3d.pipelines import parts
from lift3d.pipelines.parts import list_detectors, list_lifters, load_detector, load_lifter
from lift3d.poses.errors import PluginError


def message(call, *arguments) -> str:
    with pytest.raises(PluginError) as error:
        call(*arguments)
    return str(error.value)


def test_built_in_lifter_is_found_by_name():
    assert load_lifter("ppca", "cpu").skeleton.name == "h36m17"


def test_an_object_is_taken_as_it_is(scripted):
    detector = load_detector(f"{scripted}:Scripted")
    assert load_detector(detector) is detector


def test_a_class_in_a_file_is_made_with_the_device(scripted):
    assert load_detector(f"{scripted}:Scripted", "cuda:3").device == "cuda:3"


def test_a_class_in_a_module_is_found():
    assert load_lifter("lift3d.lifting:PPCALifter").needs == frozenset()


def test_a_file_with_a_dataclass_and_deferred_annotations_loads(tmp_path):
    path = tmp_path / "late.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from lift3d.poses import Skeleton, get_skeleton\n"
        "@dataclass\n"
        "class Late:\n"
        "    device: str = 'cpu'\n"
        "    skeleton = get_skeleton('mpii16')\n"
        "    def detect(self, images):\n"
        "        return [[] for _ in images]\n"
    )
    assert load_detector(f"{path}:Late").detect([1, 2]) == [[], []]


def test_an_entry_point_is_found_behind_the_built_in_names(monkeypatch):
    point = EntryPoint("mine", "lift3d.lifting:PPCALifter", "lift3d.lifters")
    monkeypatch.setattr(parts, "entry_points", lambda group: [point] if "lifters" in group else [])
    assert type(load_lifter("mine")).__name__ == "PPCALifter"
    assert [part.name for part in list_lifters()] == [
        "consensus",
        "ppca",
        "fusion",
        "mine",
    ]


def test_unknown_name_lists_what_exists_closest_first():
    assert message(load_detector, "hourgalss") == (
        "no detector is called 'hourgalss'; there are hourglass, hourglass-m; "
        "for your own give package.module:Name or file.py:Name"
    )


def test_missing_file_is_named():
    assert message(load_detector, "nowhere.py:Thing") == "detector file nowhere.py does not exist"


def test_missing_attribute_is_named(scripted):
    name = f"{scripted}:Other"
    assert message(load_detector, name) == f"detector {name!r}: {scripted} has no 'Other'"


def test_missing_module_is_named():
    assert message(load_detector, "no_such_package.part:Thing") == (
        "detector module 'no_such_package.part' cannot be imported: "
        "No module named 'no_such_package'"
    )


def test_what_lacks_the_methods_is_no_detector(scripted):
    name = f"{scripted}:Broken"
    assert message(load_detector, name) == (
        f"detector {name!r} must have skeleton, detect; Broken lacks skeleton, detect"
    )


def test_a_skeleton_by_name_only_is_refused():
    class Named:
        skeleton = "coco17"

        def detect(self, images):
            return []

    with pytest.raises(PluginError) as failure:
        load_detector(Named())

    assert str(failure.value).endswith(
        "must have a lift3d.Skeleton as `skeleton`, got 'coco17'; use lift3d.get_skeleton(name)"
    )


def test_what_is_not_callable_is_no_detector(scripted):
    name = f"{scripted}:NUMBER"
    assert message(load_detector, name) == (
        f"detector {name!r} is int, expected a class, a function that returns a detector, "
        "or a detector"
    )


def test_a_failing_constructor_is_one_line(scripted):
    name = f"{scripted}:fails"
    assert message(load_detector, name) == f"detector {name!r} cannot be made: no such camera"


def test_every_listed_part_has_a_line_about_it():
    assert all(re.match(r".{20,}\.$", part.summary) for part in list_detectors() + list_lifters())


def test_the_root_gives_the_loaders():
    assert lift3d.load_lifter is load_lifter
    assert lift3d.load_detector is load_detector


@pytest.mark.parametrize(
    ("name", "weights"), [("hourglass", "hourglass-s"), ("hourglass-m", "hourglass-m")]
)
def test_each_size_of_the_hourglass_has_its_weights(name, weights):
    assert load_detector(name, "cpu").weights == (weights, "people")
    assert sorted(parts.WEIGHTS[name]) == sorted((weights, "people"))


def test_the_hourglass_by_name_has_the_threshold_of_its_class():
    assert load_detector("hourglass", "cpu").threshold == HourglassDetector(device="cpu").threshold
    assert load_detector("hourglass", "cpu", threshold=0.6).threshold == 0.6
