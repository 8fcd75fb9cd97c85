"""helios-wf: a CWL-driven workflow engine for event data.

    import helios_wf

    run = helios_wf.run("counts.cwl", {"log": Path("run7.log")}, jobs=4)
    run.file("counts").json()

For whoever runs workflows from Python:

- `run` runs a document once, `run_all` over all datasets that its masks take; `open_run` and `runs` find
  runs again.
- `Run` says where a run stands and what it gave; `Runs` are several.  `Status`, `TaskStatus` and `Events` are
  where one stands, `File` and `Directory` what it gave.
- `errors` has every error, `states` every state.

For authors of tools and backends: `event_stream` (resident tools), `backend` (the port), `testing` (the
contract that every backend keeps).  Everything else is the inside, and may change.

Nothing of it is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helios_wf import backend as backend
    from helios_wf import errors as errors
    from helios_wf import event_stream as event_stream
    from helios_wf import states as states
    from helios_wf import testing as testing
    from helios_wf.interface.calls import DocumentWarning, open_run, run, run_all, runs
    from helios_wf.interface.handle import Run, Runs
    from helios_wf.interface.outputs import Directory, File
    from helios_wf.interface.status import Events, Status, TaskStatus

__version__ = "0.1.0"

__all__ = [
    "Directory",
    "DocumentWarning",
    "Events",
    "File",
    "Run",
    "Runs",
    "Status",
    "TaskStatus",
    "open_run",
    "run",
    "run_all",
    "runs",
]

_PLACES = {
    "calls": ("DocumentWarning", "open_run", "run", "run_all", "runs"),
    "handle": ("Run", "Runs"),
    "outputs": ("Directory", "File"),
    "status": ("Events", "Status", "TaskStatus"),
}
_MODULES = ("backend", "errors", "event_stream", "states", "testing")


if not TYPE_CHECKING:
    # a checker knows the names from above, and would take any other for one of these

    def __getattr__(name: str) -> Any:
        """Imports what is asked for."""
        if name in _MODULES:
            return importlib.import_module(f"helios_wf.{name}")
        for module, names in _PLACES.items():
            if name in names:
                return getattr(importlib.import_module(f"helios_wf.interface.{module}"), name)
        raise AttributeError(f"module 'helios_wf' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Returns the names that are for everybody."""
    return [*__all__, *_MODULES, "__version__"]
