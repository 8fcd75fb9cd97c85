"""What an event program says when it fails, and its exit code."""

from __future__ import annotations

from helios_wf.errors import HeliosError

CALLERS_MISTAKES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What the system says of an output that cannot be: in a folder that is not there, or may not be written."""


def failure_of(error: HeliosError | OSError) -> tuple[str, int]:
    """Returns a message and the exit code: 2 for a mistake of the caller, 1 for trouble of the system."""
    if isinstance(error, HeliosError):
        return str(error), error.exit_code
    code = 2 if isinstance(error, CALLERS_MISTAKES) else 1
    return f"{error.filename}: {error.strerror}" if error.filename else str(error), code
