"""Open the weights of one kind of network, by name or path, with one line for each thing wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ..poses.errors import WeightsMissing
from .tensor_file import expanded, read_tensors
from .zoo import verified_path


@contextmanager
def opened_weights(
    weights: str | Path, kind: str
) -> Iterator[tuple[dict[str, Tensor], dict[str, Any]]]:
    """Give the tensors, floating ones as float32, and the metadata of a weights file.

    What goes wrong while the network is built from them, within the `with`, is the file's fault.

    Args:
        weights: name in the zoo, or path of a `.safetensors` file.
        kind: what its metadata must say; `lift3d train` has a recipe of the same name.

    Raises:
        BadInput: the zoo has no such weights.
        WeightsMissing: the file is absent, damaged, of something else, or does not fit itself.
    """
    text = str(weights)
    path = Path(weights) if text.endswith(".safetensors") else verified_path(text)
    tensors, metadata = read_tensors(path)
    if metadata.get("kind") != kind:
        raise WeightsMissing(
            f"{path} holds {metadata.get('kind', 'unknown')!r} weights, expected {kind!r}; "
            f"train some with `lift3d train {kind}`"
        )
    with built_from(path):
        yield expanded(tensors), metadata


@contextmanager
def built_from(path: str | Path) -> Iterator[None]:
    """Say in one line that a file does not fit itself, where what is built from it fails.

    Raises:
        WeightsMissing: a tensor or setting is missing, unknown or of another form.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsMissing(f"{path} does not fit its own configuration; train it anew") from error
