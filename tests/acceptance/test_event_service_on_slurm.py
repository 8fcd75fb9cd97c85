"""Event ranges on nodes that hear nothing while they work: fake commands of Slurm, its real workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from fake_slurm import FakeSlurm
from fragile_runs import WAYS, Fragile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.conftest import Command

SETTINGS = """\
[backends.slurm]
poll_seconds = 0.2
look_seconds = 0.02
late_seconds = 0.5
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurm]:
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{fake.bin}:{os.environ['PATH']}")
    yield fake
    fake.release()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("slurm")
def test_exactly_the_events_that_a_tool_cannot_process_are_lost_on_slurm_too(
    helios: Command, way: str
) -> None:
    bad = {11: "exit 7", 50: "signal 11", 51: "hang"}
    fragile = Fragile(helios, way, 96, bad, files=2, tolerate="{events: 0.05}")
    helios.write("helios.toml", SETTINGS)
    assert fragile.run("--backend", "slurm", "--jobs", "2") == 0, helios.err
    name = fragile.raw[0].name
    assert fragile.events("FATAL") == sorted((name, event) for event in bad)
    fragile.check_outputs(frozenset(bad))
