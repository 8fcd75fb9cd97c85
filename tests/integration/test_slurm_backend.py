"""The Slurm backend on a real Slurm."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from helios_wf_slurm import SlurmBackend
from slurm_cluster import QUICK, Cluster

from helios_wf.backend import Backend, BackendSettings
from helios_wf.model import Json
from helios_wf.processes import JOB_MARK, marked
from helios_wf.testing import BackendContract

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]


def make_slurm(home: Path, jobs: int | None = 8, **options: Json) -> SlurmBackend:
    return SlurmBackend(BackendSettings(home=str(home), jobs=jobs, options={**QUICK, **options}))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_of(handle: str) -> int:
    """Returns the process id of the worker that runs an attempt."""
    tools = marked(JOB_MARK, [handle])
    return next(parent_of(pid) for pid in tools if parent_of(pid) not in tools)


class TestSlurmBackend(BackendContract):
    @pytest.fixture(autouse=True)
    def _empty(self, slurm: Cluster) -> None:
        slurm.empty()

    def make(self, home: Path) -> Backend:
        return make_slurm(home)

    def lose(self, backend: Backend, handle: str) -> None:
        os.kill(worker_of(handle), signal.SIGKILL)


class TestPoolInSlurm(TestSlurmBackend):
    def make(self, home: Path) -> Backend:
        return make_slurm(home, mode="pool", pool_nodes=2, pool_linger_seconds=2)
