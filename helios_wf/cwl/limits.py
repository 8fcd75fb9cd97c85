"""What a document may make us spend, in JavaScript and in being read: processor time and memory."""

from __future__ import annotations

import os

from helios_wf.errors import SettingsError

EXPRESSION_SECONDS = "HELIOS_EXPRESSION_SECONDS"
LOAD_SECONDS = "HELIOS_LOAD_SECONDS"
"""Environment variables that raise or lower the limits of time."""

EXPRESSION_S = 10.0
"""Processor time of one evaluation of JavaScript."""

EXPRESSION_MB = 256
"""Memory of one evaluation."""

SANDBOX_MB = 2048
"""Address space of the process that evaluates: not all that QuickJS does looks at its own limits."""

LOAD_S = 3.0
"""Processor time of reading one document with all that it refers to, without the import of cwltool."""

READER_MB = 2048
"""Address space of the process that reads documents."""


def load_s() -> float:
    """Returns the limit of reading one document, in seconds of processor time.

    Raises:
        SettingsError: the environment variable for it holds no positive number.
    """
    return _seconds(LOAD_SECONDS, LOAD_S)


def expression_s() -> float:
    """Returns the limit of one evaluation, in seconds of processor time.

    Raises:
        SettingsError: the environment variable for it holds no positive number.
    """
    return _seconds(EXPRESSION_SECONDS, EXPRESSION_S)


def _seconds(variable: str, default: float) -> float:
    text = os.environ.get(variable) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise SettingsError(f"the environment variable {variable} must be a number of seconds, not {text!r}")
    return value
