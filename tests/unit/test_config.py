from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from helios_wf.cli.options import SETTING_OPTIONS, settings_options
from helios_wf.config import PREFIX, READERS, VARIABLE_KEYS, Settings, masked
from helios_wf.errors import SettingsError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key in VARIABLE_KEYS:
        monkeypatch.delenv(PREFIX + key.upper(), raising=False)
    working = tmp_path / "project" / "work"
    working.mkdir(parents=True)
    monkeypatch.chdir(working)
    return working


def test_without_anything_said_the_home_lies_in_the_working_folder(folder: Path) -> None:
    settings = Settings.load()
    assert settings.home == folder / ".helios"
    assert settings.outdir == folder
    assert (settings.store, settings.backend, settings.jobs, settings.keep) == (None, "local", None, "failed")


def test_each_layer_wins_over_the_one_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "helios.toml").write_text('jobs = 2\nbackend = "slurm"\nkeep = "all"\n')
    monkeypatch.setenv("HELIOS_JOBS", "3")
    monkeypatch.setenv("HELIOS_KEEP", "none")
    settings = Settings.load(jobs="4", backend=None)
    assert (settings.backend, settings.keep, settings.jobs) == ("slurm", "none", 4)


def test_the_file_is_found_upward_and_its_paths_start_at_its_folder(folder: Path) -> None:
    (folder.parent / "helios.toml").write_text('home = "state"\ntemplates = ["mine", "/abs"]\n')
    settings = Settings.load()
    assert settings.home == folder.parent / "state"
    assert settings.templates == (folder.parent / "mine", Path("/abs"))


def test_the_nearest_file_is_the_only_one_read(folder: Path) -> None:
    (folder.parent / "helios.toml").write_text("jobs = 2\n")
    (folder / "helios.toml").write_text('keep = "all"\n')
    settings = Settings.load()
    assert (settings.jobs, settings.keep) == (None, "all")


def test_variables_and_options_are_relative_to_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "helios.toml").write_text('home = "elsewhere"\n')
    monkeypatch.setenv("HELIOS_HOME", "state")
    monkeypatch.setenv("HELIOS_TEMPLATES", "a:b/c")
    settings = Settings.load(outdir="../out")
    assert settings.home == folder / "state"
    assert settings.templates == (folder / "a", folder / "b" / "c")
    assert settings.outdir == folder.parent / "out"


def test_tables_of_backends_pass_through_as_they_are(folder: Path) -> None:
    (folder / "helios.toml").write_text('[backends.slurm]\npartition = "long"\n[backends.slurm.env]\nA = 1\n')
    assert Settings.load().backends == {"slurm": {"partition": "long", "env": {"A": 1}}}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('kep = "all"', ["helios.toml", "'kep'", "did you mean 'keep'?", "valid: home, store, backend"]),
        ("zzz = 1", ["'zzz'", "valid: home, store"]),
        ('keep = "some"', ["helios.toml: keep", "'some'", "none, failed, all"]),
        ("jobs = 0", ["helios.toml: jobs", "0", "at least 1"]),
        ("jobs = true", ["True", "whole number"]),
        ('templates = "one"', ["'one'", "a list of paths"]),
        ("home = 3", ["helios.toml: home", "3", "a path"]),
        ('store = "mysql://u:secret@h/d"', ["mysql://u:***@h/d", "postgresql://"]),
        ("backends = 1", ["[backends.NAME]"]),
        ("[backends]\nslurm = 1", ["backends.slurm", "[backends.slurm]"]),
        ("jobs = = 1", ["helios.toml", "is not TOML", "line 1"]),
    ],
)
def test_a_mistake_in_the_file_names_file_key_and_what_would_be_right(
    folder: Path, text: str, parts: list[str]
) -> None:
    (folder / "helios.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    for part in parts:
        assert part in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("HELIOS_JOBS", "many", "HELIOS_JOBS: 'many' is not a whole number"),
        ("HELIOS_KEEP", "some", "HELIOS_KEEP"),
        ("HELIOS_HOEM", "/x", "did you mean 'HELIOS_HOME'?"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, part: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=part.replace("?", r"\?")):
        Settings.load()


@pytest.mark.parametrize("variable", ["HELIOS_DEBUG", "HELIOS_JOB", "HELIOS_MISSION_CONTROL"])
def test_a_variable_of_another_purpose_is_left_alone(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")
    assert Settings.load().jobs is None


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOS_JOBS", "")
    assert Settings.load().jobs is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:pass@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:p@ss@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user@host/db?password=abc&x=1", "postgresql://user@host/db?password=***&x=1"),
        ("sqlite:////folder/a.db", "sqlite:////folder/a.db"),
    ],
)
def test_secrets_of_a_url_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_settings_in_a_log_hide_the_password_of_their_store() -> None:
    assert "pass" not in repr(Settings.load(store="postgresql://user:pass@host/db"))


def test_every_setting_has_a_reader_and_every_option_is_a_setting() -> None:
    assert set(READERS) == set(Settings.__struct_fields__)
    assert set(SETTING_OPTIONS) == set(VARIABLE_KEYS)


def test_a_command_with_settings_options_gets_settings(folder: Path) -> None:
    @click.command()
    @click.argument("name")
    @settings_options("home", "jobs", "keep", "templates")
    def show(name: str, settings: Settings) -> None:
        click.echo(f"{name} {settings.home} {settings.jobs} {settings.keep} {len(settings.templates)}")

    result = CliRunner().invoke(show, ["x", "--home", "h", "-j", "2", "--templates", "a", "--templates", "b"])
    assert result.output == f"x {folder / 'h'} 2 failed 2\n"


def test_a_command_takes_home_and_store_when_it_names_none(folder: Path) -> None:
    @click.command()
    @settings_options()
    def show(settings: Settings) -> None:
        click.echo(settings.store)

    result = CliRunner().invoke(show, ["--store", "sqlite:////x/y.db"])
    assert result.output == "sqlite:////x/y.db\n"


def test_a_wrong_option_is_an_error_of_the_caller() -> None:
    with pytest.raises(SettingsError, match="the command line: jobs: 'x' is not a whole number"):
        Settings.load(jobs="x")
