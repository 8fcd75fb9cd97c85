"""A kit for those who write backends: the promises of the port as tests, and a backend that only pretends.

    class TestMyBackend(BackendContract):
        def make(self, home):
            return MyBackend(BackendSettings(home=str(home), jobs=2))

It needs pytest.
"""

from helios_wf.testing.bench import Bench, drain, shell_tool, timed, wait_until
from helios_wf.testing.contract import BackendContract
from helios_wf.testing.fake import FakeBackend, succeed, succeed_range

__all__ = [
    "BackendContract",
    "Bench",
    "FakeBackend",
    "drain",
    "shell_tool",
    "succeed",
    "succeed_range",
    "timed",
    "wait_until",
]
