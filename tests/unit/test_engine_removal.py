from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf.engine.removal import remove_run


def made(run: Path) -> list[Path]:
    attempts = [run / f"{task}/0/{number}.1" for task in range(2) for number in range(30)]
    for attempt in attempts:
        (attempt / "out/deep").mkdir(parents=True)
        (attempt / "out/deep/left").write_text("left")
        (attempt / "stderr").write_text("")
    return attempts


def test_a_run_is_removed_with_all_that_its_jobs_left(tmp_path: Path) -> None:
    made(tmp_path / "run")
    (tmp_path / "run/literals/0").mkdir(parents=True)
    remove_run(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_stays_whole_and_alone(tmp_path: Path) -> None:
    attempts = made(tmp_path / "run")
    remove_run(tmp_path / "run", {attempts[7], attempts[8] / "out"})
    left = {path for path in (tmp_path / "run").rglob("*") if path.is_file()}
    whole, part = attempts[7], attempts[8]
    assert left == {whole / "out/deep/left", whole / "stderr", part / "out/deep/left"}


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "data").write_text("kept")
    attempt = made(tmp_path / "run")[0]
    (attempt / "out/link").symlink_to(kept)
    remove_run(tmp_path / "run")
    assert (kept / "data").read_text() == "kept"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("path", [None, "", "here"])
def test_the_system_s_own_rm_is_taken(
    path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/rm").write_text("#!/bin/sh\ntouch taken")
    (tmp_path / "here/rm").chmod(0o755)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(tmp_path / path) if path else "")
    if path is None:
        monkeypatch.delenv("PATH")
    made(tmp_path / "run")
    remove_run(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "here/taken").exists()


@pytest.mark.parametrize("command", ["false", "there is no such program"])
def test_without_rm_folders_are_removed_all_the_same(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("helios_wf.engine.removal.RM", (command,))
    attempts = made(tmp_path / "run")
    remove_run(tmp_path / "run", {attempts[7], attempts[8] / "out"})
    assert not attempts[6].exists()
    assert not (attempts[8] / "stderr").exists()
    assert (attempts[7] / "stderr").exists()
    remove_run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_left_nothing_is_passed_over(tmp_path: Path) -> None:
    remove_run(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
