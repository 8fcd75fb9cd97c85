"""Fixtures that every room of the tests shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared test material (real event files, language cases); users do not have it."""
    folder = Path(os.environ.get("HELIOS_SHARED", ROOT.parent / "shared"))
    if not (folder / "language").is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have the shared test material at {folder}")
        pytest.skip(f"the shared test material is not at {folder}; set HELIOS_SHARED")
    return folder
