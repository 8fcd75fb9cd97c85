"""Every command that reads tells the same to people and to programs: one JSON value, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from made_runs import made_ranges, made_run

from helios_wf import resources
from helios_wf.cli import cli
from helios_wf.store import Store

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

ACTING = frozenset(
    {
        *(
            "run",
            "resume",
            "retry",
            "rerun",
            "pause",
            "cancel",
            "clean",
            "export",
            "fmt",
            "completion",
            "logs",
        ),
        *("dataset add", "dataset close", "dataset delete"),
        *("template activate", "template archive", "template new"),
    }
)
"""Commands that change something, or print what they are asked for as it is."""

TEMPLATES = str(resources.templates())
STATISTICS = f"{TEMPLATES}/event_statistics/event_statistics.cwl"

READING: dict[str, tuple[str, ...]] = {
    "plan": (STATISTICS,),
    "match": ("helios.000042.physics.events", "--templates", TEMPLATES),
    "validate": (STATISTICS,),
    "template list": ("--templates", TEMPLATES),
    "template show": ("event_statistics", "--templates", TEMPLATES),
    "template diff": (STATISTICS, STATISTICS),
    "dataset list": (),
    "dataset show": ("made.raw",),
    "dataset verify": ("made.raw",),
    "runs": (),
    "status": (),
    "ranges": (),
    "report": (),
    "explain": (),
    "diff": ("RUN", "RUN"),
    "backend list": (),
    "backend check": ("local",),
}
"""Command: what it is given here."""

HUMAN = {"validate": "text", "report": "html"}
"""Commands whose format for people is not ``table``."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yields every command that can be called, with those of groups."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield f"{name} {inner}", found
        else:
            assert command is not None
            yield name, command


COMMANDS = dict(commands())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a run that failed, its event ranges, and a dataset; made once."""
    folder = tmp_path_factory.mktemp("read")
    store = Store.open(None, folder / ".helios")
    run = made_run(store, folder / "w", 40, failing=0.1)
    made_ranges(store, run, 1, 20, fatal=(3,))
    store.close()
    return folder


def test_every_command_is_known_to_read_or_to_act() -> None:
    unknown = set(COMMANDS) - set(READING) - ACTING
    assert not unknown, f"say in READING or ACTING what these do: {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in READING])
def test_a_command_that_reads_has_a_format_for_people_and_json(name: str) -> None:
    (formats,) = (option for option in COMMANDS[name].params if "--format" in option.opts)
    assert isinstance(formats.type, click.Choice)
    assert {HUMAN.get(name, "table"), "json"} <= set(formats.type.choices)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in READING])
def test_json_is_one_value_on_standard_output_and_nothing_else(
    name: str, helios: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    helios.folder = folder
    if not (folder / "raw.txt").exists():
        helios.write("raw.txt", "1\n2\n")
        assert helios("dataset", "add", "made.raw", "raw.txt", "--close") == 0, helios.err
    run = helios.json("runs", "--format", "json")[0]["run"]
    given = [run if one == "RUN" else one for one in READING[name]]
    assert helios(*name.split(), *given, "--format", "json") in (0, 1), helios.err
    assert json.loads(helios.out) is not None
    assert helios.out.endswith("\n")


def test_a_number_of_runs_that_is_none_is_told(helios: Command) -> None:
    for number in ("0", "-1"):
        assert helios("runs", "--limit", number) == 2
        assert f"{number} is not in the range x>=1" in helios.err
