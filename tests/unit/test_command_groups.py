"""Groups of commands that are imported when they are called."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from helios_wf import cli, event_tools


@pytest.mark.parametrize(
    ("group", "wrong", "said"),
    [
        (cli.cli, "stats", "no command 'stats'; did you mean 'status'?"),
        (cli.cli, "nope", "no command 'nope'; known: backend, cancel, clean"),
        (event_tools.cli, "selct", "no command 'selct'; did you mean 'select'?"),
    ],
)
def test_a_command_that_is_not_there_is_met_with_the_nearest_or_all(
    group: click.Group, wrong: str, said: str
) -> None:
    result = CliRunner().invoke(group, [wrong, "--help"])
    assert result.exit_code == 2
    assert said in result.stderr
