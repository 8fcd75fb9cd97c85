"""Index paths as text and as folders."""

from __future__ import annotations

from helios_wf.model.plans import Path


def to_text(path: Path) -> str:
    """Returns ``0/7`` for ``(0, 7)``, and nothing for the empty path."""
    return "/".join(map(str, path))


def from_text(text: str) -> Path:
    """Returns ``(0, 7)`` for ``0/7``."""
    return tuple(map(int, text.split("/"))) if text else ()


def job_key(task: int, path: Path) -> str:
    """Returns the key of a job in specs and reports: ``3/0/7``."""
    return "/".join(map(str, (task, *path)))


def from_key(key: str) -> tuple[int, Path]:
    """Returns the task and the index path of a job's key."""
    task, *path = map(int, key.split("/"))
    return task, tuple(path)


def directory(home: str, run: str, task: int, path: Path, attempt: int) -> str:
    """Returns the folder of an attempt; no folder on the way gets many more than a thousand entries."""
    name = "-".join(map(str, path)) or "job"
    return f"{home}/runs/{run}/{task}/{max(path, default=0) // 1000}/{name}.{attempt}"
