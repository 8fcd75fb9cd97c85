"""Where the shipped templates and CWL tools lie, in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

from helios_wf.errors import SettingsError

PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """Returns the folder of the shipped templates.

    Raises:
        SettingsError: The installation lacks them.
    """
    return _shipped("templates")


def cwl_tools() -> Path:
    """Returns the folder of the CommandLineTools that the shipped templates share.

    Raises:
        SettingsError: The installation lacks them.
    """
    return _shipped("cwl_tools")


def _shipped(name: str, package: Path = PACKAGE) -> Path:
    """Returns ``name`` inside the package (a wheel), else beside it (a checkout)."""
    places = (package / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    looked = " and ".join(str(place) for place in places)
    raise SettingsError(
        f"the shipped folder {name!r} is missing; looked at {looked}; install helios-wf again"
    )
