"""MATLAB files: one variable, read without surprises."""

import zlib
from pathlib import Path
from typing import Any

from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from ..poses.errors import DecodeError


def read_mat(path: str | Path, variable: str) -> Any:
    """Read one variable of a MATLAB file (up to version 7.2).

    Structs come back as objects with a field an attribute, axes of length 1 are squeezed out: a
    struct array of one element is the struct itself, and an empty one an array of size 0.

    Raises:
        DecodeError: the file is missing, no such MATLAB file, or lacks the variable.
    """
    try:
        content = loadmat(str(path), struct_as_record=False, squeeze_me=True)
    except FileNotFoundError:
        raise DecodeError(f"{path} does not exist; give the data set's official folder") from None
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError, zlib.error) as error:
        reason = " ".join(str(error).split())
        raise DecodeError(f"{path} is no readable MATLAB file ({reason})") from error
    if variable not in content:
        held = ", ".join(name for name in content if not name.startswith("__")) or "nothing"
        raise DecodeError(f"{path} must hold the variable {variable!r}, got {held}")
    return content[variable]
