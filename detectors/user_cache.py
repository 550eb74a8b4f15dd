"""Keep small answers that took time to find in the user's cache folder.

Nothing depends on it: where the folder cannot be written or a file in it is damaged, there is no
answer, and it is found anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder for what can be made again, as the system names it.

    `$XDG_CACHE_HOME/lift3d` where that is set, else `~/.cache/lift3d`, on macOS
    `~/Library/Caches/lift3d`, on Windows `%LOCALAPPDATA%/lift3d/Cache`.

    Raises:
        RuntimeError: the user has no home.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named) / "lift3d"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lift3d"
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"]) / "lift3d" / "Cache"
    return Path.home() / ".cache" / "lift3d"


def read_answer(topic: str, question: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer kept for a question, None where there is none that can be read.

    Args:
        topic: folder in the cache folder.
        question: everything that the answer depends on, as JSON can hold it.
    """
    try:
        kept = json.loads(_place(topic, question).read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return None
    if not isinstance(kept, dict) or kept.get("question") != question:
        return None
    answer = kept.get("answer")
    return answer if isinstance(answer, dict) else None


def keep_answer(topic: str, question: dict[str, Any], answer: dict[str, Any]) -> None:
    """Write an answer, whole or not at all, if the cache folder lets us."""
    text = json.dumps({"question": question, "answer": answer}, indent=1) + "\n"
    try:
        path = _place(topic, question)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        logger.debug("an answer about %s is not kept: %s", topic, error)


def _place(topic: str, question: dict[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    return cache_folder() / topic / f"{digest[:32]}.json"
