"""What is known of processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys

from helios_wf.processes import has_ended
from tests.driving import wait_until


def test_a_process_has_ended_also_when_nobody_has_waited_for_it_yet() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert not has_ended(process.pid)
    process.kill()
    wait_until(lambda: has_ended(process.pid), "a process that was killed never ended")
    os.kill(process.pid, 0)
    process.communicate()
    assert has_ended(process.pid)


def test_a_process_of_somebody_else_is_alive() -> None:
    assert not has_ended(1)
