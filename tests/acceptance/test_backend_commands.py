"""``helios-wf backend``: what is installed, and whether it works here."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_slurm import FakeSlurm
from slurm_cluster import Cluster

from tests.acceptance.conftest import Command


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    slurm = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{slurm.bin}:/usr/bin:/bin")
    return slurm


SETTINGS = "[backends.slurm]\npoll_seconds = 0.5\nlook_seconds = 0.05\nlate_seconds = 0.5\n"


def test_installed_backends_are_listed_with_what_brought_them(helios: Command) -> None:
    rows = helios.json("backend", "list", "--format", "json")
    assert {row["name"]: row["from"] for row in rows}.items() >= {
        "local": "helios-wf",
        "slurm": "helios-wf",
    }.items()
    assert helios("backend", "list") == 0
    assert "helios_wf_slurm:SlurmBackend" in helios.out


def test_any_backend_is_tried_with_a_small_job(helios: Command) -> None:
    (finding,) = helios.json("backend", "check", "local", "--format", "json")
    assert finding["good"], finding
    assert "its output is here" in finding["found"]
    assert list((helios.folder / ".helios" / "trial").iterdir()) == []


def test_a_backend_that_is_not_installed_is_met_with_those_that_are(helios: Command) -> None:
    assert helios("backend", "check", "lsf") == 2
    assert "no backend named 'lsf'; installed: gpu, local, slurm" in helios.err


def test_a_machine_without_slurm_hears_where_to_go(helios: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert helios("backend", "check", "slurm") == 1
    assert "FAIL  commands: not on PATH: sbatch" in helios.out
    assert "login node" in helios.out
    assert "a small job" not in helios.out


def test_wrong_settings_are_told_before_anything_else(helios: Command, fake: FakeSlurm) -> None:
    helios.write("helios.toml", "[backends.slurm]\npartitoin = 'x'\n")
    assert helios("backend", "check", "slurm") == 1
    assert (
        "FAIL  settings: [backends.slurm]: no setting is called 'partitoin'; did you mean 'partition'"
        in helios.out
    )
    assert fake.calls() == []


def test_each_step_says_what_to_do(helios: Command, fake: FakeSlurm) -> None:
    helios.write("helios.toml", f"{SETTINGS}partition = 'nowhere'\nfolder = '/proc/nowhere'\n")
    assert helios("backend", "check", "slurm") == 1
    assert "FAIL  partition: no partition 'nowhere'" in helios.out
    assert 'set partition = "NAME"; there are: main, debug' in helios.out
    assert "FAIL  shared folder: /proc/nowhere" in helios.out


def test_a_controller_that_is_away_ends_the_trial(helios: Command, fake: FakeSlurm) -> None:
    fake.fault("away")
    assert helios("backend", "check", "slurm") == 1
    assert "FAIL  controller: scontrol: error: Unable to contact slurm controller" in helios.out
    assert "partition" not in helios.out.partition("controller")[2]


def test_a_node_that_cannot_start_python_is_told_with_its_words(helios: Command, fake: FakeSlurm) -> None:
    helios.write("helios.toml", f"{SETTINGS}python = '/no/such/python'\n")
    assert helios("backend", "check", "slurm") == 1
    assert "FAIL  a small job: ended with LOST" in helios.out
    assert "/no/such/python" in helios.out
    fake.release()


def test_a_job_that_does_not_start_in_time_says_why_it_waits(helios: Command, fake: FakeSlurm) -> None:
    fake.fault("pend")
    helios.write("helios.toml", SETTINGS)
    assert helios("backend", "check", "slurm", "--patience", "3") == 1
    assert "FAIL  a small job: did not end in 3 s: Resources: no node has enough free cores" in helios.out
    fake.release()


def test_a_sound_site_is_found_so_and_a_profile_is_taken(helios: Command, fake: FakeSlurm) -> None:
    helios.write("helios.toml", f"{SETTINGS}[backends.slurm.profiles.quick]\npartition = 'debug'\n")
    assert helios("backend", "check", "slurm:quick") == 0, helios.out
    assert "ok    settings: mode array, partition debug" in helios.out
    assert "ok    a small job: ran on" in helios.out
    assert "--partition=debug" in fake.calls("sbatch")[0]


@pytest.mark.slurm
def test_a_real_site_is_found_sound(helios: Command, slurm: Cluster) -> None:
    helios.write("helios.toml", SETTINGS)
    assert helios("backend", "check", "slurm") == 0, helios.out
    assert "cluster helios, Slurm" in helios.out
    assert "main: 3 nodes of 4 cores, 4096 MiB, 2 GPUs, no time limit" in helios.out
    assert "slurmdbd tells" in helios.out
