from __future__ import annotations

import os
import signal
from pathlib import Path

from helios_wf_local import LocalBackend

from helios_wf.backend import Backend, BackendSettings
from helios_wf.processes import JOB_MARK, marked
from helios_wf.testing import BackendContract


def make_local(home: Path, jobs: int = 2) -> LocalBackend:
    return LocalBackend(BackendSettings(home=str(home), jobs=jobs, options={"grace_s": 0.3}))


class TestLocalBackend(BackendContract):
    def make(self, home: Path) -> Backend:
        return make_local(home)

    def lose(self, backend: Backend, handle: str) -> None:
        (tool, *_) = marked(JOB_MARK, [handle])
        os.kill(int(Path(f"/proc/{tool}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
