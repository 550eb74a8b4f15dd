"""The house rules: imports run one way, and starting is quick because nothing heavy loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lift3d

ROOT = Path(lift3d.__file__).parent
ORDER = [
    "poses",
    "models",
    "detectors",
    "lifting",
    "pipelines",
    "datasets",
    "evaluation",
    "training",
    "cli",
]
ALLOWED = {folder: set(ORDER[: i + 1]) for i, folder in enumerate(ORDER)}
ALLOWED["models"] = {"poses", "models"}
ALLOWED["detectors"] = {"poses", "models", "detectors"}
ALLOWED["lifting"] = {"poses", "models", "lifting"}
ALLOWED["datasets"] = {"poses", "datasets"}


def imported_folders(path: Path) -> set[str]:
    """Return the folders of lift3d that a file imports from, relatively or by name."""
    package = path.relative_to(ROOT).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            found |= {(*base, *(node.module or "").split("."))[0]} - {""}
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("lift3d.")}
    return found


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_only_from_those_below_it(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported_folders(path) - ALLOWED[folder])
        for path in files
        if imported_folders(path) - ALLOWED[folder]
    }
    assert wrong == {}


def test_every_folder_with_code_is_in_the_order_and_in_the_package():
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(ORDER)


@pytest.mark.parametrize("code", ["import lift3d", "import lift3d.cli.main"])
def test_starting_loads_neither_torch_nor_cv2_nor_cvxpy(code):
    heavy = f"{code}; import sys; print({{'torch', 'cv2', 'cvxpy', 'scipy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_help_loads_neither_torch_nor_cv2_nor_cvxpy():
    code = (
        "import sys\nfrom lift3d.cli.main import main\n"
        "try:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass\n"
        "print({'torch', 'cv2', 'cvxpy', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_a_first_detection_does_not_load_torchs_compiler():
    code = (
        "import sys, numpy\nfrom lift3d.detectors import HourglassDetector\n"
        "HourglassDetector(precision='float32').detect([numpy.zeros((64, 64, 3), numpy.uint8)])\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_public_name_is_there():
    assert all(getattr(lift3d, name) is not None for name in lift3d.__all__)
    assert set(lift3d.__all__) <= set(dir(lift3d))


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Pipelines'"):
        _ = lift3d.Pipelines
