"""Index paths as sortable keys.

A job's path ``0/17`` is stored as ``a0/b17``: a letter for the number of digits stands before each number, so
that text order is numeric order, depth first, and everything below a path is one range of keys.
"""

from __future__ import annotations


def key(path: str) -> str:
    """Returns the key under which a path is stored (``0/17`` -> ``a0/b17``)."""
    if not path:
        return ""
    return "/".join([chr(96 + len(part)) + part for part in path.split("/")])


def path(key: str) -> str:
    """Returns the path that a key stands for (``a0/b17`` -> ``0/17``)."""
    if not key:
        return ""
    return "/".join([part[1:] for part in key.split("/")])


def below(prefix: str) -> tuple[str, str]:
    """Returns the keys between which everything below a path lies, the path itself apart: ``[from, to)``."""
    if not prefix:
        return "a", "{"
    return f"{key(prefix)}/", f"{key(prefix)}0"
