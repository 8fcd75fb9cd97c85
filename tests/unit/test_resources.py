"""Shipped files are found in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf import resources
from helios_wf.errors import SettingsError


def test_a_checkout_has_its_templates_and_tools():
    assert (resources.templates() / "README.md").is_file()
    assert (resources.cwl_tools() / "events_stats.cwl").is_file()


def test_folders_inside_the_package_come_before_those_beside_it(tmp_path: Path):
    package = tmp_path / "helios_wf"
    (tmp_path / "templates").mkdir()
    package.mkdir()
    assert resources._shipped("templates", package) == tmp_path / "templates"
    (package / "templates").mkdir()
    assert resources._shipped("templates", package) == package / "templates"


def test_a_broken_installation_is_told_where_we_looked(tmp_path: Path):
    with pytest.raises(
        SettingsError, match=f"looked at {tmp_path}/helios_wf/templates and {tmp_path}/templates"
    ):
        resources._shipped("templates", tmp_path / "helios_wf")


def test_templates_find_the_tools_by_the_same_relative_path_in_a_wheel_and_in_a_checkout():
    assert resources.templates().parent == resources.cwl_tools().parent
