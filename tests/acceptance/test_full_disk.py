"""Full disks: what is said, that nothing is lost, and that runs go on once there is room."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import Desk, assert_nothing_was_done_twice, finish, printed

from helios_wf.states import RunState


class SmallDisk:
    """A file system of a few MiB in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leaves not a byte of room."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size):
                        pass

    def make_room(self) -> None:
        """Takes away what fills it."""
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=8m", "helios-wf-test", str(folder)]
    mounted = subprocess.run(mounting, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The outputs of an undisturbed run."""
    desk = Desk(tmp_path_factory.mktemp("undisturbed") / "desk", files=1, nap="0.01")
    out, _ = desk.call(*desk.run_arguments)
    desk.close()
    return printed(out)


def start_and_fill(desk: Desk, disk: SmallDisk) -> subprocess.Popen[str]:
    """Fills the disk in the middle of a run, and lets it go on."""
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    disk.fill()
    desk.open_gate()
    return process


def assert_resumes(desk: Desk, expected: object) -> None:
    run = desk.run().id
    out, _ = desk.call("resume", run)
    assert printed(out) == expected
    assert desk.run().state is RunState.DONE
    assert_nothing_was_done_twice(desk.log())


def test_a_full_disk_under_the_home_stops_the_run_and_loses_nothing(
    tmp_path: Path, disk: SmallDisk, expected: object
) -> None:
    desk = Desk(tmp_path / "desk", home=disk.folder / "home", files=1, nap="0.02", is_shut=True)
    _, err = finish(start_and_fill(desk, disk), 1)
    assert "full" in err or "No space left" in err
    assert "resume" in err
    _, err = desk.call("resume", code=1)
    assert "full" in err or "No space left" in err
    disk.make_room()
    assert_resumes(desk, expected)
    desk.close()


def test_a_full_disk_under_the_store_stops_the_run_and_loses_nothing(
    tmp_path: Path, disk: SmallDisk, expected: object
) -> None:
    store = f"sqlite:///{disk.folder}/helios.db"
    desk = Desk(tmp_path / "desk", store=store, files=1, nap="0.02", is_shut=True)
    _, err = finish(start_and_fill(desk, disk), 1)
    assert f"store {disk.folder}/helios.db: the disk (or quota) is full" in err
    assert "nothing of this change was kept" in err
    disk.make_room()
    assert_resumes(desk, expected)
    desk.close()


def test_a_full_disk_under_the_work_folders_is_not_the_jobs_fault(
    tmp_path: Path, disk: SmallDisk, expected: object
) -> None:
    store = f"sqlite:///{tmp_path}/helios.db"
    desk = Desk(tmp_path / "desk", store=store, home=disk.folder / "home", files=1, nap="0.02", is_shut=True)
    _, err = finish(start_and_fill(desk, disk), 1)
    assert "No space left on device" in err
    assert desk.run().state in (RunState.FAILED, RunState.RUNNING)
    assert [job for job in desk.jobs() if job.charged] == []
    disk.make_room()
    assert_resumes(desk, expected)
    desk.close()


def test_a_full_disk_under_the_outputs_leaves_them_to_be_published_later(
    tmp_path: Path, disk: SmallDisk, expected: object
) -> None:
    desk = Desk(tmp_path / "desk", files=1, nap="0.02", is_shut=True)
    desk.outdir = disk.folder / "out"
    _, err = finish(start_and_fill(desk, disk), 1)
    assert "cannot publish" in err
    assert "No space left on device" in err
    disk.make_room()
    before = desk.log()[-1].id
    assert_resumes(desk, expected)
    assert [entry for entry in desk.log(before) if entry.task is not None] == []
    desk.close()
